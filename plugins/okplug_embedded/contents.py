"""Where the bytes of a file are: in memory, in the context, or in a layer that was fetched."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, BinaryIO, Protocol

if TYPE_CHECKING:
    from collections.abc import Buffer

    from okplug import ContextFile, ContextSnapshot


class Content(Protocol):
    """The bytes of one file."""

    @property
    def size(self) -> int:
        """Their number."""

    def open(self) -> BinaryIO:
        """Open them for reading; from several threads at once."""


@dataclass(frozen=True, slots=True)
class Text:
    """Bytes in memory, of a here-document."""

    data: bytes

    @property
    def size(self) -> int:
        """Their number."""
        return len(self.data)

    def open(self) -> BinaryIO:
        """Open them."""
        return io.BytesIO(self.data)


@dataclass(frozen=True, slots=True)
class InContext:
    """A file of the context; it is checked against its fingerprint as it is read."""

    context: ContextSnapshot
    file: ContextFile

    @property
    def size(self) -> int:
        """Bytes when it was hashed."""
        return self.file.size

    def open(self) -> BinaryIO:
        """Open it.

        :raises ContextChangedError: at once or while reading, if it is not what was hashed.
        """
        return self.context.open(self.file.relpath)


@dataclass(frozen=True, slots=True)
class InSpool:
    """A part of a temporary file."""

    spool: IO[bytes]
    offset: int
    size: int

    def open(self) -> BinaryIO:
        """Open the part."""
        return io.BufferedReader(_Part(self.spool.fileno(), self.offset, self.size))


class _Part(io.RawIOBase):
    """A part of a file, read at its own position: threads do not disturb each other."""

    def __init__(self, descriptor: int, offset: int, size: int) -> None:
        self._descriptor = descriptor
        self._at = offset
        self._end = offset + size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:
        view = memoryview(buffer)
        data = os.pread(self._descriptor, min(len(view), self._end - self._at), self._at)
        view[: len(data)] = data
        self._at += len(data)
        return len(data)
