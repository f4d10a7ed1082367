"""The workspace's root and the settings that its files give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from okplug.errors import Location, UsageError
from okplug.tomlfile import assignments, parse, read_text

if TYPE_CHECKING:
    from pathlib import Path

    from okplug.settings import Assignment

SETTINGS_FILE, PYPROJECT_FILE = "okplug.toml", "pyproject.toml"


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


def has_root(folder: Path) -> bool:
    """Tell whether *folder* is a workspace's root wherever below it okplug is started."""
    return (folder / ".git").exists() or _read_settings(folder) is not None


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
    text = read_text(own)
    return tuple(assignments(own, text, parse(own, text)))


def _tool_table(path: Path) -> tuple[Assignment, ...] | None:
    if not path.is_file():
        return None
    text = read_text(path)
    if "okplug" not in text:  # other people's files are not parsed, and may be wrong
        return None
    tool = parse(path, text).get("tool")
    table = tool.get("okplug") if isinstance(tool, dict) else None
    if table is None:
        return None
    if not isinstance(table, dict):
        raise UsageError("tool.okplug: expected a table", location=Location(path))
    return tuple(assignments(path, text, table, "tool.okplug"))
