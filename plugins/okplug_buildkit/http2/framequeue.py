"""What is to be sent: whole frames, in parts that are joined only when they leave."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from okplug_buildkit.http2.frames import LARGEST_PAYLOAD, Flag, Kind, frame_header

if TYPE_CHECKING:
    from collections.abc import Iterator

    from okplug_buildkit.rpc import Part


class FrameQueue:
    """Frames in the order in which they are sent."""

    def __init__(self) -> None:
        self.size = 0  # bytes
        self._frames: deque[tuple[Part, ...]] = deque()

    def put(self, *parts: Part) -> None:
        """Add a frame, or several in a row that nothing may come between."""
        self._frames.append(parts)
        self.size += sum(map(len, parts))

    def put_data(self, stream: int, payload: deque[memoryview], size: int) -> None:
        """Move that many bytes from the front of the payload into as few frames as possible."""
        while size > 0:
            length = min(size, LARGEST_PAYLOAD)
            header = frame_header(length, Kind.DATA, 0, stream)
            self.put(header, *_cut(payload, length))
            size -= length

    def put_headers(self, stream: int, block: bytes, flags: Flag) -> None:
        """Add a block of header fields, which fits into one frame."""
        flags |= Flag.END_HEADERS
        self.put(frame_header(len(block), Kind.HEADERS, flags, stream), block)

    def take(self, size: int) -> list[Part]:
        """Remove frames from the front until there are *size* bytes, and return their parts."""
        parts: list[Part] = []
        taken = 0
        while self._frames and taken < size:
            frame = self._frames.popleft()
            parts += frame
            taken += sum(map(len, frame))
        self.size -= taken
        return parts

    def clear(self) -> None:
        """Forget everything."""
        self._frames.clear()
        self.size = 0


def _cut(payload: deque[memoryview], size: int) -> Iterator[memoryview]:
    while size:
        part = payload.popleft()
        if len(part) > size:
            payload.appendleft(part[size:])
            part = part[:size]
        size -= len(part)
        yield part
