"""Two connections of which each gets what the other one sends."""

from __future__ import annotations

import select
import socket
import ssl
import threading
from contextlib import suppress

_CHUNK = 256 * 1024
_GONE = select.POLLHUP | select.POLLERR | select.POLLNVAL


class Splice:
    """A thread that carries bytes both ways until one side ends; a ``Link``.

    One thread does both, because an ``SSLSocket`` must not be used by two.
    """

    def __init__(self, near: socket.socket, far: socket.socket) -> None:
        self._sockets = (near, far)
        for end in self._sockets:
            end.settimeout(0)
        self._thread = threading.Thread(target=self._carry, name="okplug splice", daemon=True)
        self._thread.start()

    def is_over(self) -> bool:
        """Tell whether one side has ended."""
        return not self._thread.is_alive()

    def complaint(self) -> str:
        """Return nothing: a connection has no words of its own."""
        return ""

    def close(self) -> None:
        """End both connections."""
        for end in self._sockets:
            # an SSLSocket's own shutdown would have the thread go on without encryption
            with suppress(OSError):
                socket.socket.shutdown(end, socket.SHUT_RDWR)
        self._thread.join()

    def _carry(self) -> None:
        near, far = self._sockets
        ways = (_Way(near, far), _Way(far, near))
        poll = select.poll()
        with near, far, suppress(OSError):
            while not any(way.move() for way in ways):
                for end in self._sockets:
                    poll.register(end, _interest(end, ways))
                if any(event & _GONE and not event & select.POLLIN for _, event in poll.poll()):
                    return


def _interest(end: socket.socket, ways: tuple[_Way, _Way]) -> int:
    """Return what a socket is waited for: to take what is left over, and to give more."""
    events = 0
    for way in ways:
        if way.sink is end and way.rest:
            events |= select.POLLOUT
        if way.source is end and not way.rest:
            events |= select.POLLIN
    return events


class _Way:
    """One direction."""

    def __init__(self, source: socket.socket, sink: socket.socket) -> None:
        self.source = source
        self.sink = sink
        self.rest = memoryview(b"")
        self._buffer = bytearray(_CHUNK)

    def move(self) -> bool:
        """Carry what can be carried without waiting, and tell whether the source has ended."""
        while True:
            while self.rest:
                try:
                    self.rest = self.rest[self.sink.send(self.rest) :]
                except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                    return False
            try:
                size = self.source.recv_into(self._buffer)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return False
            if not size:
                return True
            self.rest = memoryview(self._buffer)[:size]
