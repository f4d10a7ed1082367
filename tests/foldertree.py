"""A folder as it is on the disk, for tests of what is sent and asked for: no key covers it."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, BinaryIO

from okplug_buildkit.sync.entries import Entry

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from okplug_buildkit.sync.entries import Skips


class FolderTree:
    """A folder, listed and read when it is asked for; a ``Tree``."""

    is_whole = False

    def __init__(self, root: Path) -> None:
        self._prefix = os.fsencode(root) + b"/"

    def entries(self, skips: Skips | None = None) -> Sequence[Entry]:
        """Return all entries, each folder followed by what is in it."""
        found: list[Entry] = []
        todo = sorted(self.names(b""), reverse=True)
        while todo:
            path = todo.pop()
            entry = self.find(path)
            assert entry is not None
            found.append(entry)
            if not (skips and skips(path)):
                todo += sorted((path + b"/" + name for name in self.names(path)), reverse=True)
        return found

    def find(self, path: bytes) -> Entry | None:
        """Return the entry of a path, None if there is none."""
        try:
            status = os.lstat(self._prefix + path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        mode, time = status.st_mode, status.st_mtime_ns
        if stat.S_ISLNK(mode):
            target = os.readlink(self._prefix + path)  # noqa: PTH115  # of bytes
            return Entry(path, mode, len(target), time, target)
        return Entry(path, mode, status.st_size if stat.S_ISREG(mode) else 0, time)

    def names(self, path: bytes) -> Sequence[bytes]:
        """Return the names in a folder, none if it is no folder."""
        entry = self.find(path)
        is_folder = entry is not None and stat.S_ISDIR(entry.mode)
        return os.listdir(self._prefix + path) if is_folder else []  # noqa: PTH208  # of bytes

    def open(self, entry: Entry) -> BinaryIO:
        """Open a file."""
        return open(self._prefix + entry.path, "rb", buffering=0)  # noqa: PTH123  # of bytes
