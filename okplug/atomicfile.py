"""Files that are replaced as a whole: a reader sees the old one or the new one."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def replace_file(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Put a file that only its user can read in the place of *path*; folders are made.

    A symbolic link stays, and what it points at is replaced.

    :param durable: wait until it would outlive a power failure.
    :raises OSError: if that cannot be; nothing is left behind then.
    """
    path = path.resolve()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            if durable:
                stream.flush()
                os.fsync(stream.fileno())
        Path(draft).replace(path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Let only one at a time change *path*: others wait here for as long as the block takes.

    :raises OSError: if its folder cannot be written.
    """
    import fcntl

    path = path.resolve()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # beside the file, which is another one after each change
    with path.with_name(f".{path.name}.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
