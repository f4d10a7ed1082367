"""How gRPC cuts a stream of bytes into messages, and how the session cuts it for the outer call.

Both are a few bytes before each piece, written by hand because there is one for every small file.
"""

from __future__ import annotations

import struct
from collections import deque
from typing import TYPE_CHECKING

from okplug_buildkit.rpc import Code, RpcError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from okplug_buildkit.rpc import Message, Part

#: bytes of one message, four times what the daemon itself accepts
LARGEST_MESSAGE = 64 << 20

_PREFIX = 5
_SMALL = 4096  # bytes of a part below which it costs less to copy it than to carry it along

_FIELD_1 = 0x0A  # of protobuf: bytes, in field 1
_MORE = 0x80


def pack(messages: Sequence[Message]) -> list[Part]:
    """Return messages with what gRPC puts before each; many small parts are joined."""
    parts: list[Part] = []
    total = 0
    for message in messages:
        pieces = (message,) if isinstance(message, bytes | memoryview) else message
        size = sum(map(len, pieces))
        parts.append(struct.pack(">BI", 0, size))
        parts += pieces
        total += size
    return [b"".join(parts)] if total < len(parts) * _SMALL else parts


def wrap(parts: Sequence[Part]) -> bytes:
    """Return a BytesMessage of these bytes, in which the outer call carries them."""
    size = sum(map(len, parts))
    prefix = bytearray([_FIELD_1])
    while size >= _MORE:
        prefix.append(size & 0x7F | _MORE)
        size >>= 7
    prefix.append(size)
    return b"".join([prefix, *parts])


def unwrap(message: bytes) -> memoryview:
    """Return the bytes in a BytesMessage.

    :raises ValueError: if it is none.
    """
    if not message:
        return memoryview(b"")
    size, shift, start = 0, 0, 1
    while start < len(message) and message[start] >= _MORE:
        size |= (message[start] & 0x7F) << shift
        shift, start = shift + 7, start + 1
    if start < len(message):
        size |= message[start] << shift
    if message[0] != _FIELD_1 or start + 1 + size != len(message):
        raise ValueError("expected one field of bytes")
    return memoryview(message)[start + 1 :]


class MessageReader:
    """Cuts the bytes of one call into messages."""

    def __init__(self) -> None:
        self._messages: deque[bytes] = deque()
        self._pieces: list[bytes | memoryview] = []
        self._size = 0
        self._wanted = _PREFIX  # bytes without which there is no message

    @property
    def is_between(self) -> bool:
        """Whether no message has begun that is not complete."""
        return self._size == 0

    def feed(self, pieces: Sequence[bytes | memoryview]) -> None:
        """Add bytes, cut anywhere.

        :raises RpcError: if a message is compressed or too large.
        """
        self._pieces += pieces
        self._size += sum(map(len, pieces))
        if self._size < self._wanted:
            return
        whole = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        data = memoryview(whole)
        start = 0
        while len(data) - start >= (wanted := _message_size(data[start:])):
            self._messages.append(bytes(data[start + _PREFIX : start + wanted]))
            start += wanted
        self._wanted = wanted
        self._size = len(data) - start
        self._pieces = [data[start:]] if self._size else []

    def next(self) -> bytes | None:
        """Return the next message that is complete, None if there is none."""
        return self._messages.popleft() if self._messages else None


def _message_size(data: memoryview) -> int:
    """Return the size of the message that begins here, of its prefix if that is not complete."""
    if len(data) < _PREFIX:
        return _PREFIX
    if data[0]:
        raise RpcError(Code.UNIMPLEMENTED, "expected messages that are not compressed")
    size = int.from_bytes(data[1:_PREFIX], "big")
    if size > LARGEST_MESSAGE:
        raise RpcError(
            Code.RESOURCE_EXHAUSTED, f"a message of {size} bytes, at most {LARGEST_MESSAGE}"
        )
    return _PREFIX + size
