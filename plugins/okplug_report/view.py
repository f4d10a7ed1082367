"""The live view of a build: finished images scroll by above those that are at work."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from okplug import RunFinished, StepStarted, hookimpl
from okplug_report.board import Board

if TYPE_CHECKING:
    from collections.abc import Mapping

    from okplug import Config, Event
    from okplug_report.region import Region

_NO_TERMINAL = {"dumb", "unknown"}
_NOT_IN_CI = {"", "0", "false"}


def wants_view(config: Config, stream: TextIO) -> bool:
    """Tell whether the user wants a live view and the stream can show one."""
    progress = config.text("progress")
    if progress not in {"auto", "tty"} or config.environ.get("TERM", "") in _NO_TERMINAL:
        return False
    if not stream.isatty():
        return False
    is_in_ci = config.environ.get("CI", "").lower() not in _NOT_IN_CI
    is_still = is_in_ci or config.flag("disable_spinner")
    return progress == "tty" or (config.verbosity >= 0 and not is_still)


class LiveView:
    """Shows a run on a terminal from the first build to the end, and takes the reporter's lines.

    A run that only reuses images is over too soon to be worth it.
    """

    def __init__(self, stream: TextIO, environ: Mapping[str, str]) -> None:
        self._stream = stream
        self._environ = environ
        self._board = Board(stream.encoding or "utf-8")
        self._region: Region | None = None

    @hookimpl(tryfirst=True)  # before the reporter writes of it
    def okplug_event(self, event: Event) -> None:
        """Show what happened."""
        self._board.follow(event)
        if isinstance(event, StepStarted) and event.verdict == "build":
            self._open()
        elif isinstance(event, RunFinished):
            self._close()

    @hookimpl
    def okplug_unconfigure(self) -> None:
        """Leave the terminal as it was, however the run ended."""
        self._close()

    def write(self, text: str) -> None:
        """Write a line above what is live."""
        if self._region is None:
            self._stream.write(text)
        else:
            self._region.write(text)

    def flush(self) -> None:
        """Show what is written; above a live region it is already."""
        if self._region is None:
            self._stream.flush()

    def fileno(self) -> int:
        """Return the terminal's descriptor."""
        return self._stream.fileno()

    def _open(self) -> None:
        if self._region is None:
            from okplug_report.region import Region

            self._region = Region(self._stream, self._board.lines, self._environ)
            self._region.open()

    def _close(self) -> None:
        region, self._region = self._region, None
        if region is not None:
            region.close()
