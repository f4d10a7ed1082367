"""``.dockerignore``: okplug leaves out what Docker's own library leaves out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from okplug.dockerfile import Matcher, read_patterns
from okplug.errors import ManifestError
from tests.oracles.asking import (
    ON_PURPOSE,
    REFUSED,
    Comparison,
    Grammar,
    ask,
    case_count,
    chance,
    packed,
    unpacked_all,
)

if TYPE_CHECKING:
    import random

    from okplug.dockerfile.ignore import Results

_NAMES = (
    "a",
    "b",
    "ab",
    "a.b",
    "é",
    "a-b",
    "a␣b",
    "ba",
    "[a]",
    "a*",
    "a+",
    "\udcff",
    "a\\b",
    ".a",
)
_RULES = {
    "FILE": ("LINE", "LINE", "LINE NL LINE", "LINE NL LINE NL LINE", "LINE NL FILE"),
    "LINE": ("BODY",) * 6
    + ("! BODY",) * 4
    + ("# BODY", "BLANK BODY", "BODY BLANK", "! BLANK BODY", ""),
    "BODY": ("PATH",) * 8
    + ("/ PATH", "./ PATH", "PATH /", "../ PATH", "PATH /..", "PATH /.", "// PATH"),
    "PATH": ("PART",) * 4 + ("PART / PATH",) * 4 + ("PART // PATH",),
    "PART": ("NAME",) * 6 + ("**",) * 3 + ("*",) * 2 + ("PIECE PIECE",) * 3,
    "PIECE": (
        "NAME",
        "*",
        "?",
        "**",
        "CLASS",
        "CLASS",
        "\\\\",
        "\\*",
        "\\a",
        "\\?",
        "\\[",
        "x{2}",
        "a|b",
        "(a)",
        "$",
        "^",
        "{a}",
    ),
    "CLASS": ("[ MEMBERS ]",) * 4 + ("[^ MEMBERS ]", "[! MEMBERS ]", "[]", "[", "]", "[^]"),
    "MEMBERS": ("MEMBER",) * 2 + ("MEMBER MEMBERS",),
    "MEMBER": (
        "a",
        "b",
        "a-c",
        "c-a",
        "-",
        "\\]",
        "\\-",
        "\\\\",
        "]",
        "^",
        "!",
        "é",
        "é-ü",
        "*",
        "?",
        ".",
        "\udcff",
        "\ufffd",
        "\\d",
        "\\d-b",
        "\\t-b",
        "a-\\w",
        "/",
        "[",
        ":",
        "[:alpha:]",
    ),
    "NAME": _NAMES,
    "BLANK": ("␣", "␣", "\t", "\r", "\x0c", "\xa0", "\x1c"),
    "NL": ("\n", "\n", "\r\n", "\n\n"),
}
#: escapes of regular expressions with a letter, ``[:alpha:]``, and a backslash before the ``$`` that
#: the library itself writes
_OBSCURE = re.compile("is not supported|nothing follows the backslash")
_ALPHABET = "ab/*?[]!\\-^.#{}|()+$ \n\r\té\udcff:,2"


class Case(NamedTuple):
    """A file, and paths of which each comes behind the folder that it lies in."""

    text: str
    paths: tuple[str, ...]
    above: tuple[int, ...]


def test_dockerignore() -> None:
    source = chance("ignore")
    grammar = Grammar(_RULES, source)
    cases = [_case(grammar, source) for _ in range(case_count())]
    questions = [
        {"Data": packed(c.text), "Paths": [packed(p) for p in c.paths], "Above": c.above}
        for c in cases
    ]
    comparison = Comparison(".dockerignore", exceptions=0.15)
    for case, (reply, _) in zip(cases, ask("ignore", questions), strict=True):
        comparison.take(case, _ours(case), _theirs(reply))
    comparison.check()


def _case(grammar: Grammar, source: random.Random) -> Case:
    text = grammar.text("FILE")
    if source.random() < 0.2:
        text = grammar.spoilt(text, _ALPHABET)
    paths = {"": -1}
    for _ in range(12):
        folder = source.choice(list(paths))
        path = f"{folder}/{source.choice(_NAMES)}".replace("␣", " ").lstrip("/")
        paths.setdefault(path, list(paths).index(folder) - 1)
    paths.pop("")
    return Case(text, tuple(paths), tuple(paths.values()))


def _ours(case: Case) -> object:
    try:
        patterns = read_patterns(case.text.encode("utf-8", "surrogateescape"))
        matcher = Matcher(patterns)
    except ManifestError as error:
        return ON_PURPOSE if _OBSCURE.search(error.message) else REFUSED
    known: list[Results] = []
    walked = []
    for path, above in zip(case.paths, case.above, strict=True):
        left_out, results = matcher.enter(path, known[above] if above >= 0 else ())
        assert matcher.leaves_out(path, known[above] if above >= 0 else ()) == left_out
        known.append(results)
        walked.append(left_out)
    return patterns, [matcher.matches(path) for path in case.paths], walked


def _theirs(reply: Any) -> object:
    if reply is None:
        return REFUSED
    return unpacked_all(reply["patterns"]), reply["alone"], reply["walked"]
