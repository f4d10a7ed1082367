"""Tar archives as streams, whatever they are compressed with.

gzip, bzip2 and xz are read, and zstd where Python's library has it (3.14 and later).
"""

from __future__ import annotations

import bz2
import gzip
import importlib
import lzma
import tarfile
import zlib
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, BinaryIO, cast

from okplug_embedded.failures import InstructionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType
    from typing import Self

CHUNK = 1 << 20
BLOCK = tarfile.BLOCKSIZE

_ZSTD = b"\x28\xb5\x2f\xfd"
_LONGEST_MAGIC = 6
#: what ends an archive well
_ENDS = (
    tarfile.EmptyHeaderError,  # type: ignore[attr-defined]  # the stubs do not know it
    tarfile.EOFHeaderError,  # type: ignore[attr-defined]  # nor this
)


class UnknownCompressionError(InstructionError):
    """A stream is compressed in a way that Python's library cannot read."""


def _open_zstd(stream: IO[bytes]) -> IO[bytes]:
    try:
        module = importlib.import_module("compression.zstd")
    except ImportError:
        raise UnknownCompressionError(
            "it is compressed with zstd, which this Python cannot read",
            hint="compress it with gzip or xz, or use Python 3.14 or a BuildKit",
        ) from None
    return cast("IO[bytes]", module.ZstdFile(stream))


_OPENERS: dict[bytes, Callable[[IO[bytes]], IO[bytes]]] = {
    b"\x1f\x8b\x08": lambda stream: cast("IO[bytes]", gzip.GzipFile(fileobj=stream)),
    b"BZh": lambda stream: cast("IO[bytes]", bz2.BZ2File(stream)),
    b"\xfd7zXZ\x00": lambda stream: cast("IO[bytes]", lzma.LZMAFile(stream)),  # noqa: SIM115  # closed by its user
    _ZSTD: _open_zstd,
}


class Decompressed:
    """A stream, decompressed if it is compressed.

    :raises UnknownCompressionError: if that cannot be done here.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self.position = 0
        self._stream = stream
        try:
            head = stream.read(_LONGEST_MAGIC)
            self._whole = cast("IO[bytes]", _Rejoined(head, stream))
            opener = next(
                (make for magic, make in _OPENERS.items() if head.startswith(magic)), None
            )
            self._source = opener(self._whole) if opener else self._whole
        except BaseException:
            stream.close()
            raise

    def read(self, size: int) -> bytes:
        """Return at most *size* bytes, none at the end.

        :raises InstructionError: if it cannot be decompressed.
        """
        with _damage():
            data = self._source.read(size)
        self.position += len(data)
        return data

    def read_exactly(self, size: int) -> bytes:
        """Return *size* bytes.

        :raises InstructionError: if there are fewer, or it cannot be decompressed.
        """
        pieces = []
        while size:
            piece = self.read(min(size, CHUNK))
            if not piece:
                raise InstructionError("the archive ends too early")
            pieces.append(piece)
            size -= len(piece)
        return b"".join(pieces)

    def skip(self, size: int) -> None:
        """Pass over *size* bytes.

        :raises InstructionError: if there are fewer, or it cannot be decompressed.
        """
        while size:
            size -= len(self.read_exactly(min(size, CHUNK)))

    def finish(self) -> None:
        """Read to the end, where who gave the stream vouches for all of it."""
        while self.read(CHUNK):
            pass
        while self._whole.read(CHUNK):
            pass

    def close(self) -> None:
        """Close the stream."""
        self._stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class _Rejoined:
    """A stream with the bytes that were read from it put back."""

    def __init__(self, head: bytes, stream: BinaryIO) -> None:
        self._head = head
        self._stream = stream

    def read(self, size: int = -1) -> bytes:
        """Read at most *size* bytes, all that is left without it."""
        if not self._head:
            return self._stream.read(size)
        if size < 0:
            data, self._head = self._head + self._stream.read(), b""
            return data
        data, self._head = self._head[:size], self._head[size:]
        return data


class _Member(tarfile.TarInfo):
    """A member whose header must be right; tarfile would take a wrong one for the end."""

    @classmethod
    def fromtarfile(cls, archive: tarfile.TarFile) -> Self:
        """Read the next header.

        :raises ReadError: if it is wrong.
        """
        try:
            return super().fromtarfile(archive)
        except _ENDS:
            raise
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(str(error)) from error


@contextmanager
def _damage() -> Iterator[None]:
    try:
        yield
    except (EOFError, zlib.error, lzma.LZMAError, OSError) as error:
        raise InstructionError(f"it cannot be decompressed: {error}") from error


def members(archive: Decompressed) -> Iterator[tarfile.TarInfo]:
    """Yield the members of an archive; ``offset_data`` counts from *archive*'s first byte.

    The archive is read to its end.

    :raises InstructionError: if it is no archive, or ends too early.
    """
    try:
        with tarfile.open(
            fileobj=cast("IO[bytes]", archive),
            mode="r|",
            tarinfo=_Member,
            encoding="utf-8",
            errors="surrogateescape",
        ) as opened:
            while (member := opened.next()) is not None:
                yield member
    except tarfile.TarError as error:
        raise InstructionError(f"the tar archive is damaged: {error}") from error
    archive.finish()


def begins_archive(head: bytes) -> bool:
    """Tell whether a stream that begins with these bytes, a block of them, is a tar archive."""
    try:
        tarfile.TarInfo.frombuf(head, "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


def member_path(name: str) -> tuple[str, ...]:
    """Return the path of a member of an archive, ``..`` still in it."""
    return tuple(part for part in name.split("/") if part not in ("", "."))
