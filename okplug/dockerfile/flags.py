"""The flags of instructions: ``--name=value`` and ``--name`` before the arguments."""

from __future__ import annotations

import re
from functools import lru_cache

from okplug.dockerfile.malformed import MalformedError
from okplug.dockerfile.model import Flag
from okplug.suggestions import did_you_mean

_BLANK = "\t\n\v\f\r "
_BOOLEAN = frozenset({"keep-git-dir", "link", "parents", "unpack"})
_REPEATABLE = frozenset({"device", "exclude", "mount"})
_COPY = frozenset({"chmod", "chown", "exclude", "link"})
_HEALTHCHECK = frozenset({"interval", "retries", "start-interval", "start-period", "timeout"})

#: the flags that each instruction takes; the others take none
FLAGS = {
    "ADD": _COPY | {"checksum", "keep-git-dir", "unpack"},
    "COPY": _COPY | {"from", "parents"},
    "FROM": frozenset({"platform"}),
    "HEALTHCHECK": _HEALTHCHECK,
    "RUN": frozenset({"device", "mount", "network", "security"}),
}

_VALUES = {
    "network": ("default", "host", "none"),
    "security": ("insecure", "sandbox"),
}

#: BuildKit reads over the flags of these
UNCHECKED = frozenset({"ARG", "STOPSIGNAL"})


def take_flags(text: str, escape: str) -> tuple[tuple[str, ...], str]:
    """Return the flags that *text* begins with, quotes and escapes gone, and what follows them.

    ``--`` alone ends the flags and is left out.
    """
    flags: list[str] = []
    pattern = _flag(escape)
    at = 0
    while match := pattern.match(text, at):
        flag = _unquoted(match["word"], escape)
        at = match.end()
        if flag == "--":
            break
        flags.append(flag)
    return tuple(flags), text[at:]


@lru_cache(maxsize=2)
def _flag(escape: str) -> re.Pattern[str]:
    esc = re.escape(escape)
    quoted = (rf"{q}(?:{esc}.|[^{q}{esc}])*(?:{q}|{esc}?\Z)" for q in "'\"")
    part = rf"{esc}.|{'|'.join(quoted)}|{esc}\Z|[^{_BLANK}'\"{esc}]"
    return re.compile(rf"[{_BLANK}]*(?P<word>--(?:{part})*)", re.DOTALL)


@lru_cache(maxsize=2)
def _marks(escape: str) -> re.Pattern[str]:
    esc = re.escape(escape)
    return re.compile(rf"{esc}(?P<escaped>.?)|(?P<quote>['\"])", re.DOTALL)


def _unquoted(word: str, escape: str) -> str:
    """Take quotes and escapes away; an escape counts within single quotes, too."""
    quote = ""
    pieces: list[str] = []
    end = 0
    for match in _marks(escape).finditer(word):
        pieces.append(word[end : match.start()])
        end = match.end()
        if match["quote"] is None:
            pieces.append(match["escaped"])
        elif not quote:
            quote = match["quote"]
        elif quote == match["quote"]:
            quote = ""
        else:
            pieces.append(match["quote"])
    return "".join([*pieces, word[end:]])


def check_flags(instruction: str, words: tuple[str, ...]) -> tuple[Flag, ...]:
    """Return the flags of an instruction.

    :raises MalformedError: for a flag that the instruction does not take, that is repeated, or
        that has no value or a wrong one.
    """
    flags: list[Flag] = []
    for word in words:
        name, equals, value = word.removeprefix("--").partition("=")
        flag = Flag(name, value if equals else None)
        if instruction not in UNCHECKED:
            _check(instruction, flag, flags)
        flags.append(flag)
    return tuple(flags)


def _check(instruction: str, flag: Flag, earlier: list[Flag]) -> None:
    token = f"--{flag.name}"
    known = FLAGS.get(instruction, frozenset())
    if flag.name not in known:
        guess = did_you_mean(token, (f"--{name}" for name in known))
        raise MalformedError(
            f"{instruction} has no flag '{token}'{guess}",
            hint=_known_flags(instruction),
            near=token,
        )
    if flag.name not in _REPEATABLE and any(other.name == flag.name for other in earlier):
        raise MalformedError(f"flag '{token}' stands here again", near=token)
    if flag.name not in _BOOLEAN:
        if flag.value is None:
            raise MalformedError(
                f"flag '{token}' has no value", hint=f"write {token}=VALUE", near=token
            )
        values = _VALUES.get(flag.name, (flag.value,))
        if flag.value not in values:
            raise MalformedError(
                f"flag '{token}' cannot be {flag.value!r}{did_you_mean(flag.value, values)}",
                hint=f"it is one of {', '.join(values)}",
                near=f"{token}={flag.value}",
            )
    elif flag.value is not None and flag.value.lower() not in ("true", "false"):
        raise MalformedError(
            f"flag '{token}' is true or false, not {flag.value!r}",
            hint=f"{token} alone means {token}=true",
            near=token,
        )


def _known_flags(instruction: str) -> str:
    known = FLAGS.get(instruction)
    if known is None:
        return f"{instruction} takes no flags; write '--' before an argument that begins with '--'"
    return f"the flags of {instruction} are {', '.join(f'--{name}' for name in sorted(known))}"
