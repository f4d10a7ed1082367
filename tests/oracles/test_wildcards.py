"""Wildcards of COPY: okplug matches what Go's ``filepath.Match`` matches."""

from __future__ import annotations

import re

from okplug.dockerfile import compile_glob
from okplug.errors import ManifestError
from tests.oracles.asking import (
    REFUSED,
    Comparison,
    Grammar,
    ask,
    case_count,
    chance,
    packed,
)

_RULES = {
    "GLOB": ("PART", "PART GLOB", "PART GLOB", "PART GLOB"),
    "PART": ("NAME", "NAME", "*", "**", "?", "CLASS", "CLASS", "\\*", "\\\\", "\\a"),
    "CLASS": ("[ MEMBERS ]",) * 4 + ("[^ MEMBERS ]", "[! MEMBERS ]", "[]", "[", "]"),
    "MEMBERS": ("MEMBER", "MEMBER MEMBERS"),
    "MEMBER": ("a", "b", "a-c", "c-a", "\\]", "\\-", "\\\\", "^", "!", "é-ü", "*", "?", "a-\\c"),
    "NAME": ("a", "b", "é", ".", "-", "{a}", "(", "^", "$", "\n", "\udcff", "\ufffd", "]", "a+"),
}
_ALPHABET = "ab*?[]\\-^é\udcff!"


def test_wildcards() -> None:
    source = chance("wildcards")
    grammar = Grammar(_RULES, source)
    cases = []
    for _ in range(case_count()):
        glob = grammar.text("GLOB")
        if source.random() < 0.3:
            glob = grammar.spoilt(glob, _ALPHABET)
        names = [glob, grammar.spoilt(glob.replace("\\", ""), "abé.")]
        names += ["".join(source.choices("abcé*]\\-^\udcff", k=size)) for size in range(5)]
        names += ["".join(source.choices("abc-./", k=size)) for size in (3, 4, 5, 6)]
        if (
            "*" in glob and "[" in glob
        ):  # Go's asterisk may end within a character, okplug's does not
            names = [re.sub(r"[\x80-\udbff\ue000-\U0010ffff]", "", name) for name in names]
        cases.append((glob, names))
    questions = [
        {"Pattern": packed(glob), "Names": [packed(name) for name in names]}
        for glob, names in cases
    ]
    comparison = Comparison("wildcards")
    for case, (reply, _) in zip(cases, ask("wildcards", questions), strict=True):
        comparison.take(case, _ours(*case), REFUSED if reply is None else reply)
    comparison.check()


def _ours(glob: str, names: list[str]) -> object:
    try:
        matches = compile_glob(glob)
    except ManifestError:
        return REFUSED
    return [bool(matches(name)) for name in names]
