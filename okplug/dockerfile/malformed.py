"""The error of text that is wrong, raised where its place in the file is not known."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from okplug.errors import Location, ManifestError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class MalformedError(ValueError):
    """A part of an instruction is wrong; whoever knows the file makes a ``ManifestError`` of it.

    :param near: the text to point at, ``""`` for the instruction as a whole.
    """

    def __init__(self, message: str, *, hint: str = "", near: str = "") -> None:
        super().__init__(message)
        self.hint = hint
        self.near = near

    def located(
        self, path: Path, lines: Sequence[str], line: int, end_line: int = 0
    ) -> ManifestError:
        """Return the error to show, which points into lines *line* to *end_line* of the file."""
        where = locate(path, lines, line, end_line, self.near)
        return ManifestError(str(self), location=where, hint=self.hint)


def locate(
    path: Path, lines: Sequence[str], line: int, end_line: int = 0, near: str = ""
) -> Location:
    """Return the place of *near* in the instruction at *line*, else that of its keyword.

    :param end_line: the last line of the instruction; 0 means *line*.
    """
    keyword = re.search(r"\S+", lines[line - 1])
    start = keyword.end() if keyword else 0
    if near:
        for pattern in (rf"(?<!\S){re.escape(near)}", re.escape(near)):
            for number in range(line, max(line, end_line) + 1):
                text = lines[number - 1]
                match = re.compile(pattern).search(text, start if number == line else 0)
                if match:
                    return Location(path, number, match.start() + 1)
    return Location(path, line, keyword.start() + 1 if keyword else 1)
