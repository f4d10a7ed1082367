"""A stream that people read: its width, its colours, and that it may go away at any time."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from okplug.terminal.text import printed, rule

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TextIO

    from okplug.terminal.screen import Screen

DEFAULT_WIDTH = 80

_SGR = {"bold": 1, "red": 31, "green": 32, "yellow": 33}


class Writer:
    """Writes lines to a stream; once nobody reads it, it writes nothing and says nothing."""

    def __init__(self, stream: Screen, *, width: int = DEFAULT_WIDTH, color: bool = False) -> None:
        self.width = width
        self._stream = stream
        self._color = color
        self._encoding = getattr(stream, "encoding", None) or "utf-8"
        self._is_open = True

    def line(self, text: str = "") -> None:
        """Write a line; characters that the stream's encoding lacks are escaped."""
        if not self._is_open:
            return
        if not text.isascii():
            text = text.encode(self._encoding, "backslashreplace").decode(self._encoding)
        try:
            self._stream.write(f"{text}\n")
            self._stream.flush()
        except (OSError, ValueError):  # the pipe is broken, the terminal gone, the stream closed
            self._is_open = False
            _silence(self._stream)

    def rule(self, title: str, fill: str = "=", *styles: str) -> None:
        """Write a line across the whole width with a title in its middle."""
        self.line(self.styled(rule(title, fill, self.width), *styles))

    def styled(self, text: str, *styles: str) -> str:
        """Return the text in colour, as it is where there are no colours.

        :param styles: ``bold``, ``red``, ``green`` or ``yellow``.
        """
        if not self._color or not styles:
            return text
        return "".join(f"\x1b[{_SGR[style]}m" for style in styles) + f"{text}\x1b[0m"

    def printed(self, text: str) -> str:
        """Return a line of a program's output, in its own colours where there are any."""
        return printed(text, color=self._color)


def _silence(stream: Screen) -> None:
    """Let what is still in the buffer go nowhere, or it would fail again when Python ends."""
    with suppress(OSError, ValueError):
        target = stream.fileno()
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, target)
        os.close(null)


def wants_color(choice: str, environ: Mapping[str, str], stream: TextIO) -> bool:
    """Tell whether to print colours.

    :param choice: ``always``, ``never``, or ``auto``: ``PY_COLORS`` decides, else ``NO_COLOR``,
        else ``FORCE_COLOR``, else whether the stream is a terminal that is not dumb.
    """
    if choice != "auto":
        return choice == "always"
    if environ.get("PY_COLORS") in {"0", "1"}:
        return environ["PY_COLORS"] == "1"
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR"):
        return True
    return environ.get("TERM") != "dumb" and _is_terminal(stream)


def terminal_width(environ: Mapping[str, str], stream: TextIO) -> int:
    """Return the columns of a line: ``COLUMNS``, else the terminal's, else 80."""
    given = environ.get("COLUMNS", "")
    if given.isdecimal() and int(given):
        return int(given)
    with suppress(OSError, ValueError):  # no terminal, or no file at all
        return os.get_terminal_size(stream.fileno()).columns or DEFAULT_WIDTH
    return DEFAULT_WIDTH


def _is_terminal(stream: TextIO) -> bool:
    with suppress(ValueError):  # the stream is closed
        return stream.isatty()
    return False
