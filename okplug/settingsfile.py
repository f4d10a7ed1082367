"""The workspace's root and the settings that its files give."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from okplug.errors import Location, UsageError
from okplug.settings import Assignment

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS_FILE, PYPROJECT_FILE = "okplug.toml", "pyproject.toml"
_TABLE = re.compile(r"\s*\[\s*(?P<name>[^\]]+?)\s*\]")
_SYNTAX_PLACE = re.compile(r"(?P<message>.*) \(at line (?P<line>\d+), column (?P<column>\d+)\)")


@dataclass(frozen=True, slots=True)
class Workspace:
    """The monorepo's root, and what its settings file says."""

    root: Path
    assignments: tuple[Assignment, ...] = ()


def find_workspace(cwd: Path) -> Workspace:
    """Return the workspace that *cwd* is in.

    It is the nearest folder upwards with an ``okplug.toml`` or a ``[tool.okplug]`` in its
    ``pyproject.toml``, else the top level of the git checkout, else *cwd* itself.

    :raises UsageError: if a settings file cannot be read, or one folder has both.
    """
    for folder in (cwd, *cwd.parents):
        found = _read_settings(folder)
        if found is not None:
            return Workspace(folder, found)
    checkouts = (folder for folder in (cwd, *cwd.parents) if (folder / ".git").exists())
    return Workspace(next(checkouts, cwd))


def _read_settings(folder: Path) -> tuple[Assignment, ...] | None:
    """Return what the folder's settings file says, None if it has no settings file."""
    own, project = folder / SETTINGS_FILE, folder / PYPROJECT_FILE
    table = _tool_table(project)
    if not own.is_file():
        return None if table is None else table
    if table is not None:
        raise UsageError(
            f"settings are in {SETTINGS_FILE} and in {PYPROJECT_FILE}",
            location=Location(own),
            hint="move the table [tool.okplug] into okplug.toml",
        )
    text = _read(own)
    return _assignments(own, text, _parse(own, text), "")


def _tool_table(path: Path) -> tuple[Assignment, ...] | None:
    if not path.is_file():
        return None
    text = _read(path)
    if "okplug" not in text:  # other people's files are not parsed, and may be wrong
        return None
    tool = _parse(path, text).get("tool")
    table = tool.get("okplug") if isinstance(tool, dict) else None
    if table is None:
        return None
    if not isinstance(table, dict):
        raise UsageError("tool.okplug: expected a table", location=Location(path))
    return _assignments(path, text, table, "tool.okplug")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UsageError("expected UTF-8", location=Location(path)) from error
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", location=Location(path)) from error


def _parse(path: Path, text: str) -> dict[str, Any]:
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


def _assignments(path: Path, text: str, table: dict[str, Any], name: str) -> tuple[Assignment, ...]:
    found = []
    for key, raw in table.items():
        line = _line_of(text, name, key)
        origin = f"{path.name}:{line}" if line else path.name
        found.append(Assignment(key, raw, origin, Location(path, line)))
    return tuple(found)


def _line_of(text: str, table: str, key: str) -> int:
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
