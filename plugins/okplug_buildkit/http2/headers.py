"""Blocks of header fields, RFC 7541: those of requests are decoded, those of answers written.

What is written uses no compression. It is a few bytes a call, and keeps no state.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hpack import Decoder, HPACKError

from okplug_buildkit.http2.frames import ErrorCode, ProtocolError

if TYPE_CHECKING:
    from collections.abc import Iterable

#: bytes of a block, and of what it says; ignore patterns come as headers, and may be many
LARGEST_BLOCK = 16 << 20

_SHORT = 0x7F


class Fields(NamedTuple):
    """A block that is complete; what is not UTF-8 is escaped as in file names."""

    stream: int
    values: list[tuple[str, str]]
    is_last: bool  # nothing follows on this stream


class HeaderReader:
    """Puts the blocks of one connection together, and decodes them in their order."""

    def __init__(self) -> None:
        self.stream = 0  # whose block is not complete, 0 for none
        self._is_last = False
        self._block = bytearray()
        self._decoder = Decoder(max_header_list_size=LARGEST_BLOCK)

    def begin(self, stream: int, *, is_last: bool) -> None:
        """Begin a block.

        :param is_last: nothing follows it on this stream.
        """
        self.stream, self._is_last = stream, is_last
        self._block.clear()

    def add(self, piece: memoryview, *, is_complete: bool) -> Fields | None:
        """Add the payload of a frame, and return what the block says when it is complete.

        :raises ProtocolError: if it is too long, or cannot be decoded.
        """
        self._block += piece
        if len(self._block) > LARGEST_BLOCK:
            raise ProtocolError(ErrorCode.ENHANCE_YOUR_CALM, "too many header fields")
        if not is_complete:
            return None
        fields = Fields(self.stream, self._decode(), self._is_last)
        self.stream = 0
        return fields

    def _decode(self) -> list[tuple[str, str]]:
        try:
            fields = self._decoder.decode(bytes(self._block), raw=True)
        except HPACKError as error:
            raise ProtocolError(
                ErrorCode.COMPRESSION_ERROR, f"header fields that cannot be decoded: {error}"
            ) from error
        return [(_text(field[0]), _text(field[1])) for field in fields]


def _text(data: bytes | str) -> str:
    return data if isinstance(data, str) else data.decode("utf-8", "surrogateescape")


def write_headers(fields: Iterable[tuple[str, str]]) -> bytes:
    """Return a block of fields, whose names are lower-case and all of which is ASCII."""
    return b"".join(b"\0" + _string(name) + _string(value) for name, value in fields)


def _string(text: str) -> bytes:
    data = text.encode("ascii")
    return _integer(len(data)) + data


def _integer(number: int) -> bytes:
    """Return a number that shares its first byte with one bit, which is 0."""
    if number < _SHORT:
        return bytes([number])
    number -= _SHORT
    encoded = [_SHORT]
    while number > _SHORT:
        encoded.append(number & _SHORT | 0x80)
        number >>= 7
    return bytes([*encoded, number])
