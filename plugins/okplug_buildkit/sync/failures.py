"""What the file system refuses when an export is written, in words that help."""

from __future__ import annotations

import errno
from contextlib import contextmanager
from typing import TYPE_CHECKING

from okplug import BuildError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NO_SPACE = "free some space there, or write the output elsewhere"
_NO_RIGHT = "make it yours to write, or write the output elsewhere"

_HINTS = {
    errno.ENOSPC: _NO_SPACE,
    errno.EDQUOT: _NO_SPACE,
    errno.EACCES: _NO_RIGHT,
    errno.EPERM: _NO_RIGHT,
    errno.EROFS: _NO_RIGHT,
    errno.ENOENT: "make the folder that it is to lie in",
    errno.ENOTDIR: "a file or link is where a folder is needed: move it away",
    errno.EEXIST: "a file is where a folder is needed: move it away",
    errno.ELOOP: "a link is where a folder is needed: move it away",
    errno.EPIPE: "whoever reads it has ended early: look there for the reason",
    errno.EISDIR: "name a file, not a folder",
}


@contextmanager
def write_errors(path: Path) -> Iterator[None]:
    """Turn what the operating system raises into BuildError.

    :param path: what is written.
    """
    try:
        yield
    except OSError as error:
        raise BuildError(
            f"cannot write the output {path}: {error.strerror or error}",
            hint=_HINTS.get(error.errno or 0, "look after the folder, or write elsewhere"),
        ) from error
