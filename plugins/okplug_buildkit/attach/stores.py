"""What the content service serves: stores of blobs, which the daemon reads or writes."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, BinaryIO, Protocol

from okplug_buildkit.rpc import Code, RpcError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: bytes of the pieces that the daemon is sent
PIECE = 1024 * 1024
_MOST_IDLE = 8


class Store(Protocol):
    """Blobs by digest; usable from several threads.

    What it refuses is an ``RpcError``, its own failures are an ``OkplugError``.
    """

    def size(self, digest: str) -> int | None:
        """Return the bytes of a blob, None if it is not there."""

    def read(self, digest: str, start: int, size: int) -> Iterator[bytes]:
        """Yield *size* bytes of a blob that is there and has so many from *start* on."""

    def has(self, ref: str, digest: str) -> bool:
        """Tell whether a blob need not be written.

        :param ref: the daemon's word for the blob, such as ``layer-sha256:...``.
        """

    def write(self, ref: str, data: BinaryIO) -> tuple[str, int]:
        """Store all that *data* yields under its own digest, and return that and the size.

        What a stream yields that raises in the end is not stored.
        """


class ReadOnly:
    """The half of a store that the daemon cannot write."""

    def has(self, ref: str, digest: str) -> bool:
        """Tell that a blob would have to be written."""
        del ref, digest
        return False

    def write(self, ref: str, data: BinaryIO) -> tuple[str, int]:
        """Refuse."""
        data.close()
        raise RpcError(Code.PERMISSION_DENIED, f"{ref} cannot be written to a store to read from")


class WriteOnly:
    """The half of a store that the daemon cannot read."""

    def size(self, digest: str) -> int | None:
        """Find nothing."""
        del digest
        return None

    def read(self, digest: str, start: int, size: int) -> Iterator[bytes]:
        """Refuse."""
        del start, size
        raise RpcError(Code.NOT_FOUND, f"content {digest}: not found")


class SequentialReads:
    """Reads pieces of blobs that can only be read from their beginning.

    The daemon reads a blob by many calls, each of which goes on where the last one ended; so a
    stream is kept for the next call until it has come to its end.

    :param opener: opens a blob by its digest.
    """

    def __init__(self, opener: Callable[[str], BinaryIO]) -> None:
        self._opener = opener
        self._lock = threading.Lock()
        self._idle: dict[tuple[str, int], BinaryIO] = {}

    def read(self, digest: str, start: int, size: int, total: int) -> Iterator[bytes]:
        """Yield *size* bytes from *start* on.

        :param total: size of the blob; its last piece comes after the stream has been read to its
            end, where wrong bytes show.
        """
        stream, position = self._take(digest, start), start
        try:
            while position < start + size:
                data = stream.read(min(PIECE, start + size - position))
                position += len(data)
                if position == total:
                    stream.read(1)
                yield _whole(data, digest)
        except BaseException:
            stream.close()
            raise
        if position < total:
            self._keep((digest, position), stream)
        else:
            stream.close()

    def close(self) -> None:
        """Close the streams that nobody has read to their end."""
        with self._lock:
            idle, self._idle = self._idle, {}
        for stream in idle.values():
            stream.close()

    def _take(self, digest: str, start: int) -> BinaryIO:
        with self._lock:
            kept = self._idle.pop((digest, start), None)
        return kept or _skip(self._opener(digest), start)

    def _keep(self, place: tuple[str, int], stream: BinaryIO) -> None:
        with self._lock:
            dropped = [self._idle.pop(place, None)]
            self._idle[place] = stream
            if len(self._idle) > _MOST_IDLE:
                dropped.append(self._idle.pop(next(iter(self._idle))))
        for other in dropped:
            if other is not None:
                other.close()


def _whole(data: bytes, digest: str) -> bytes:
    if not data:
        raise RpcError(Code.DATA_LOSS, f"content {digest} ends too early")
    return data


def _skip(stream: BinaryIO, count: int) -> BinaryIO:
    while count and (data := stream.read(min(PIECE, count))):
        count -= len(data)
    return stream
