"""What a result was made from: files that were looked at, variables and settings that were read.

Whoever may be asked again for the same result takes notes while it is made; later the notes tell
whether it would come out the same.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

from okplug.folderstats import GRANULARITY

if TYPE_CHECKING:
    from okplug.settings import SettingValue, Value

#: of a file: what any change changes; of a folder: which one it is; None for what is not there
Look: TypeAlias = "tuple[int, ...] | None"


@dataclass(slots=True)
class Notes:
    """What was looked at, and how it was.

    :param files: by path.
    :param variables: a digest of each variable that was asked for, ``b""`` if it was not set.
    :param settings: value of each setting that was asked for.
    :param warnings: what was said, each with the address of an image or ``""``.
    :param is_whole: nothing was looked at that the notes do not have.
    """

    files: dict[str, Look] = field(default_factory=dict)
    variables: dict[str, bytes] = field(default_factory=dict)
    settings: dict[str, SettingValue] = field(default_factory=dict)
    warnings: list[tuple[str, str]] = field(default_factory=list)
    is_whole: bool = True

    def hold(self, environ: Mapping[str, str], settings: Mapping[str, Value]) -> bool:
        """Tell whether everything still is as it was."""
        return self.hold_but_for_files(environ, settings) and not self.changed_files()

    def hold_but_for_files(self, environ: Mapping[str, str], settings: Mapping[str, Value]) -> bool:
        """Tell whether variables and settings still are as they were."""
        return (
            self.settings.keys() <= settings.keys()
            and all(_digest(environ.get(name)) == seen for name, seen in self.variables.items())
            and all(settings[name].value == value for name, value in self.settings.items())
        )

    def changed_files(self) -> list[str]:
        """Return the files that are not what they were."""
        return [path for path, seen in self.files.items() if look(path) != seen]

    def update(self, other: Notes) -> None:
        """Take what others have noted later for what counts."""
        self.files.update(other.files)
        self.variables.update(other.variables)
        self.settings.update(other.settings)
        self.warnings += other.warnings
        self.is_whole = self.is_whole and other.is_whole

    def are_settled(self, begun: int) -> bool:
        """Tell whether a later change of any file will be seen.

        :param begun: when the first look was taken, in nanoseconds since 1970.
        """
        limit = begun - GRANULARITY
        files = (seen for seen in self.files.values() if seen and len(seen) == _LENGTH_OF_FILE)
        return self.is_whole and all(max(seen[4:]) < limit for seen in files)


_LENGTH_OF_FILE: Final = 6
_CURRENT: ContextVar[Notes | None] = ContextVar("notes", default=None)


@contextmanager
def taking(notes: Notes) -> Iterator[None]:
    """Have notes taken of what is looked at inside the block, by this thread."""
    token = _CURRENT.set(notes)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def note_file(path: str | os.PathLike[str]) -> None:
    """Note how a file or folder is; to be called *before* it is read or asked what it is."""
    notes = _CURRENT.get()
    if notes is not None:
        name = os.fspath(path)
        if name not in notes.files:
            notes.files[name] = look(name)


def note_setting(name: str, value: SettingValue) -> None:
    """Note the value of a setting."""
    notes = _CURRENT.get()
    if notes is not None:
        notes.settings[name] = value


def note_warning(message: str, address: str) -> None:
    """Note what was said."""
    notes = _CURRENT.get()
    if notes is not None:
        notes.warnings.append((message, address))


def look(path: str) -> Look:
    """Return how a file or folder is now; links are followed."""
    try:
        found = os.stat(path)  # noqa: PTH116 - a Path for each of many is dear
    except OSError:
        return None
    if stat.S_ISDIR(found.st_mode):
        return (stat.S_IFDIR, found.st_dev, found.st_ino)
    return (
        found.st_mode,
        found.st_dev,
        found.st_ino,
        found.st_size,
        found.st_mtime_ns,
        found.st_ctime_ns,
    )


class NotedVariables(Mapping[str, str]):
    """Variables of which notes are taken when they are asked for."""

    def __init__(self, variables: Mapping[str, str], notes: Notes) -> None:
        self._variables = variables
        self._notes = notes

    def __getitem__(self, name: str) -> str:
        value = self._variables.get(name)
        self._notes.variables[name] = _digest(value)
        if value is None:
            raise KeyError(name)
        return value

    def __iter__(self) -> Iterator[str]:
        self._notes.is_whole = False
        return iter(self._variables)

    def __len__(self) -> int:
        self._notes.is_whole = False
        return len(self._variables)


def _digest(value: str | None) -> bytes:
    """Return what is kept of a variable: it may be secret."""
    if value is None:
        return b""
    return hashlib.sha256(value.encode("utf-8", "surrogateescape")).digest()
