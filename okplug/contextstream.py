"""Files of a context as streams that cannot end as something else than what was hashed."""

from __future__ import annotations

import io
import os
import stat
from typing import TYPE_CHECKING, BinaryIO, Final

import xxhash

from okplug.contextcontent import changed, open_file
from okplug.contextsources import encode

if TYPE_CHECKING:
    from pathlib import Path

    from _typeshed import WriteableBuffer

    from okplug.context import ContextFile

_BUFFER: Final = 1 << 16


def open_verified(root: Path, file: ContextFile) -> BinaryIO:
    """Open a file; its last byte is only given out if all of them are what was hashed.

    :raises ContextChangedError: at once or while reading, if they are not.
    """
    return io.BufferedReader(_VerifiedFile(os.fsencode(root), file), _BUFFER)


class _VerifiedFile(io.RawIOBase):
    def __init__(self, root: bytes, file: ContextFile) -> None:
        self._file = file
        self._path = root + b"/" + encode(file.relpath)
        self._digest = xxhash.xxh3_128()
        self._total = 0
        self._handle = -1
        try:
            self._handle = open_file(self._path)
        except OSError as error:
            raise changed(self._path, error.strerror or "it cannot be opened") from None
        try:
            self._check_stat()
        except BaseException:
            self.close()
            raise

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Read on, and check the whole before its last byte is given out."""
        with memoryview(buffer) as view:
            if not view.nbytes:
                return 0
            count = os.readv(self._handle, [view])
            self._digest.update(view[:count])
        self._total += count
        if self._total >= self._file.size or not count:
            self._check_stat()
            if self._digest.hexdigest() != self._file.fingerprint:
                raise changed(self._path, "its content is another")
        return count

    def close(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1
        super().close()

    def _check_stat(self) -> None:
        now = os.fstat(self._handle)
        if not stat.S_ISREG(now.st_mode) or now.st_size != self._file.size:
            raise changed(self._path, "its size is another")
        if bool(now.st_mode & stat.S_IXUSR) != self._file.executable:
            raise changed(self._path, "its mode is another")
