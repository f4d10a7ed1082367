"""The messages of a transfer, ``Packet`` of filesync.proto, written and read by hand.

There is one for every file and more: what general code takes for each would cost more than the
files themselves. Content is never copied on the way.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, NamedTuple

from okplug_buildkit.sync.entries import Entry
from okplug_buildkit.sync.modes import from_go, to_go

if TYPE_CHECKING:
    from collections.abc import Iterator

    from okplug_buildkit.rpc import Part

STAT, REQ, DATA, FIN, ERR = range(5)

#: what ends a list of entries: STAT of nothing
END_OF_LIST: Final = b""
FINISHED: Final = b"\x08\x03"

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_MOST_VARINT: Final = 10  # bytes
_WORD: Final = (1 << 64) - 1
_SHORT: Final = tuple(bytes((value,)) for value in range(0x80))


class PacketError(ValueError):
    """A message is no packet."""


class Packet(NamedTuple):
    """One message.

    :param kind: ``STAT`` and so on.
    :param entry: of STAT; None at the end of the list.
    :param number: of the entry in the list, from 0.
    :param data: content of a file, empty at its end; of ERR, what went wrong.
    """

    kind: int
    entry: Entry | None = None
    number: int = 0
    data: Part = b""


def stat_packet(entry: Entry) -> bytes:
    """Return the packet that lists an entry; everything belongs to root.

    :raises ValueError: if its kind cannot be sent.
    """
    parts = [b"\x0a", _varint(len(entry.path)), entry.path]
    _add(parts, b"\x10", to_go(entry.mode))
    _add(parts, b"\x28", entry.size)
    _add(parts, b"\x30", entry.mtime_ns & _WORD)
    if entry.linkname:
        parts += (b"\x3a", _varint(len(entry.linkname)), entry.linkname)
    if entry.device:
        _add(parts, b"\x40", os.major(entry.device))
        _add(parts, b"\x48", os.minor(entry.device))
    stat = b"".join(parts)
    return b"\x12" + _varint(len(stat)) + stat


def request_packet(number: int) -> bytes:
    """Return the packet that asks for the content of an entry."""
    return b"\x08\x01" + _numbered(number)


def data_packet(number: int, data: Part) -> tuple[Part, Part]:
    """Return the packet with a piece of a file, in two parts; an empty piece ends the file."""
    header = b"\x08\x02" + _numbered(number)
    if data:
        header += b"\x22" + _varint(len(data))
    return header, data


def error_packet(text: str) -> bytes:
    """Return the packet that ends a transfer with a failure."""
    data = text.encode()
    return b"\x08\x04\x22" + _varint(len(data)) + data


def read_packet(message: bytes) -> Packet:
    """Read a message; *data* is a part of it, not a copy.

    :raises PacketError: if it is malformed.
    """
    kind, entry, number = STAT, None, 0
    data: Part = b""
    for field, value in _fields(memoryview(message)):
        if field == 1:
            kind = _number(value)
        elif field == 2:  # noqa: PLR2004  # numbers of fields, as the file format has them
            entry = _read_entry(_part(value))
        elif field == 3:  # noqa: PLR2004  # the same
            number = _number(value)
        elif field == 4:  # noqa: PLR2004  # the same
            data = _part(value)
    return Packet(kind, entry, number, data)


def _read_entry(message: memoryview) -> Entry:
    values: dict[int, int | memoryview] = dict(_fields(message))
    mtime = _number(values.get(6, 0))
    try:
        mode = from_go(_number(values.get(2, 0)))
        device = os.makedev(_number(values.get(8, 0)), _number(values.get(9, 0)))
    except (ValueError, OverflowError) as error:
        raise PacketError(str(error)) from None
    return Entry(
        bytes(_part(values.get(1, _EMPTY))),
        mode,
        _number(values.get(5, 0)),
        mtime - (1 << 64) if mtime >> 63 else mtime,
        bytes(_part(values.get(7, _EMPTY))),
        device,
    )


_EMPTY: Final = memoryview(b"")


def _number(value: int | memoryview) -> int:
    if not isinstance(value, int):
        raise PacketError("expected a number in a packet")
    return value


def _part(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise PacketError("expected bytes in a packet")
    return value


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield number and value of each field; the last of a number is the one that counts."""
    position, size = 0, len(message)
    while position < size:
        tag, position = _read_varint(message, position)
        kind = tag & 7
        if kind == _VARINT:
            value, position = _read_varint(message, position)
            yield tag >> 3, value
            continue
        length = {_FIXED64: 8, _FIXED32: 4}.get(kind, 0)
        if kind == _BYTES:
            length, position = _read_varint(message, position)
        elif not length:
            raise PacketError(f"a packet has a field of the unknown kind {kind}")
        position += length
        if position > size:
            raise PacketError("a packet is cut short")
        yield tag >> 3, message[position - length : position]


def _read_varint(message: memoryview, position: int) -> tuple[int, int]:
    value = shift = 0
    for byte in message[position : position + _MOST_VARINT]:
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004  # the bit that says that there is more
            return value & _WORD, position
        shift += 7
    raise PacketError("a packet is cut short")


def _varint(value: int) -> bytes:
    if value < 0x80:  # noqa: PLR2004  # the bit that says that there is more
        return _SHORT[value]
    out = bytearray()
    while value >= 0x80:  # noqa: PLR2004  # the same
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _numbered(number: int) -> bytes:
    return b"\x18" + _varint(number) if number else b""


def _add(parts: list[bytes], tag: bytes, value: int) -> None:
    """Append a field; zero is what a missing one means."""
    if value:
        parts += (tag, _varint(value))
