"""Frames: how they are read from a byte stream cut anywhere, and how they are written."""

from __future__ import annotations

import enum
import struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#: bytes in a frame, beyond which nobody may go who was not invited to
LARGEST_PAYLOAD = 16384

_HEADER = 9


class Kind(enum.IntEnum):
    """The types of frames."""

    DATA = 0
    HEADERS = 1
    PRIORITY = 2
    RST_STREAM = 3
    SETTINGS = 4
    PUSH_PROMISE = 5
    PING = 6
    GOAWAY = 7
    WINDOW_UPDATE = 8
    CONTINUATION = 9


class Flag(enum.IntFlag):
    """The flags of frames; what a bit means depends on the type."""

    ACK = 0x1
    END_STREAM = 0x1
    END_HEADERS = 0x4
    PADDED = 0x8
    PRIORITY = 0x20


class Setting(enum.IntEnum):
    """The settings that one of the two sides uses here."""

    INITIAL_WINDOW_SIZE = 4
    MAX_FRAME_SIZE = 5


class ErrorCode(enum.IntEnum):
    """What GOAWAY and RST_STREAM say."""

    NO_ERROR = 0
    PROTOCOL_ERROR = 1
    INTERNAL_ERROR = 2
    FLOW_CONTROL_ERROR = 3
    SETTINGS_TIMEOUT = 4
    STREAM_CLOSED = 5
    FRAME_SIZE_ERROR = 6
    REFUSED_STREAM = 7
    CANCEL = 8
    COMPRESSION_ERROR = 9
    CONNECT_ERROR = 10
    ENHANCE_YOUR_CALM = 11
    INADEQUATE_SECURITY = 12
    HTTP_1_1_REQUIRED = 13


class ProtocolError(Exception):
    """The peer broke the protocol, after which nothing it says can be understood."""

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.code = code


class Frame(NamedTuple):
    """One frame as it was received."""

    kind: int  # of a ``Kind``, or one that nobody knows
    flags: int
    stream: int  # 0 is the connection
    payload: memoryview


class FrameReader:
    """Cuts what the peer sends, its preface first, into frames."""

    def __init__(self) -> None:
        self._pieces: list[bytes | memoryview] = []
        self._size = 0
        self._wanted = len(PREFACE)  # bytes without which there is nothing to be read
        self._has_preface = False

    def feed(self, data: bytes | memoryview) -> Iterator[Frame]:
        """Yield the frames that these bytes complete.

        :raises ProtocolError: for another preface, or a frame that is too large.
        """
        self._pieces.append(data)
        self._size += len(data)
        if self._size < self._wanted:
            return
        view = memoryview(self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces))
        start = 0 if self._has_preface else _skip_preface(view)
        self._has_preface = True
        while len(view) - start >= (wanted := _frame_size(view[start:])):
            yield _parse(view[start : start + wanted])
            start += wanted
        self._size, self._wanted = len(view) - start, wanted
        self._pieces = [view[start:]] if self._size else []


def _skip_preface(view: memoryview) -> int:
    if view[: len(PREFACE)] != PREFACE:
        raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "what it sends does not begin as HTTP/2 does")
    return len(PREFACE)


def _frame_size(view: memoryview) -> int:
    """Return the size of the frame that begins here, of its header if that is not complete."""
    if len(view) < _HEADER:
        return _HEADER
    size = view[0] << 16 | view[1] << 8 | view[2]
    if size > LARGEST_PAYLOAD:
        raise ProtocolError(
            ErrorCode.FRAME_SIZE_ERROR, f"a frame of {size} bytes, at most {LARGEST_PAYLOAD}"
        )
    return _HEADER + size


def _parse(view: memoryview) -> Frame:
    stream = int.from_bytes(view[5:_HEADER], "big") & 0x7FFFFFFF
    return Frame(view[3], view[4], stream, view[_HEADER:])


def content(frame: Frame) -> memoryview:
    """Return the payload of DATA and HEADERS without padding and priority.

    :raises ProtocolError: if there is more padding than payload.
    """
    start, end = 0, len(frame.payload)
    if frame.flags & Flag.PADDED:
        start, end = 1, end - (frame.payload[0] if end else 1)
    if frame.kind == Kind.HEADERS and frame.flags & Flag.PRIORITY:
        start += 5
    if start > end:
        raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "a frame with more padding than payload")
    return frame.payload[start:end]


def read_settings(payload: memoryview) -> list[tuple[int, int]]:
    """Return identifiers and values in their order.

    :raises ProtocolError: if the payload is no list of settings.
    """
    if len(payload) % 6:
        raise ProtocolError(ErrorCode.FRAME_SIZE_ERROR, "SETTINGS of a wrong size")
    return [(setting, value) for setting, value in struct.iter_unpack(">HI", payload)]


def read_number(payload: memoryview) -> int:
    """Return the payload of WINDOW_UPDATE and RST_STREAM.

    :raises ProtocolError: if it is no number.
    """
    if len(payload) != 4:  # noqa: PLR2004  # 32 bits
        raise ProtocolError(ErrorCode.FRAME_SIZE_ERROR, "a frame of a wrong size")
    return int.from_bytes(payload, "big")


def frame_header(size: int, kind: Kind, flags: int, stream: int) -> bytes:
    """Return what stands before a payload of *size* bytes."""
    return struct.pack(">HBBBI", size >> 8, size & 0xFF, kind, flags, stream)


def settings(values: Mapping[Setting, int]) -> bytes:
    """Return a SETTINGS frame."""
    payload = b"".join(struct.pack(">HI", *item) for item in values.items())
    return frame_header(len(payload), Kind.SETTINGS, 0, 0) + payload


def window_update(stream: int, increment: int) -> bytes:
    """Return a frame that lets the peer send so many bytes more."""
    return frame_header(4, Kind.WINDOW_UPDATE, 0, stream) + increment.to_bytes(4, "big")


def goaway(last_stream: int, code: ErrorCode) -> bytes:
    """Return the frame that ends the connection.

    :param last_stream: the last stream of the peer that was looked at.
    """
    return frame_header(8, Kind.GOAWAY, 0, 0) + struct.pack(">II", last_stream, code)
