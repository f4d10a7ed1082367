"""A connection that several threads use: one feeds it, one takes from it, others serve."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

from okplug_buildkit.http2.exchange import Exchange
from okplug_buildkit.http2.frames import ErrorCode, ProtocolError
from okplug_buildkit.http2.headers import write_headers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from okplug_buildkit.http2.streams import Stream
    from okplug_buildkit.rpc import Part


class StreamResetError(Exception):
    """Nobody waits for the answer any more: its stream was reset, or the connection has ended."""


class Connection:
    """The server's side of a connection.

    :param serve: called for each request from the thread that feeds; it must not block.
    """

    def __init__(self, serve: Callable[[Stream], None]) -> None:
        self.failure: str | None = None  # why it ended, if ``close`` was not why
        self._serve = serve
        self._exchange = Exchange()
        self._is_open = True
        lock = threading.Lock()
        self._incoming = threading.Condition(lock)  # there may be something to be read
        self._room = threading.Condition(lock)  # there may be room to write
        self._outgoing = threading.Condition(lock)  # there may be something to be taken

    def feed(self, data: bytes | memoryview) -> None:
        """Take in what the peer sends, cut anywhere; what cannot be understood ends it all."""
        opened: list[Stream] = []
        with self._incoming:
            if self._is_open:
                opened = self._receive(data)
        for stream in opened:
            self._serve(stream)

    def _receive(self, data: bytes | memoryview) -> list[Stream]:
        try:
            opened = self._exchange.receive(data)
        except ProtocolError as error:
            self._end(f"the daemon broke the protocol of the session: {error}", error.code)
            return []
        if self._exchange.farewell is not None:
            self._end(f"the daemon ended the session{_reason(self._exchange.farewell)}")
            return []
        self._notify()
        return opened

    def take(self, size: int) -> list[Part] | None:
        """Wait for something to be sent, and return parts of about *size* bytes at most.

        :return: None when there is nothing any more.
        """
        output = self._exchange.output
        with self._outgoing:
            while self._is_open and not output.size:
                self._outgoing.wait()
            parts = output.take(size)
            self._room.notify_all()
        return parts or None

    def lose(self, reason: str) -> None:
        """End it because the peer cannot be heard any more."""
        with self._outgoing:
            self._end(reason)

    def close(self) -> None:
        """End it; whoever waits for something is told, and no more than a farewell is sent."""
        with self._outgoing:
            self._end(None)

    def _end(self, failure: str | None, code: ErrorCode = ErrorCode.NO_ERROR) -> None:
        if self._is_open:
            self._is_open = False
            self.failure = failure
            self._exchange.end(code)
            self._notify()

    def _notify(self) -> None:
        self._incoming.notify_all()
        if self._exchange.has_news:  # who waits for room is not to wake up for every message
            self._exchange.has_news = False
            self._room.notify_all()
        if self._exchange.output.size:
            self._outgoing.notify_all()

    def read(self, stream: Stream, *, wait: bool = True) -> list[memoryview]:
        """Return all that has come on a stream.

        :param wait: for something to come; without it nothing may mean "not yet" too.
        :return: nothing at the end.
        :raises StreamResetError: as soon as nobody waits for the answer.
        """
        with self._incoming:
            while wait and not (stream.received or stream.is_complete or stream.is_reset):
                self._incoming.wait()
            self._check(stream)
            pieces = self._exchange.read(stream)
            if self._exchange.output.size:  # the peer may send more, and is to know
                self._outgoing.notify_all()
        return pieces

    def write(self, stream: Stream, parts: Sequence[Part]) -> None:
        """Send data, as the peer takes them; the parts must not change afterwards.

        :raises StreamResetError: as soon as nobody waits for the answer.
        """
        payload = deque(memoryview(part) for part in parts)
        left = sum(map(len, payload))
        with self._room:
            while left:
                self._check(stream)
                size = min(left, self._exchange.room(stream))
                if size <= 0:
                    self._room.wait()
                    continue
                self._exchange.send_data(stream, payload, size)
                self._outgoing.notify_all()
                left -= size

    def write_headers(
        self, stream: Stream, fields: Sequence[tuple[str, str]], *, is_last: bool
    ) -> None:
        """Send header fields, of which the last ones end the stream.

        :raises StreamResetError: if nobody waits for the answer.
        """
        block = write_headers(fields)
        with self._outgoing:
            self._check(stream)
            self._exchange.send_headers(stream, block, is_last=is_last)
            self._notify()

    def _check(self, stream: Stream) -> None:
        if stream.is_reset:
            raise StreamResetError


def _reason(code: int) -> str:
    """Return what a farewell says beyond that it is one."""
    if code == ErrorCode.NO_ERROR:
        return ""
    known = code in ErrorCode.__members__.values()
    return f": {ErrorCode(code).name if known else f'error {code}'}"
