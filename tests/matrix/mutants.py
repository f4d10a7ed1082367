"""Dockerfiles written in other ways, some of which mean the same."""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

#: what is found -> what may stand in its place, where ``{}`` is what was found
_WAYS = (
    (r" ", ("  ", "\t", " \\\n", " \\\n # comment\n\n  ")),
    (r"\n", (" \n", "\\\n\n", "\r\n", "\n# comment\n", "\n  ", "\n\n")),
    (r"[\"'=,/\[\]\\$:-]", ("", "{}{}", "\\{}")),
    (r"[\w/.$]+", ('"{}"', "'{}'", "\\{}")),
)


def mutants(text: str, seed: int) -> list[str]:
    """Return a Dockerfile with one thing written in another way, in a random order."""
    found = dict.fromkeys([*_replaced(text), *_in_other_case(text)])
    found.pop(text, None)
    shuffled = list(found)
    random.Random(seed).shuffle(shuffled)
    return shuffled


def _replaced(text: str) -> Iterator[str]:
    for pattern, ways in _WAYS:
        for match in re.finditer(pattern, text):
            for way in ways:
                other = way.replace("{}", match[0])
                yield text[: match.start()] + other + text[match.end() :]


def _in_other_case(text: str) -> Iterator[str]:
    for match in re.finditer(r"[A-Za-z]+", text):
        for word in (match[0].swapcase(), match[0].capitalize()):
            yield text[: match.start()] + word + text[match.end() :]
