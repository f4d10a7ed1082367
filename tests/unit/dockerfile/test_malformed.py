"""Where errors point."""

from __future__ import annotations

from pathlib import Path

import pytest

from okplug.dockerfile.malformed import MalformedError, locate
from okplug.errors import Location

PATH = Path("Dockerfile")
LINES = ("FROM a", "  COPY --from=a \\", "    --chown=b a b", "RUN a")


@pytest.mark.parametrize(
    ("line", "end_line", "near", "place"),
    [
        (1, 1, "", (1, 1)),
        (2, 3, "", (2, 3)),
        (2, 3, "--from", (2, 8)),
        (2, 3, "--chown", (3, 5)),
        (2, 3, "a", (3, 15)),
        (2, 3, "b", (3, 17)),
        (2, 3, "own=b", (3, 9)),
        (2, 3, "missing", (2, 3)),
        (4, 0, "a", (4, 5)),
    ],
)
def test_locate(line: int, end_line: int, near: str, place: tuple[int, int]) -> None:
    """A word is looked for before a part of a word, behind the keyword, within the instruction."""
    assert locate(PATH, LINES, line, end_line, near) == Location(PATH, *place)


def test_a_blank_line_has_a_place() -> None:
    """A line that only goes on is pointed at, too."""
    assert locate(PATH, ("", "x"), 1) == Location(PATH, 1, 1)


def test_located() -> None:
    """Message and hint stay what they are."""
    error = MalformedError("it is wrong", hint="write it right", near="--chown")
    assert str(error.located(PATH, LINES, 2, 3)) == (
        "Dockerfile:3:5: it is wrong\n  hint: write it right"
    )
