"""Folders as they are on the disk, for named contexts that no key covers."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING, BinaryIO, Final

from okplug import BuildError, ContextChangedError, Location
from okplug_buildkit.sync.entries import Entry

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from okplug_buildkit.sync.entries import Skips

_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
#: what a path that leads nowhere is answered with
_NOTHING: Final = (errno.ENOENT, errno.ENOTDIR)


class FolderTree:
    """A folder of the disk, listed and read when it is asked for; a ``Tree``.

    Modes and times are those of the files. Several names of one file count as files of their own;
    extended attributes and sockets are left out.

    :param root: an absolute path; links in it are followed.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._prefix = os.fsencode(root) + b"/"

    @property
    def is_whole(self) -> bool:
        """Only what a call names is sent."""
        return False

    def entries(self, skips: Skips | None = None) -> Sequence[Entry]:
        """Return all entries, each folder followed by what is in it.

        What disappears meanwhile was never there.

        :raises BuildError: if a folder cannot be read.
        """
        found: list[Entry] = []
        todo = self._scan(b"")
        while todo:
            item = todo.pop()
            entry = self._entry(item)
            if entry is None:
                continue
            found.append(entry)
            if stat.S_ISDIR(entry.mode) and not (skips and skips(entry.path)):
                todo += self._scan(entry.path)
        return found

    def find(self, path: bytes) -> Entry | None:
        """Return the entry of a path, no link followed; None if there is none.

        :raises BuildError: if a folder on the way cannot be searched.
        """
        try:
            return _entry_of(path, self._prefix + path, os.lstat(self._prefix + path))
        except OSError as error:
            if error.errno in _NOTHING:
                return None
            raise self._unreadable(path, error) from error

    def names(self, path: bytes) -> Sequence[bytes]:
        """Return the names in a folder, none if it is no folder.

        :raises BuildError: if it cannot be read.
        """
        return [item.name for item in self._scan(path)]

    def open(self, entry: Entry) -> BinaryIO:
        """Open a file; a link or named pipe in its place is neither followed nor awaited.

        :raises ContextChangedError: if it is not there any more.
        :raises BuildError: if it cannot be read.
        """
        try:
            descriptor = os.open(self._prefix + entry.path, _FLAGS)
        except OSError as error:
            if error.errno not in (*_NOTHING, errno.ELOOP):
                raise self._unreadable(entry.path, error) from error
            raise ContextChangedError(
                "the file disappeared while it was in use",
                location=self._location(entry.path),
                hint="build again when nothing writes to it",
            ) from None
        return os.fdopen(descriptor, "rb", buffering=0)

    def _scan(self, path: bytes) -> list[os.DirEntry[bytes]]:
        """Return what is in a folder, last name first; nothing if the folder has disappeared."""
        try:
            with os.scandir(self._prefix + path) as items:
                return sorted(items, key=lambda item: item.name, reverse=True)
        except OSError as error:
            if error.errno in _NOTHING:
                return []
            raise self._unreadable(path, error) from error

    def _entry(self, item: os.DirEntry[bytes]) -> Entry | None:
        relpath = item.path[len(self._prefix) :]
        try:
            return _entry_of(relpath, item.path, item.stat(follow_symlinks=False))
        except FileNotFoundError:
            return None

    def _unreadable(self, path: bytes, error: OSError) -> BuildError:
        return BuildError(
            f"this part of a named context cannot be read: {error.strerror}",
            location=self._location(path),
            hint="make it readable, or leave it out with a line in .dockerignore",
        )

    def _location(self, path: bytes) -> Location:
        return Location(self._root / os.fsdecode(path))


def _entry_of(relpath: bytes, path: bytes, status: os.stat_result) -> Entry | None:
    """Return an entry, None for a socket."""
    mode = status.st_mode
    if stat.S_ISSOCK(mode):
        return None
    if stat.S_ISLNK(mode):
        target = os.readlink(path)  # noqa: PTH115  # of bytes
        return Entry(relpath, mode, len(target), status.st_mtime_ns, target)
    if stat.S_ISREG(mode):
        return Entry(relpath, mode, status.st_size, status.st_mtime_ns)
    return Entry(relpath, mode, 0, status.st_mtime_ns, b"", status.st_rdev)
