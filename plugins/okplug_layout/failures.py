"""What the file system refuses, in words that help."""

from __future__ import annotations

import errno
from contextlib import contextmanager
from typing import TYPE_CHECKING

from okplug import RegistryError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_ELSEWHERE = "or set registry to layout:FOLDER with another folder"
_NO_SPACE = f"free some space there, {_ELSEWHERE}"
_NO_RIGHT = f"make it yours to write, {_ELSEWHERE}"
_IN_THE_WAY = f"a file is where a folder is needed: move it away, {_ELSEWHERE}"
_NO_LOCKS = (
    f"its file system has no file locks; take a local disk: {_ELSEWHERE.removeprefix('or ')}"
)

_HINTS = {
    errno.ENOSPC: _NO_SPACE,
    errno.EDQUOT: _NO_SPACE,
    errno.EACCES: _NO_RIGHT,
    errno.EPERM: _NO_RIGHT,
    errno.EROFS: _NO_RIGHT,
    errno.ENOTDIR: _IN_THE_WAY,
    errno.EEXIST: _IN_THE_WAY,
    errno.EISDIR: f"a folder is where a file is needed: move it away, {_ELSEWHERE}",
    errno.ENAMETOOLONG: "give the image a shorter name, or the registry's folder a shorter path",
    errno.ENOLCK: _NO_LOCKS,
    errno.ENOSYS: _NO_LOCKS,
    errno.EIO: f"the disk fails: look at the system's log, {_ELSEWHERE}",
}


def storage_error(error: OSError, action: str, path: Path) -> RegistryError:
    """Return what to raise in place of an error of the operating system.

    :param action: a verb such as ``write``.
    :param path: what it was about.
    """
    reason = error.strerror or str(error)
    hint = _HINTS.get(error.errno or 0, f"look after the folder, {_ELSEWHERE}")
    return RegistryError(f"cannot {action} {path}: {reason}", hint=hint)


@contextmanager
def storage_errors(action: str, path: Path) -> Iterator[None]:
    """Turn what the operating system raises into RegistryError."""
    try:
        yield
    except OSError as error:
        raise storage_error(error, action, path) from error
