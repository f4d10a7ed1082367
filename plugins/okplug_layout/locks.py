"""Locks between processes and threads, which end with their process."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from okplug_layout.failures import storage_errors

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Keep everybody else out, after waiting for whoever is in.

    The file stays: if it were removed, somebody who waits for it and somebody who makes it anew
    would both believe that they are alone. The kernel lets go of the lock of a process that dies.

    :raises RegistryError: if the file cannot be made or locked.
    """
    with storage_errors("lock", path):
        if not path.parent.exists():  # cheaper than to try
            path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = _open(path)
    try:
        with storage_errors("lock", path):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except PermissionError:  # another user's file, which can be locked all the same
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
