"""One request and its answer: what has come, what may be sent."""

from __future__ import annotations

from dataclasses import dataclass, field

#: bytes that the peer may send on one stream before they are read
RECEIVE_WINDOW = 8 << 20


@dataclass(eq=False, slots=True)
class Stream:
    """The state of one stream.

    :param send_window: bytes that may be sent; a change of settings can make it negative.
    """

    number: int
    headers: list[tuple[str, str]]
    send_window: int
    is_complete: bool = False  # the peer sends no more
    is_reset: bool = False  # nobody waits for the answer
    received: list[memoryview] = field(default_factory=list)  # not yet read
    _receive_window: int = RECEIVE_WINDOW
    _read: int = 0  # bytes that the peer does not yet know to be read

    def receive(self, data: memoryview, size: int) -> bool:
        """Keep data until they are read; False if they are more than what was allowed.

        :param size: bytes that count for the window, with the padding.
        """
        self._receive_window -= size
        self._read += size - len(data)
        if data:
            self.received.append(data)
        return self._receive_window >= 0

    def read(self) -> tuple[list[memoryview], int]:
        """Return what has come, and how many bytes more the peer may send by now.

        It is told of half a window or more, not of each few bytes.
        """
        pieces, self.received = self.received, []
        self._read += sum(map(len, pieces))
        if self.is_complete or self._read < RECEIVE_WINDOW // 2:
            return pieces, 0
        allowed, self._read = self._read, 0
        self._receive_window += allowed
        return pieces, allowed
