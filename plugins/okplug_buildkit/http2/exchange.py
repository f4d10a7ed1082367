"""The protocol without threads: what received frames mean, and what is answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from okplug_buildkit.http2 import frames
from okplug_buildkit.http2.framequeue import FrameQueue
from okplug_buildkit.http2.frames import (
    LARGEST_PAYLOAD,
    ErrorCode,
    Flag,
    Frame,
    FrameReader,
    Kind,
    ProtocolError,
    Setting,
)
from okplug_buildkit.http2.headers import Fields, HeaderReader
from okplug_buildkit.http2.streams import RECEIVE_WINDOW, Stream

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable

#: bytes that may be on their way to us on all streams together
CONNECTION_WINDOW = 64 << 20
#: bytes that wait to be sent; whoever has more of them waits
OUTPUT_LIMIT = 4 << 20

_OUTPUT_OF_ALL = 2 * OUTPUT_LIMIT  # with what nobody can wait for, such as answers to PING
_FIRST_WINDOW = 65535  # of both sides, until they say something else
_LARGEST_WINDOW = (1 << 31) - 1
_LARGEST_FRAME = (1 << 24) - 1
_OF_THE_CONNECTION = {Kind.SETTINGS, Kind.PING, Kind.GOAWAY}


class Exchange:
    """One connection; who uses it from several threads has to lock it."""

    def __init__(self) -> None:
        self.output = FrameQueue()
        self.farewell: int | None = None  # the code with which the peer has left
        self.has_news = False  # for those who wait for room, until somebody has told them
        self._streams: dict[int, Stream] = {}
        self._opened: list[Stream] = []
        self._last = 0  # the highest number of a stream that the peer has opened
        self._frames = FrameReader()
        self._headers = HeaderReader()
        self._is_greeted = False
        self._send_window = _FIRST_WINDOW
        self._first_send_window = _FIRST_WINDOW
        self._receive_window = CONNECTION_WINDOW
        self._handlers: dict[int, Callable[[Frame], None]] = {
            Kind.DATA: self._on_data,
            Kind.HEADERS: self._on_headers,
            Kind.RST_STREAM: self._on_rst_stream,
            Kind.SETTINGS: self._on_settings,
            Kind.PUSH_PROMISE: self._on_push_promise,
            Kind.PING: self._on_ping,
            Kind.GOAWAY: self._on_goaway,
            Kind.WINDOW_UPDATE: self._on_window_update,
            Kind.CONTINUATION: self._on_continuation,
        }
        self.output.put(
            frames.settings({Setting.INITIAL_WINDOW_SIZE: RECEIVE_WINDOW}),
            frames.window_update(0, CONNECTION_WINDOW - _FIRST_WINDOW),
        )

    def receive(self, data: bytes | memoryview) -> list[Stream]:
        """Take in what the peer sends, cut anywhere, and return the streams that it opens.

        :raises ProtocolError: if it cannot be understood.
        """
        for frame in self._frames.feed(data):
            self._check(frame)
            handle = self._handlers.get(frame.kind)
            if handle is not None:  # other kinds may be passed over
                handle(frame)
        if self.output.size > _OUTPUT_OF_ALL:
            raise ProtocolError(ErrorCode.ENHANCE_YOUR_CALM, "it asks and does not listen")
        opened, self._opened = self._opened, []
        return opened

    def read(self, stream: Stream) -> list[memoryview]:
        """Return what has come on a stream, and let the peer send more."""
        pieces, allowed = stream.read()
        if allowed:
            self.output.put(frames.window_update(stream.number, allowed))
        return pieces

    def room(self, stream: Stream) -> int:
        """Return how many bytes can be sent now; 0 or less for none."""
        return min(self._send_window, stream.send_window, OUTPUT_LIMIT - self.output.size)

    def send_data(self, stream: Stream, payload: deque[memoryview], size: int) -> None:
        """Send that many bytes, for which there is room, from the front of the payload."""
        self._send_window -= size
        stream.send_window -= size
        self.output.put_data(stream.number, payload, size)

    def send_headers(self, stream: Stream, block: bytes, *, is_last: bool) -> None:
        """Send header fields; the last ones end the stream."""
        self.output.put_headers(stream.number, block, Flag.END_STREAM if is_last else Flag(0))
        if is_last:
            stream.is_reset = True  # for another thread that may still read or write it
            self.has_news = True
            self._streams.pop(stream.number, None)

    def end(self, code: ErrorCode) -> None:
        """Send a farewell and nothing else, and reset all streams."""
        for stream in self._streams.values():
            stream.is_reset = True
        self.has_news = True
        self._streams.clear()
        self.output.clear()
        self.output.put(frames.goaway(self._last, code))

    def _check(self, frame: Frame) -> None:
        """Refuse frames that may not come here or now."""
        kind, begun = frame.kind, self._headers.stream
        if not self._is_greeted and kind != Kind.SETTINGS:
            raise _broken("its first frame is not SETTINGS")
        if begun and (kind != Kind.CONTINUATION or frame.stream != begun):
            raise _broken("header fields that are not continued")
        if not begun and kind == Kind.CONTINUATION:
            raise _broken("header fields that were never begun")
        if kind not in self._handlers or kind == Kind.WINDOW_UPDATE:
            return
        if (frame.stream == 0) != (kind in _OF_THE_CONNECTION):
            raise _broken(f"{Kind(kind).name} on stream {frame.stream}")

    def _find(self, frame: Frame) -> Stream | None:
        """Return the stream of a frame, None if it has ended."""
        if frame.stream > self._last:
            raise _broken(f"{Kind(frame.kind).name} on stream {frame.stream}, which is not open")
        return self._streams.get(frame.stream)

    def _on_data(self, frame: Frame) -> None:
        size = len(frame.payload)
        self._receive_window -= size
        if self._receive_window < 0:
            raise _too_much("more data than the window of the connection has room for")
        if self._receive_window <= CONNECTION_WINDOW // 2:
            increment = CONNECTION_WINDOW - self._receive_window
            self.output.put(frames.window_update(0, increment))
            self._receive_window = CONNECTION_WINDOW
        stream = self._find(frame)
        if stream is None:
            return
        if stream.is_complete:
            raise ProtocolError(ErrorCode.STREAM_CLOSED, "data after the end of a stream")
        if not stream.receive(frames.content(frame), size):
            raise _too_much("more data than the window of their stream has room for")
        stream.is_complete = bool(frame.flags & Flag.END_STREAM)

    def _on_headers(self, frame: Frame) -> None:
        self._headers.begin(frame.stream, is_last=bool(frame.flags & Flag.END_STREAM))
        self._add_fields(frame.flags, frames.content(frame))

    def _on_continuation(self, frame: Frame) -> None:
        self._add_fields(frame.flags, frame.payload)

    def _add_fields(self, flags: int, piece: memoryview) -> None:
        fields = self._headers.add(piece, is_complete=bool(flags & Flag.END_HEADERS))
        if fields is None:
            return
        if fields.stream > self._last:
            self._open(fields)
        elif (stream := self._streams.get(fields.stream)) is not None:
            stream.is_complete = True  # these are trailers, which say nothing to a server

    def _open(self, fields: Fields) -> None:
        if fields.stream % 2 == 0:
            raise _broken(f"a client that opens stream {fields.stream}")
        self._last = fields.stream
        stream = Stream(
            fields.stream, fields.values, self._first_send_window, is_complete=fields.is_last
        )
        self._streams[stream.number] = stream
        self._opened.append(stream)

    def _on_rst_stream(self, frame: Frame) -> None:
        frames.read_number(frame.payload)
        stream = self._find(frame)
        if stream is not None:
            stream.is_reset = True
            self.has_news = True
            del self._streams[frame.stream]

    def _on_settings(self, frame: Frame) -> None:
        self._is_greeted = True
        if frame.flags & Flag.ACK:
            return
        for setting, value in frames.read_settings(frame.payload):
            if setting == Setting.INITIAL_WINDOW_SIZE:
                self._resize_windows(value)
            is_size = setting == Setting.MAX_FRAME_SIZE
            if is_size and not LARGEST_PAYLOAD <= value <= _LARGEST_FRAME:
                raise _broken(f"frames of at most {value} bytes")
        self.output.put(frames.frame_header(0, Kind.SETTINGS, Flag.ACK, 0))

    def _resize_windows(self, size: int) -> None:
        if size > _LARGEST_WINDOW:
            raise _too_much(f"a window of {size} bytes")
        self.has_news = True
        for stream in self._streams.values():
            stream.send_window = _grown(stream.send_window, size - self._first_send_window)
        self._first_send_window = size

    def _on_ping(self, frame: Frame) -> None:
        if len(frame.payload) != 8:  # noqa: PLR2004  # as many bytes are echoed
            raise ProtocolError(ErrorCode.FRAME_SIZE_ERROR, "a PING of a wrong size")
        if not frame.flags & Flag.ACK:
            self.output.put(frames.frame_header(8, Kind.PING, Flag.ACK, 0), frame.payload)

    def _on_goaway(self, frame: Frame) -> None:
        self.farewell = int.from_bytes(frame.payload[4:8], "big")

    def _on_window_update(self, frame: Frame) -> None:
        increment = frames.read_number(frame.payload) & _LARGEST_WINDOW
        if not increment:
            raise _broken("a window that grows by nothing")
        self.has_news = True
        if frame.stream == 0:
            self._send_window = _grown(self._send_window, increment)
            return
        stream = self._find(frame)
        if stream is not None:
            stream.send_window = _grown(stream.send_window, increment)

    def _on_push_promise(self, _frame: Frame) -> None:
        raise _broken("a client that pushes")


def _grown(window: int, increment: int) -> int:
    if window + increment > _LARGEST_WINDOW:
        raise _too_much("a window that grows too large")
    return window + increment


def _broken(message: str) -> ProtocolError:
    return ProtocolError(ErrorCode.PROTOCOL_ERROR, message)


def _too_much(message: str) -> ProtocolError:
    return ProtocolError(ErrorCode.FLOW_CONTROL_ERROR, message)
