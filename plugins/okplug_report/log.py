"""The report log: one JSON object per event and line, each written when the event happens.

A run that is killed leaves every event that was reported before.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Literal, TextIO

from okplug import UsageError, event_line, hookimpl

if TYPE_CHECKING:
    from pathlib import Path

    from okplug import Event

STDOUT = "-"


class ReportLog:
    """Writes events to a stream and closes it at the end of the run, unless it is stdout."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._is_broken = False

    @hookimpl
    def okplug_event(self, event: Event) -> None:
        """Write the event; nothing more is written after a line that could not be.

        :raises UsageError: if the line cannot be written.
        """
        if self._is_broken:
            return
        try:
            self._stream.write(f"{event_line(event)}\n")
            self._stream.flush()
        except OSError as error:
            self._is_broken = True
            raise _ends_early(error) from error

    @hookimpl
    def okplug_unconfigure(self) -> None:
        """Close the file.

        :raises UsageError: if the end of it cannot be written and nobody knows yet.
        """
        if self._stream is sys.stdout:
            return
        try:
            self._stream.close()
        except OSError as error:
            if not self._is_broken:
                raise _ends_early(error) from error


def _ends_early(error: OSError) -> UsageError:
    return UsageError(
        f"the report log ends early: {error.strerror}", hint="the images are what they are"
    )


def open_log(folder: Path, target: str, origin: str, mode: Literal["w", "a"] = "w") -> TextIO:
    """Open a file or, for ``-``, standard output.

    :param folder: what a relative *target* is relative to.
    :param origin: where *target* comes from, for the message.
    :param mode: ``w`` to empty the file, ``a`` to go on with it.
    :raises UsageError: if it cannot be written.
    """
    if target == STDOUT:
        return sys.stdout
    path = folder / target
    try:
        return path.open(mode, encoding="ascii")
    except OSError as error:
        hint = "" if path.parent.is_dir() else f"; make the folder {path.parent} first"
        raise UsageError(
            f"cannot write the report log {path}: {error.strerror}",
            hint=f"its name comes from {origin}{hint}",
        ) from error
