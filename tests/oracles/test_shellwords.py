"""Variables and quotes of a Dockerfile: okplug makes of them what BuildKit's ``shell`` package makes."""

from __future__ import annotations

import re
from typing import Any

from okplug.dockerfile.variables import BadSubstitutionError, Quoting, evaluate, split_words
from tests.oracles.asking import (
    REFUSED,
    Comparison,
    Grammar,
    ask,
    case_count,
    chance,
    packed,
    unpacked,
    unpacked_all,
)

_RULES = {
    "TEXT": ("PIECE", "PIECE TEXT", "PIECE TEXT", "PIECE TEXT"),
    "PIECE": ("PLAIN", "PLAIN", "VARIABLE", "VARIABLE", "QUOTED", "ESCAPED", "BLANK"),
    "PLAIN": (
        "a",
        "ab",
        "abc",
        "*",
        "?",
        "é",
        "/",
        "}",
        "{",
        "<",
        "<<",
        "<<-",
        "#",
        "%",
        ":",
        "-",
        "\udcff",
        "a.b",
    ),
    "BLANK": ("␣", "␣", "\t", "\n", "\r", "\x0b", "\xa0", "\u2028", "\x1c"),
    "VARIABLE": (
        "$ NAME",
        "${ NAME }",
        "${ NAME CHOICE WORD }",
        "${ NAME TRIM WORD }",
        "${ NAME / WORD / WORD }",
        "${ NAME // WORD / WORD }",
        "$",
        "${",
        "${}",
    ),
    "CHOICE": (":-", ":+", ":?", "-", "+", "?", ":=", "=", ":"),
    "TRIM": ("#", "##", "%", "%%"),
    "WORD": ("", "a", "PIECE", "PIECE", "PIECE PIECE", "*", "?", "* PIECE"),
    "NAME": (
        "A",
        "A",
        "B",
        "B",
        "EMPTY",
        "GONE",
        "1",
        "_a",
        "é",
        "12a",
        "@",
        "*",
        "!",
        "-",
        "$",
        "#",
        "",
    ),
    "QUOTED": ("' INNER '", '" INNER "', "'", '"'),
    "INNER": ("", "PIECE", "PIECE INNER", "\\ PIECE"),
    "ESCAPED": ("\\ PIECE", "\\\\", "\\$", '\\"', "\\'", "\\", "`", "` PIECE", "\\*", "\\/", "\\}"),
}
_ALPHABET = "a$\\{}'\"`:/#%-+?* \t\né<AB"
_ENVIRONMENT = {
    "A": "abcabc",
    "B": "a b/c*\\?\n'x'",
    "EMPTY": "",
    "_a": "\u00e9\xa0$A",
    "1": "one",
    "é": "e",
    "@": "at",
}


def test_words() -> None:
    source = chance("shellwords")
    grammar = Grammar(_RULES, source)
    comparison = Comparison("shell words")
    cases = []
    for _ in range(case_count()):
        text = grammar.text("TEXT")
        if source.random() < 0.2:
            text = grammar.spoilt(text, _ALPHABET)
        quoting = Quoting(*(source.random() < 0.25 for _ in range(4)))
        cases.append((text, source.choice("\\\\`"), quoting))
    questions = [_question(*case) for case in cases]
    for case, (reply, _) in zip(cases, ask("shellwords", questions), strict=True):
        comparison.take(case, _ours(*case), _theirs(reply))
    comparison.check()


def _question(text: str, escape: str, quoting: Quoting) -> dict[str, object]:
    return {
        "Text": packed(text),
        "Env": _ENVIRONMENT,
        "Escape": escape,
        "KeepQuotes": quoting.keep_quotes,
        "KeepEscapes": quoting.keep_escapes,
        "IgnoreQuotes": quoting.ignore_quotes,
        "KeepUnset": quoting.keep_unset,
    }


def _ours(text: str, escape: str, quoting: Quoting) -> object:
    try:
        expansion = evaluate(text, _ENVIRONMENT.get, escape, quoting)
        words = split_words(text, _ENVIRONMENT.get, escape, quoting)
    except BadSubstitutionError:
        return REFUSED
    read = _readable(expansion.text), tuple(_readable(word) for word in words)
    return *read, sorted(expansion.found), sorted(expansion.missing)


def _readable(text: str) -> str:
    """Return *text* as the original has it: okplug keeps the bytes that are not UTF-8."""
    return re.sub("[\udc80-\udcff]", "\ufffd", text)


def _theirs(reply: Any) -> object:
    if reply is None:
        return REFUSED
    found, missing = (sorted(reply[name] or ()) for name in ("found", "missing"))
    return unpacked(reply["text"]), unpacked_all(reply["words"]), found, missing
