"""A stream that tells at its end whether its bytes were the right ones."""

from __future__ import annotations

import hashlib
import io
import os
from typing import TYPE_CHECKING

from okplug import RegistryError
from okplug_layout.failures import storage_error

if TYPE_CHECKING:
    from pathlib import Path

    from _typeshed import WriteableBuffer


def damaged(path: Path) -> RegistryError:
    """Return the error about a blob whose bytes are not those of its name."""
    return RegistryError(
        f"{path} is damaged: its bytes do not have the digest that it is named after",
        hint=f"remove it and build the image again: rm '{path}'; okplug build --no-cache",
    )


class VerifiedFile(io.RawIOBase):
    """A blob's file; the read that reaches its end raises RegistryError if the bytes are wrong.

    :param path: named by 64 hex digits of sha256.
    """

    _file: io.FileIO | None = None  # until it is open: Python closes what could not be opened, too

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._file = path.open("rb", buffering=0)
        self._left = os.fstat(self._file.fileno()).st_size
        self._hash = hashlib.sha256()

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Read some bytes and check them if they are the last."""
        view = memoryview(buffer)
        assert self._file is not None
        try:
            count = self._file.readinto(view)
        except OSError as error:
            raise storage_error(error, "read", self._path) from error
        self._hash.update(view[:count])
        self._left -= count
        if (not count or self._left <= 0) and self._hash.hexdigest() != self._path.name:
            raise damaged(self._path)
        return count

    def close(self) -> None:
        """Close the file; what was not read is not checked."""
        if self._file is not None:
            self._file.close()
        super().close()
