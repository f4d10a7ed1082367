"""Variables of a manifest: okplug makes of them what Okteto's library makes."""

from __future__ import annotations

import re

from okplug.manifest.expand import ExpansionError, expand
from tests.oracles.asking import (
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
        "{",
        "-",
        ":",
        "=",
        "+",
        "?",
        "#",
        "\t",
        "\n",
        "$$",
        "\\",
        "'",
        '"',
        ".",
    ),
    "VARIABLE": (
        "$ NAME",
        "${ NAME }",
        "${ NAME CHOICE WORD }",
        "${ NAME CHOICE WORD }",
        "$",
        "${",
        "${ NAME",
    ),
    "CHOICE": (":-", ":=", ":+", "-", "=", "+"),
    "WORD": ("a", "b/c:1", "é.x", "x y", "a-b", "a=b", "$ NAME"),
    "NAME": ("A", "A", "EMPTY", "EMPTY", "GONE", "B1", "_", "_x", "é", "1"),
}
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
    source = chance("envsubst")
    grammar = Grammar(_RULES, source)
    texts = [grammar.text("TEXT") for _ in range(case_count())]
    texts = [grammar.spoilt(t, _ALPHABET) if source.random() < 0.1 else t for t in texts]
    texts = [text for text in texts if not _ENDLESS.search(text)]
    variables = [f"{name}={value}" for name, value in _ENVIRONMENT.items()]
    questions = [{"Text": packed(t), "Env": variables, "RefuseUnset": True} for t in texts]
    comparison = Comparison("envsubst")
    for text, (reply, _) in zip(texts, ask("envsubst", questions), strict=True):
        comparison.take(text, _ours(text), REFUSED if reply is None else unpacked(reply))
    comparison.check()


def _ours(text: str) -> object:
    try:
        return expand(text, _ENVIRONMENT)
    except ExpansionError:
        return REFUSED
