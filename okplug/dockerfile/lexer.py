"""From the bytes of a Dockerfile to lines: directives, continued lines, here-documents.

An instruction may go on over several lines, each but the last with the escape character at its
end. Comments and blank lines in between belong to none of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from okplug.dockerfile.variables import WHITESPACE
from okplug.errors import Location, ManifestError

if TYPE_CHECKING:
    from pathlib import Path

    from okplug.dockerfile.model import Heredoc

#: bytes in one line, as BuildKit has it
MAX_LINE = 65535

_BLANKS = "\t\n\f\r "  # of Go's regular expressions
_DIRECTIVE = re.compile(rf"#[{WHITESPACE}]*([a-zA-Z][a-zA-Z0-9]*)[{_BLANKS}]*=(.+)", re.DOTALL)
_DIRECTIVES = frozenset({"check", "escape", "syntax"})
_ESCAPES = ("\\", "`")


@dataclass(frozen=True, slots=True)
class LogicalLine:
    """The text of one instruction, its lines joined; *line* and *end_line* count from 1."""

    text: str
    line: int
    end_line: int


def read_lines(data: bytes, path: Path) -> tuple[str, ...]:
    """Return the lines of a Dockerfile; a carriage return at the end of one is still there.

    Bytes that are not UTF-8 become surrogate escapes.

    :raises ManifestError: for a NUL byte or a line that is longer than BuildKit reads.
    """
    rows = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    if not rows[-1]:
        rows.pop()
    if b"\0" in data:
        line = next(number for number, row in enumerate(rows, 1) if b"\0" in row)
        raise ManifestError(
            "NUL byte in a Dockerfile",
            location=Location(path, line, rows[line - 1].index(b"\0") + 1),
            hint="a Dockerfile is text; save it as UTF-8",
        )
    if len(data) > MAX_LINE:
        for number, row in enumerate(rows, 1):
            if len(row) > MAX_LINE:
                raise ManifestError(
                    f"the line has {len(row)} bytes, at most {MAX_LINE} can be read",
                    location=Location(path, number),
                    hint="break it with the escape character, or put the content into a file",
                )
    return tuple(row.decode("utf-8", "surrogateescape") for row in rows)


def read_directives(
    lines: tuple[str, ...], path: Path, first_line: int = 1
) -> tuple[tuple[str, str], ...]:
    """Return the parser directives that stand at the top, names in lower case.

    :param first_line: the line that the top is.
    :raises ManifestError: for a directive that is repeated, or an escape that is none.
    """
    found: dict[str, str] = {}
    # BuildKit looks behind a "#!" line for the frontend, but no longer for the escape character
    start = first_line - 1
    has_interpreter = lines[start : start + 1] and lines[start].startswith("#!")
    start += bool(has_interpreter)
    for number, line in enumerate(lines[start:], start + 1):
        match = _DIRECTIVE.fullmatch(line.lstrip(WHITESPACE))
        if match is None or match[1].lower() not in _DIRECTIVES:
            break
        name, value = match[1].lower(), match[2].strip(_BLANKS) or match[2][-1]
        where = Location(path, number, line.index("#") + 1)
        if name in found:
            raise ManifestError(
                f"directive '{name}' stands here again",
                location=where,
                hint="each parser directive may be given once",
            )
        if name == "escape" and value not in _ESCAPES:
            raise ManifestError(
                f"{value!r} cannot be the escape character",
                location=where,
                hint="write '# escape=\\' or '# escape=`'",
            )
        if not (has_interpreter and name == "escape"):
            found[name] = value
    return tuple(found.items())


class Lexer:
    """Walks over the lines of one Dockerfile.

    :param lines: what :func:`read_lines` returned.
    """

    def __init__(self, lines: tuple[str, ...], escape: str) -> None:
        self._lines = lines
        self._escape = escape
        self._at = 0

    @property
    def line(self) -> int:
        """The number of the line that was read last."""
        return self._at

    def next_line(self) -> LogicalLine | None:
        """Return the next instruction's text, None at the end of the file."""
        while self._at < len(self._lines):
            text = self._lines[self._at].lstrip(WHITESPACE).rstrip("\r")
            self._at += 1
            if not text or text[0] == "#":
                continue
            first = self._at
            head = self._continued(text)
            if head is not None:
                text = head + self._continuation()
            return LogicalLine(text, first, self._at)
        return None

    def read_heredoc(self, heredoc: Heredoc) -> str | None:
        """Return the body of *heredoc*, which begins at the next line; None if it has no end."""
        body: list[str] = []
        while self._at < len(self._lines):
            line = self._lines[self._at]
            self._at += 1
            if heredoc.chomp:
                line = line.lstrip("\t")
            if line.rstrip("\r") == heredoc.name:
                return "".join(body)
            body.append(f"{line}\n")
        return None

    def _continuation(self) -> str:
        pieces: list[str] = []
        while self._at < len(self._lines):
            text = self._lines[self._at].rstrip("\r")
            self._at += 1
            stripped = text.lstrip(WHITESPACE)
            if not stripped or stripped[0] == "#":
                continue
            head = self._continued(text)
            if head is None:
                pieces.append(text)
                break
            pieces.append(head)
        return "".join(pieces)

    def _continued(self, text: str) -> str | None:
        """Return *text* without the escape character at its end, None if it does not go on."""
        head = text.rstrip(" \t")
        if not head.endswith(self._escape) or head.endswith(self._escape * 2):
            return None
        return head[:-1]
