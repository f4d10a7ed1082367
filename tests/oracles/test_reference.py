"""Names of images: okplug reads what Docker's ``reference`` library reads."""

from __future__ import annotations

from typing import Any

from okplug.errors import UsageError
from okplug.reference import Reference
from tests.oracles.asking import (
    ON_PURPOSE,
    REFUSED,
    Comparison,
    Grammar,
    ask,
    case_count,
    chance,
    packed,
)

_RULES = {
    "REFERENCE": ("NAMED", "NAMED", "NAMED : TAG", "NAMED @ DIGEST", "NAMED : TAG @ DIGEST"),
    "NAMED": ("PATH", *("HOST / PATH",) * 5, "http:// HOST / PATH", "/ PATH"),
    "HOST": (*("NAME . NAME", "HOST : PORT") * 3, "localhost", "index.docker.io", "LABEL", "IP"),
    "IP": ("[ HEXES ]", "[::1]", "127.0.0.1", "[fe80::1%eth0]", "[ HEX ]"),
    "HEXES": ("HEX", "HEX : HEXES", ": HEXES"),
    "PORT": ("5000", "0", "99999", "443", "80", "", "a"),
    "LABEL": (*("a", "A", "a-b", "1") * 4, "-a", "a-", "a_b", "é", "Foo"),
    "NAME": ("LABEL", "LABEL . LABEL"),
    "PATH": ("COMPONENT", "COMPONENT", "COMPONENT / PATH"),
    "COMPONENT": (*("WORD",) * 6, *("WORD JOINT WORD",) * 3, "library", "LONG"),
    "WORD": (*("a", "app", "1", "a1") * 6, "B", "", "é"),
    "JOINT": (*(".", "_", "__", "-", "---") * 3, "___", "..", "._", "-_"),
    "LONG": (f"{'a' * 120}", f"{'a' * 128}"),
    "TAG": (
        *("1", "v1.2", "_", "latest") * 3,
        "-a",
        ".a",
        "A-b_c.d",
        "LONG",
        "LONG LONG",
        "",
        "é",
        "1\n",
    ),
    "DIGEST": (
        *("sha256: H64",) * 5,
        "sha256:abc",
        "sha512: H64 H64",
        "sha384: H32 H64",
        "ODD : H64",
    ),
    "ODD": ("md5", "sha1", "SHA256", "sha256+b64", "a.b", ""),
    "H64": ("H32 H32",),
    "H32": (*(f"{'0af1' * 8}", f"{'9' * 32}") * 5, f"{'0AF1' * 8}"),
    "HEX": ("1", "ab", "F"),
}
_ALPHABET = "aA1./:@-_[] \né"


def test_references() -> None:
    source = chance("reference")
    grammar = Grammar(_RULES, source)
    texts = [grammar.text("REFERENCE") for _ in range(case_count())]
    texts = [grammar.spoilt(t, _ALPHABET) if source.random() < 0.15 else t for t in texts]
    texts += ["a" * 64, "b" * 63, "f" * 64 + ":1", "", "a/" * 127 + "a", "a/" * 128]
    comparison = Comparison("references")
    questions = [{"Text": packed(text)} for text in texts]
    for text, (reply, _) in zip(texts, ask("reference", questions), strict=True):
        comparison.take(
            text, _ours(text, reply), REFUSED if reply is None else tuple(reply.values())
        )
    comparison.check()


def _ours(text: str, reply: Any) -> object:
    try:
        read = Reference.parse(text)
    except UsageError:
        return ON_PURPOSE if reply and _is_bare_host(reply["domain"]) else REFUSED
    assert Reference.parse(str(read)) == read
    return read.registry, read.repository, read.tag, read.digest


def _is_bare_host(host: str) -> bool:
    """Tell whether nothing but a capital letter shows that *host* is one, or it is none at last.

    The latter is what the library makes of ``a_b.c/d``, whose host cannot be one.
    """
    return not host or (host != host.lower() and not set(host) & set(".:"))
