"""Lines out of bytes that come in pieces."""

from __future__ import annotations

import codecs


class LineBuffer:
    """Collects the pieces of one stream; what is not UTF-8 is replaced.

    A line without end is given out in parts, so that a program that never ends one takes no memory.
    """

    longest = 1 << 16

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._text = ""

    def take(self, piece: bytes) -> list[str]:
        """Return the lines that the piece ends, without their ends."""
        *lines, self._text = (self._text + self._decoder.decode(piece)).split("\n")
        if len(self._text) > self.longest:
            lines.append(self._text)
            self._text = ""
        return [line.removesuffix("\r") for line in lines]

    def rest(self) -> str:
        """Return what no newline has ended, and forget it."""
        text, self._text = self._text + self._decoder.decode(b"", final=True), ""
        return text
