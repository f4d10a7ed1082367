"""Variables of a manifest: okplug makes of them what Okteto's library makes."""

from __future__ import annotations

import re

from okplug.manifest.expand import ExpansionError, expand
from tests.oracles.asking import (
    ON_PURPOSE,
    REFUSED,
    Comparison,
    Grammar,
    ask,
    case_count,
    chance,
    packed,
    unpacked,
)

_RULES = {
    "TEXT": ("PIECE", "PIECE TEXT", "PIECE TEXT"),
    "PIECE": ("PLAIN", "PLAIN", "VARIABLE", "VARIABLE", "VARIABLE"),
    "PLAIN": (
        "a",
        "b/c",
        "é",
        "}",
        "-",
        ":",
        "=",
        "+",
        "?",
        "#",
        "␣",
        "\n",
        "$$",
        "\\",
        "'",
        '"',
        "$.",
        "$_.",
    ),
    "VARIABLE": ("$ NAME", "${ NAME }", "${ NAME CHOICE WORD }", "${ NAME CHOICE WORD }"),
    "CHOICE": (":-", ":=", ":+", "-", "=", "+"),
    "WORD": ("a", "b/c:1", "é.x", "x␣y", "a-b", "a=b", "$ NAME"),
    "NAME": ("A", "A", "EMPTY", "EMPTY", "GONE", "B1", "_x", "é", "1"),
}
#: what okplug reads otherwise on purpose: nothing behind the operator, and variables, braces and ends
#: of lines in what stands there
_MORE = re.compile(r"\$\{\w+:?[-=+](?:\}|(?!\$\w+\})[^}]*[${\r\n])")
#: the library never ends where a lone underscore stands behind ``${``
_ENDLESS = re.compile(r"\$\{.*(?<!\w)_(?!\w)", re.DOTALL)
_ALPHABET = "a${}:-=+_A \né"
_ENVIRONMENT = {
    "A": "one",
    "EMPTY": "",
    "B1": "$A ${A}",
    "_x": "x",
    "é": "e",
    "1": "first",
    "a": "small",
}


def test_variables() -> None:
    grammar = Grammar(_RULES, chance("envsubst"))
    _compare([grammar.text("TEXT") for _ in range(case_count())], exceptions=0)


def test_broken_texts() -> None:
    source = chance("envsubst, broken")
    grammar = Grammar(_RULES, source)
    texts = [grammar.spoilt(grammar.text("TEXT"), _ALPHABET) for _ in range(case_count())]
    _compare([text for text in texts if not _ENDLESS.search(text)], exceptions=0.3)


def _compare(texts: list[str], exceptions: float) -> None:
    variables = [f"{name}={value}" for name, value in _ENVIRONMENT.items()]
    questions = [{"Text": packed(text), "Env": variables, "RefuseUnset": True} for text in texts]
    comparison = Comparison("envsubst", exceptions=exceptions)
    for text, (reply, _) in zip(texts, ask("envsubst", questions), strict=True):
        comparison.take(text, _ours(text), REFUSED if reply is None else unpacked(reply))
    comparison.check()


def _ours(text: str) -> object:
    if _MORE.search(text):
        return ON_PURPOSE
    try:
        return expand(text, _ENVIRONMENT)
    except ExpansionError as error:
        return REFUSED if error.unset else ON_PURPOSE
