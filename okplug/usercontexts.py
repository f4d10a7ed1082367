"""A user's contexts: named sets of settings, one of which may be in use.

    current = "okteto.example.com"

    [contexts."okteto.example.com"]
    registry = "registry.okteto.example.com"
    namespace = "cindy"

They are in ``okplug/contexts.toml`` of the user's configuration. A context says *where* things are
built and kept, which its user chose with open eyes. So its values count more than those of the
workspace's file, which hold for whoever has chosen nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from okplug.coresettings import user_configuration
from okplug.errors import Location, UsageError
from okplug.settings import Assignment
from okplug.suggestions import did_you_mean
from okplug.tomlfile import assignments, line_of, parse, read_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

#: the setting that names the context in use
SETTING = "context"

_KEYS = ("current", "contexts")
_REFUSED = {
    SETTING: "a context cannot name another one",
    "plugins": "plugins are loaded before contexts are known",
}


@dataclass(frozen=True, slots=True)
class Contexts:
    """What the file says.

    :param current: gives the setting ``context`` its value, None if the file does not.
    :param tables: the values that each context gives to settings, by its name.
    """

    path: Path
    current: Assignment | None = None
    tables: Mapping[str, tuple[Assignment, ...]] = field(default_factory=dict)

    def find(self, wanted: Assignment) -> tuple[Assignment, ...]:
        """Return the values of the context that the setting names, none if it names none.

        :param wanted: of the setting ``context``, converted.
        :raises UsageError: if there is no such context.
        """
        name = str(wanted.raw)
        if not name:
            return ()
        if name not in self.tables:
            raise self.unknown(name, wanted)
        return self.tables[name]

    def unknown(self, name: str, wanted: Assignment | None = None) -> UsageError:
        """Return the error that there is no context of the name.

        :param wanted: who asks for it, None for the command line.
        """
        location = wanted.location if wanted else None
        prefix = f"{wanted.origin}: " if wanted and not location else ""
        return UsageError(
            f"{prefix}there is no context {name!r}{did_you_mean(name, self.tables)}",
            location=location,
            hint=f"okplug context ls lists those of {self.path}"
            if self.tables
            else f"describe it in {self.path}, below [contexts.{_quoted(name)}]",
        )


def contexts_file(environ: Mapping[str, str]) -> Path:
    """Return the path of the file; it may not exist."""
    return user_configuration(environ) / "contexts.toml"


def read_contexts(environ: Mapping[str, str]) -> Contexts:
    """Return the user's contexts.

    :raises UsageError: if the file is wrong; it says where.
    """
    path = contexts_file(environ)
    if not path.exists():
        return Contexts(path)
    return _decode(path, read_text(path))


def use_context(path: Path, name: str) -> None:
    """Make a context the one in use, ``""`` for none; the rest of the file stays as it is.

    :raises UsageError: if there is no such context, or the file cannot be written.
    """
    from okplug.atomicfile import locked, replace_file

    try:
        with locked(path):
            text = read_text(path) if path.exists() else ""
            contexts = _decode(path, text)
            if name and name not in contexts.tables:
                raise contexts.unknown(name)
            replace_file(path, _with_current(path, text, name).encode())
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from error


def _with_current(path: Path, text: str, name: str) -> str:
    """Return the file's text with another context in use."""
    lines = text.splitlines(keepends=True)
    number = line_of(text, "", "current")
    new = [f"current = {_quoted(name)}\n"] if name else []
    if number:
        lines[number - 1 : number] = new
    else:  # before all tables, as TOML wants it
        lines[:0] = new
    changed = "".join(lines)
    wanted = {key: value for key, value in parse(path, text).items() if key != "current"}
    if name:
        wanted["current"] = name
    if not _holds(path, changed, wanted):  # such as a value over several lines
        raise UsageError(
            "the value of current cannot be replaced",
            location=Location(path, number),
            hint=f'write it on a line of its own, as current = "{name}"',
        )
    return changed


def _holds(path: Path, text: str, document: Mapping[str, Any]) -> bool:
    try:
        return parse(path, text) == document
    except UsageError:
        return False


def _quoted(text: str) -> str:
    """Return a text as a TOML string."""
    import json

    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


# ----------------------------------------------------------------------------------------- decoding


def _decode(path: Path, text: str) -> Contexts:
    document = parse(path, text)
    for key in document:
        if key not in _KEYS:
            raise UsageError(
                f"unknown key {key!r}{did_you_mean(key, _KEYS)}",
                location=Location(path, line_of(text, "", key)),
                hint="settings stand below [contexts.NAME]",
            )
    return Contexts(path, _current(path, text, document), _tables(path, text, document))


def _current(path: Path, text: str, document: Mapping[str, Any]) -> Assignment | None:
    name = document.get("current", "")
    line = line_of(text, "", "current")
    if not isinstance(name, str):
        raise UsageError(
            f"current: expected the name of a context, not {name!r}", location=Location(path, line)
        )
    origin = f"{path.name}:{line}" if line else path.name
    return Assignment(SETTING, name, origin, Location(path, line)) if name else None


def _tables(
    path: Path, text: str, document: Mapping[str, Any]
) -> dict[str, tuple[Assignment, ...]]:
    tables = document.get("contexts", {})
    if not isinstance(tables, dict):
        raise UsageError("contexts: expected a table of contexts", location=Location(path))
    return {name: _table(path, text, name, table) for name, table in tables.items()}


def _table(path: Path, text: str, name: str, table: object) -> tuple[Assignment, ...]:
    if not isinstance(table, dict):
        raise UsageError(
            f"contexts.{name}: expected a table of settings",
            location=Location(path, line_of(text, "contexts", name)),
            hint=f"a name with dots is written as [contexts.{_quoted(name + '.example.com')}]",
        )
    found = tuple(assignments(path, text, table, f"contexts.{name}", f"context {name}"))
    for given in found:
        if given.name in _REFUSED:
            raise UsageError(
                f"{given.name}: {_REFUSED[given.name]}",
                location=given.location,
                hint="okplug.toml, a variable or the command line can set it",
            )
    return found
