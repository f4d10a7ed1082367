"""Files that are there as a whole or not at all.

A file is written under a temporary name, brought to the disk and then renamed or linked. A process
that is killed leaves at most a temporary file, which is removed a day later. After a loss of power
each file that had to be durable has its bytes if it has its name; names that were given in the last
seconds may be missing, those given last first, so that no index outlives what it points to.
"""

from __future__ import annotations

import errno
import os
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from okplug_layout.failures import storage_errors

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: bytes that are read and written at once
PIECE = 1024 * 1024

_DAY = 24 * 60 * 60
_NO_LINKS = frozenset(
    {errno.EPERM, errno.EACCES, errno.EXDEV, errno.EMLINK, errno.ENOTSUP, errno.ENOSYS}
)
#: another user's file, or a disk that can only be read
_NO_RIGHT = frozenset({errno.EPERM, errno.EACCES, errno.EROFS})


@contextmanager
def incoming(folder: Path) -> Iterator[Path]:
    """Give a new path in a folder, which is made if need be; what is left there is removed.

    :raises RegistryError: if the folder cannot be made.
    """
    with storage_errors("write", folder):
        if not folder.exists():  # cheaper than to try
            folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{os.getpid()}-{os.urandom(8).hex()}"
    try:
        yield path
    except BaseException:
        with suppress(OSError):  # what failed first is what counts, and sweep() removes the rest
            path.unlink(missing_ok=True)
        raise
    with storage_errors("remove", path):
        path.unlink(missing_ok=True)


def sweep(folder: Path) -> None:
    """Remove what killed processes left; nothing takes a day to be written."""
    with suppress(FileNotFoundError):
        for path in list(folder.iterdir()):
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < time.time() - _DAY:
                    path.unlink()


def write_whole(path: Path, data: bytes, folder: Path, *, durable: bool = True) -> None:
    """Write a file in one step, over the one that is there.

    :param folder: for the temporary file.
    :param durable: bring it to the disk; without that a loss of power may leave an empty file.
    """
    with incoming(folder) as temporary:
        with temporary.open("xb", buffering=0) as file:
            write_all(file.fileno(), data)
            if durable:
                os.fsync(file.fileno())
        temporary.replace(path)


def write_all(descriptor: int, data: bytes) -> None:
    """Write all bytes; the operating system may take fewer at once."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def sync(path: Path) -> None:
    """Bring a file's bytes to the disk."""
    with path.open("rb", buffering=0) as file:
        os.fsync(file.fileno())


def has_same_bytes(path: Path, other: Path) -> bool:
    """Compare two files; False if the first is not there."""
    try:
        if path.stat().st_size != other.stat().st_size:
            return False
        with path.open("rb", buffering=0) as one, other.open("rb", buffering=0) as two:
            while piece := one.read(PIECE):
                if piece != two.read(PIECE):
                    return False
    except FileNotFoundError:
        return False
    return True


def link_over(source: Path, target: Path, folder: Path) -> bool:
    """Give a file another name, in place of what has that name; False if it cannot be linked.

    :param folder: for a temporary name.
    :raises FileNotFoundError: if the source, or the target's folder, is not there.
    """
    try:
        try:
            os.link(source, target)
        except FileExistsError:
            with incoming(folder) as temporary:
                os.link(source, temporary)
                temporary.replace(target)
    except OSError as error:
        if error.errno in _NO_LINKS:
            return False
        raise
    return True


def renew(path: Path) -> bool:
    """Make a file look new to those who remove old ones; False if it is not there."""
    try:
        os.utime(path)
    except FileNotFoundError:
        return False
    except OSError as error:
        if error.errno not in _NO_RIGHT:
            raise
        # that it may look old costs at most an error later on, when a manifest that refers to it
        # is written
        return path.exists()
    return True
