"""A folder that files of a stranger's choice are written to, and nothing outside of it.

No name is trusted: each folder on the way is opened from the one above it, and a link is never
followed. What is written has a temporary name until it is complete.
"""

from __future__ import annotations

import os
import shutil
import stat
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Self

from okplug_buildkit.sync.entries import parent

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path
    from types import TracebackType

    from okplug_buildkit.sync.entries import Entry

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_PREFIX = b".okplug-"


class Destination:
    """A folder, made if need be; a context manager, of one thread. All methods raise OSError."""

    def __init__(self, path: Path) -> None:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._opened: list[tuple[bytes, int]] = [(b"", os.open(path, _FOLDER))]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        while self._opened:
            os.close(self._opened.pop()[1])

    def folder(self, path: bytes) -> int:
        """Return the descriptor of a folder; it is good until the next call."""
        names = path.split(b"/") if path else []
        kept = 0
        for name, (opened, _) in zip(names, self._opened[1:], strict=False):
            if name != opened:
                break
            kept += 1
        while len(self._opened) > kept + 1:
            os.close(self._opened.pop()[1])
        for name in names[kept:]:
            above = self._opened[-1][1]
            self._opened.append((name, os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=above)))
        return self._opened[-1][1]

    def make_folder(self, path: bytes) -> None:
        """Make a folder that its owner can write to, unless there is one."""
        above, name = self._split(path)
        try:
            os.mkdir(name, 0o700, dir_fd=above)
        except FileExistsError:
            if stat.S_ISDIR(os.stat(name, dir_fd=above, follow_symlinks=False).st_mode):
                return
            os.unlink(name, dir_fd=above)
            os.mkdir(name, 0o700, dir_fd=above)

    def finish_folder(self, entry: Entry) -> None:
        """Give a folder its mode and time."""
        descriptor = self.folder(entry.path)
        os.fchmod(descriptor, stat.S_IMODE(entry.mode))
        os.utime(descriptor, ns=(entry.mtime_ns, entry.mtime_ns))

    def create(self, path: bytes) -> tuple[bytes, int]:
        """Return temporary name and descriptor of a new file beside a path."""
        name = _PREFIX + os.urandom(8).hex().encode()
        return name, os.open(name, _NEW, 0o600, dir_fd=self.folder(parent(path)))

    def finish_file(self, entry: Entry, temporary: bytes, descriptor: int) -> None:
        """Give a file its mode, time and name."""
        os.fchmod(descriptor, stat.S_IMODE(entry.mode))
        os.utime(descriptor, ns=(entry.mtime_ns, entry.mtime_ns))
        above, name = self._split(entry.path)
        _rename(above, temporary, name)

    def remove(self, path: bytes, temporary: bytes) -> None:
        """Remove a temporary file beside a path, if it is there."""
        with suppress(FileNotFoundError):
            os.unlink(temporary, dir_fd=self.folder(parent(path)))

    def put_link(self, entry: Entry) -> None:
        """Make a symbolic link."""

        def make(name: bytes, above: int) -> None:
            os.symlink(entry.linkname, name, dir_fd=above)

        self._put(entry, make)

    def put_name(self, entry: Entry) -> None:
        """Give a file that has been written another name."""
        above, target = self._split(entry.linkname)
        with _copy_of(above) as source:

            def make(name: bytes, above: int) -> None:
                os.link(target, name, src_dir_fd=source, dst_dir_fd=above, follow_symlinks=False)

            self._put(entry, make, is_new=False)

    def put_special(self, entry: Entry) -> None:
        """Make a named pipe or a device, which takes root."""

        def make(name: bytes, above: int) -> None:
            os.mknod(name, entry.mode, entry.device, dir_fd=above)
            os.chmod(name, stat.S_IMODE(entry.mode), dir_fd=above)

        self._put(entry, make)

    def remove_others(self, path: bytes, names: Collection[bytes]) -> None:
        """Remove all that is in a folder except for some names."""
        descriptor = self.folder(path)
        with os.scandir(descriptor) as items:
            found = [os.fsencode(item.name) for item in items]
        for name in found:
            if name not in names:
                _remove(descriptor, name)

    def _put(
        self, entry: Entry, make: Callable[[bytes, int], None], *, is_new: bool = True
    ) -> None:
        above, name = self._split(entry.path)
        temporary = _PREFIX + os.urandom(8).hex().encode()
        make(temporary, above)
        try:
            if is_new:
                times = (entry.mtime_ns, entry.mtime_ns)
                os.utime(temporary, ns=times, dir_fd=above, follow_symlinks=False)
            _rename(above, temporary, name)
        finally:
            # also where both were names of the same file, which makes the renaming do nothing
            with suppress(FileNotFoundError):
                os.unlink(temporary, dir_fd=above)

    def _split(self, path: bytes) -> tuple[int, bytes]:
        return self.folder(parent(path)), path.rpartition(b"/")[2]


def _rename(above: int, temporary: bytes, name: bytes) -> None:
    """Rename within a folder; a folder that has the name makes room."""
    try:
        os.rename(temporary, name, src_dir_fd=above, dst_dir_fd=above)
    except IsADirectoryError:
        _remove(above, name)
        os.rename(temporary, name, src_dir_fd=above, dst_dir_fd=above)


def _remove(above: int, name: bytes) -> None:
    if stat.S_ISDIR(os.stat(name, dir_fd=above, follow_symlinks=False).st_mode):
        shutil.rmtree(os.fsdecode(name), dir_fd=above)
    else:
        os.unlink(name, dir_fd=above)


@contextmanager
def _copy_of(descriptor: int) -> Iterator[int]:
    copy = os.dup(descriptor)
    try:
        yield copy
    finally:
        os.close(copy)
