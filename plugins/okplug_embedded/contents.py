"""Where the bytes of a file are: in memory, in the context, in a layer or in a temporary file."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, BinaryIO, Protocol

from okplug_embedded.tarstreams import CHUNK, Decompressed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from _typeshed import WriteableBuffer

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


@dataclass(frozen=True, slots=True)
class InArchive:
    """A part of an archive that can only be read from its start to its end.

    :param open_archive: opens the archive, decompressed; it is the same function for all parts.
    """

    open_archive: Callable[[], Decompressed]
    offset: int
    size: int

    def open(self) -> BinaryIO:
        """Read the part into memory; for small files.

        :raises RegistryError: if the archive comes from a registry and its bytes are wrong.
        """
        with self.open_archive() as archive:
            archive.skip(self.offset)
            data = archive.read_exactly(self.size)
            archive.finish()
        return io.BytesIO(data)


def spool_parts(
    contents: Iterable[Content | None], spool: IO[bytes], check: Callable[[], None]
) -> dict[InArchive, InSpool]:
    """Copy the parts of archives to a temporary file, each archive read once.

    :param check: called for each piece; what it raises ends the work.
    :return: where each of them is now; other contents are not in it.
    :raises RegistryError: if an archive comes from a registry and its bytes are wrong.
    """
    parts = {content for content in contents if isinstance(content, InArchive)}
    found: dict[InArchive, InSpool] = {}
    archives = {part.open_archive: None for part in sorted(parts, key=lambda part: part.offset)}
    for open_archive in archives:
        mine = [part for part in parts if part.open_archive == open_archive]
        with open_archive() as archive:
            for part in sorted(mine, key=lambda part: part.offset):
                archive.skip(part.offset - archive.position)
                found[part] = InSpool(spool, spool.tell(), part.size)
                _copy(archive, spool, part.size, check)
            archive.finish()
    spool.flush()
    return found


def _copy(archive: Decompressed, spool: IO[bytes], size: int, check: Callable[[], None]) -> None:
    while size:
        check()
        data = archive.read_exactly(min(size, CHUNK))
        spool.write(data)
        size -= len(data)


class _Part(io.RawIOBase):
    """A part of a file, read at its own position: threads do not disturb each other."""

    def __init__(self, descriptor: int, offset: int, size: int) -> None:
        self._descriptor = descriptor
        self._at = offset
        self._end = offset + size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        with memoryview(buffer) as view:
            data = os.pread(self._descriptor, min(view.nbytes, self._end - self._at), self._at)
            view[: len(data)] = data
        self._at += len(data)
        return len(data)
