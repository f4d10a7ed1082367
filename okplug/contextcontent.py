"""The content of one entry of a context: digests of a file, the target of a link."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path
from typing import Final

import xxhash

from okplug.errors import ContextChangedError, Location, ManifestError

_SMALL: Final = 1 << 16
_BUFFER: Final = 1 << 20
_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def path_of(path: bytes) -> Path:
    """Return *path* as messages and locations want it."""
    return Path(os.fsdecode(path))


def read_content(path: bytes, mode: int, size: int) -> bytes:
    """Return xxh3-128 and sha256 of a file, or the target of a link.

    :param mode: what kind of thing it was when it was listed.
    :raises ManifestError: if it is neither, or may not be read.
    :raises ContextChangedError: if it is not what was listed.
    """
    try:
        if stat.S_ISLNK(mode):
            return os.readlink(path)  # noqa: PTH115 - of bytes
        if not stat.S_ISREG(mode):
            raise ManifestError(
                "not a regular file, link or folder, so no image can hold it",
                location=Location(path_of(path)),
                hint="leave it out with a line in .dockerignore",
            )
        return _digests(path, size)
    except PermissionError:
        raise ManifestError(
            "this file of a build context cannot be read",
            location=Location(path_of(path)),
            hint="make it readable, or leave it out with a line in .dockerignore",
        ) from None
    except OSError as error:
        raise changed(path, error.strerror or "it cannot be read") from None


def changed(path: bytes, reason: str) -> ContextChangedError:
    """Return the error of a file that is no longer what it was."""
    return ContextChangedError(
        f"the file changed while it was in use: {reason}",
        location=Location(path_of(path)),
        hint="build again when nothing writes to it, or leave it out with a line in .dockerignore",
    )


def open_file(path: bytes) -> int:
    """Open a file for reading; a link or named pipe in its place is neither followed nor awaited.

    :raises OSError: if it cannot be opened.
    """
    return os.open(path, _FLAGS)


def _digests(path: bytes, size: int) -> bytes:
    """Return xxh3-128 and sha256 of a file; the system calls cost more than both."""
    handle = open_file(path)
    try:
        if size >= _SMALL:
            return _digests_of_large(handle, path, size)
        data = os.read(handle, size + 1)  # one more, to see a file that has grown
    finally:
        os.close(handle)
    if len(data) != size:
        raise changed(path, "its size is another")
    return xxhash.xxh3_128_digest(data) + hashlib.sha256(data).digest()


def _digests_of_large(handle: int, path: bytes, size: int) -> bytes:
    quick, strong = xxhash.xxh3_128(), hashlib.sha256()
    buffer = memoryview(bytearray(_BUFFER))
    total = 0
    while count := os.readv(handle, [buffer]):
        quick.update(buffer[:count])
        strong.update(buffer[:count])
        total += count
    if total != size:
        raise changed(path, "its size is another")
    return quick.digest() + strong.digest()
