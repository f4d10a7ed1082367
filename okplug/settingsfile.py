"""The workspace's root and the settings that its files give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from okplug.errors import Location, UsageError
from okplug.tomlfile import Table, assignments, line_of, parse, read_text

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from okplug.settings import Assignment

SETTINGS_FILE, PYPROJECT_FILE = "okplug.toml", "pyproject.toml"
#: the table that holds no settings
_IMAGES = "images"


@dataclass(frozen=True, slots=True)
class Workspace:
    """The monorepo's root, and what its settings file says.

    :param images: what it says of images, None if nothing.
    """

    root: Path
    assignments: tuple[Assignment, ...] = ()
    images: Table | None = None


def find_workspace(cwd: Path) -> Workspace:
    """Return the workspace that *cwd* is in.

    It is the nearest folder upwards with an ``okplug.toml`` or a ``[tool.okplug]`` in its
    ``pyproject.toml``, else the top level of the git checkout, else *cwd* itself.

    :raises UsageError: if a settings file cannot be read, or one folder has both.
    """
    for folder in (cwd, *cwd.parents):
        found = _read_settings(folder)
        if found is not None:
            return found
    checkouts = (folder for folder in (cwd, *cwd.parents) if (folder / ".git").exists())
    return Workspace(next(checkouts, cwd))


def has_root(folder: Path) -> bool:
    """Tell whether *folder* is a workspace's root wherever below it okplug is started."""
    return (folder / ".git").exists() or _read_settings(folder) is not None


def _read_settings(folder: Path) -> Workspace | None:
    """Return the workspace whose settings file the folder has, None if it has none."""
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
    return _workspace(Table(own, text, "", parse(own, text)))


def _workspace(table: Table) -> Workspace:
    """Return the workspace of a file with settings."""
    settings: dict[str, Any] = dict(table.content)
    images = settings.pop(_IMAGES, None)
    found = tuple(assignments(table.path, table.text, settings, table.name))
    if images is None:
        return Workspace(table.path.parent, found)
    name = f"{table.name}.{_IMAGES}".lstrip(".")
    if not isinstance(images, dict):
        raise UsageError(
            f"{name}: expected a table",
            location=Location(table.path, line_of(table.text, table.name, _IMAGES)),
            hint=f'write [{name}."ADDRESS"], and the keys of images below',
        )
    return Workspace(table.path.parent, found, Table(table.path, table.text, name, images))


def _tool_table(path: Path) -> Workspace | None:
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
    return _workspace(Table(path, text, "tool.okplug", table))
