"""A live region at the bottom of a terminal: lines pass above it, and it goes without a trace.

Rich's ``Live`` draws it. What is added here: one lock around all drawing, so that threads cannot
draw into each other's; lines that are written as they are, nothing in them interpreted; a terminal
that is resized, and one that goes away.
"""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TextIO

from rich.console import Console  # noqa: TID253  # this module is loaded when the view is on
from rich.live import Live  # noqa: TID253  # the same
from rich.segment import ControlType, Segment  # noqa: TID253  # the same

from okplug_report.board import rows_taken

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rich.console import ConsoleOptions, ConsoleRenderable, RenderResult

#: frames per second
RATE = 8
_SIZE = (80, 24)
#: what is wider than the terminal is cut by it, not broken (DECAWM of the VT100), and back
_CUT = "\x1b[?7l"
_BREAK = "\x1b[?7h"
_UP = "\x1b[A\x1b[2K"


class Region:
    """Draws a picture below the lines that are written, until it is closed.

    :param stream: a terminal.
    :param picture: columns and rows -> the lines of the region, at least one.
    :param environ: the environment.
    """

    def __init__(
        self,
        stream: TextIO,
        picture: Callable[[int, int], list[str]],
        environ: Mapping[str, str],
    ) -> None:
        self._stream = stream
        self._picture = picture
        self._lock = threading.RLock()
        self._live = _Live(stream, picture, environ, self._lock)
        self._is_broken = False
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._redraw, name="okplug-live-view", daemon=True)

    def open(self) -> None:
        """Draw from now on."""
        self._draw(lambda: self._live.start(refresh=True))
        self._thread.start()

    def close(self) -> None:
        """Take the region off the screen; lines go on where it was. A second call does nothing."""
        self._done.set()
        self._draw(self._live.stop)
        self._thread.join()

    def write(self, text: str) -> None:
        """Write a line with its end above the region, as it is."""
        self._draw(lambda: self._live.console.print(_Raw(text), crop=False))

    def _draw(self, action: Callable[[], object]) -> None:
        """Draw, unless the terminal is gone: then never again."""
        with self._lock:
            if self._is_broken:
                return
            try:
                action()
            except (OSError, ValueError):  # the terminal is gone, or its stream closed
                self._is_broken = True
                with suppress(OSError, ValueError):
                    self._live.stop()

    def _redraw(self) -> None:
        while not self._done.wait(1 / RATE):
            with self._lock:
                if not self._done.is_set() and not self._live.is_current():
                    self._draw(self._live.refresh)


class _Raw:
    """Text that is written as it is.

    :param is_control: it takes no columns.
    """

    def __init__(self, text: str, *, is_control: bool = False) -> None:
        self._control = [(ControlType.BELL,)] if is_control else None  # any will do
        self._text = text

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Segment(self._text, None, self._control)


class _Picture:
    """The region as it is when it is drawn; it knows what was drawn last."""

    def __init__(self, picture: Callable[[int, int], list[str]]) -> None:
        self.draw = picture
        self.drawn: list[str] = []
        self.width = 0

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        self.width = options.size.width
        self.drawn = self.draw(options.size.width, options.size.height)
        yield Segment("\n".join(self.drawn))

    def broken_rows(self, width: int) -> int:
        """Return by how many rows the region grew since the terminal was made narrower."""
        if width >= self.width:
            return 0
        return rows_taken(self.drawn, width) - len(self.drawn)


class _Console(Console):
    """A console on which one thread draws at a time, from the first byte to the last."""

    def __init__(self, lock: threading.RLock, **options: Any) -> None:  # noqa: ANN401  # rich's own
        super().__init__(**options)
        self._drawing = lock

    def __enter__(self) -> Console:
        """Begin what is written at once, such as what a plugin writes to standard error."""
        self._drawing.acquire()
        return super().__enter__()

    def __exit__(self, *error: object) -> None:  # as they are
        """Write it."""
        try:
            super().__exit__(*error)
        finally:
            self._drawing.release()

    def print(self, *objects: Any, **options: Any) -> None:  # noqa: ANN401  # the same
        """Print while no other thread does."""
        with self._drawing:
            super().print(*objects, **options)


class _Live(Live):
    """``Live`` that minds the terminal's size; call it with the lock held."""

    def __init__(
        self,
        stream: TextIO,
        picture: Callable[[int, int], list[str]],
        environ: Mapping[str, str],
        lock: threading.RLock,
    ) -> None:
        self._shown = _Picture(picture)
        self._stream = stream
        super().__init__(
            console=_Console(
                lock,
                file=stream,
                force_terminal=True,
                force_interactive=True,
                color_system=None,
                legacy_windows=False,
                _environ=environ,
            ),
            auto_refresh=False,
            transient=True,
            redirect_stdout=sys.stdout is not None and sys.stdout.isatty(),
            get_renderable=lambda: self._shown,
        )

    def is_current(self) -> bool:
        """Tell whether the screen shows the region as it is now."""
        width, height = terminal_size(self._stream)
        return width == self._shown.width and self._shown.draw(width, height) == self._shown.drawn

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        """Take the region away, and draw it anew below what is printed."""
        width, height = terminal_size(self._stream)
        self.console.size = (width, height)
        wipe = _Raw(_UP * self._shown.broken_rows(width), is_control=True)
        reset, *printed, region = super().process_renderables(renderables)
        cut, breaking = (_Raw(text, is_control=True) for text in (_CUT, _BREAK))
        return [reset, wipe, *printed, cut, region, breaking]


def terminal_size(stream: TextIO) -> tuple[int, int]:
    """Return the columns and rows of a terminal, those of a VT100 if it does not know."""
    with suppress(OSError, ValueError):
        found = os.get_terminal_size(stream.fileno())
        return found.columns or _SIZE[0], found.lines or _SIZE[1]
    return _SIZE
