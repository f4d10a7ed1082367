"""TOML files with settings in them, and where in them each value stands."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from okplug.errors import Location, UsageError
from okplug.settings import Assignment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_TABLE = re.compile(r"\s*\[\s*(?P<name>[^\]]+?)\s*\]")
_SYNTAX_PLACE = re.compile(r"(?P<message>.*) \(at line (?P<line>\d+), column (?P<column>\d+)\)")


class Table(NamedTuple):
    """A table that has no settings in it.

    :param text: of the whole file.
    :param name: of the table, with dots.
    """

    path: Path
    text: str
    name: str
    content: Mapping[str, Any]


def read_text(path: Path) -> str:
    """Return a file's text.

    :raises UsageError: if it cannot be read, or is no UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UsageError("expected UTF-8", location=Location(path)) from error
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", location=Location(path)) from error


def parse(path: Path, text: str) -> dict[str, Any]:
    """Return what a text holds.

    :param path: for messages.
    :raises UsageError: if it is no TOML; it says where.
    """
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        match = _SYNTAX_PLACE.fullmatch(str(error))
        if match is None:  # the end of the document has no number
            message, location = str(error), Location(path)
        else:
            message = match["message"]
            location = Location(path, int(match["line"]), int(match["column"]))
        raise UsageError(f"not TOML: {message}", location=location) from error


def assignments(
    path: Path, text: str, table: Mapping[str, Any], name: str = "", origin: str = ""
) -> Iterator[Assignment]:
    """Yield what a table says of settings.

    :param name: of the table, with dots; ``""`` for the top of the file.
    :param origin: of the values; ``""`` for the file's name and the line.
    """
    for key, raw in table.items():
        line = line_of(text, name, key)
        place = f"{path.name}:{line}" if line else path.name
        yield Assignment(key, raw, origin or place, Location(path, line))


def line_of(text: str, table: str, key: str) -> int:
    """Return the line of a key, 0 if it cannot be told: the TOML reader has no positions."""
    pattern = re.compile(rf"""\s*(["']?){re.escape(key)}\1\s*[.=]""")
    here = ""
    for number, line in enumerate(text.splitlines(), start=1):
        header = _TABLE.match(line)
        if header:
            here = re.sub(r"""[\s"']""", "", header["name"])
            if here == f"{table}.{key}".lstrip("."):
                return number
        elif here == table and pattern.match(line):
            return number
    return 0
