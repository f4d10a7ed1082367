"""The report log: one JSON object per event and line, each written when the event happens.

A run that is killed leaves every event that was reported before. The name of the event's class is
``event``; the other names are the event's fields.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from typing import TYPE_CHECKING, TextIO

from okplug import UsageError, hookimpl

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
            self._stream.write(as_line(event))
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


class RawLog:
    """Writes events to standard error, which it leaves open; if nobody reads it, that is no fault.

    :param stream: nothing else is written to it.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._is_open = True

    @hookimpl
    def okplug_event(self, event: Event) -> None:
        """Write the event; nothing more is written after a line that could not be."""
        if not self._is_open:
            return
        try:
            self._stream.write(as_line(event))
            self._stream.flush()
        except (OSError, ValueError):  # the pipe is broken, the stream closed
            self._is_open = False


def _ends_early(error: OSError) -> UsageError:
    return UsageError(
        f"the report log ends early: {error.strerror}", hint="the images are what they are"
    )


def open_log(folder: Path, target: str, origin: str) -> TextIO:
    """Open a file, emptied, or standard output for ``-``.

    :param folder: what a relative *target* is relative to.
    :param origin: where *target* comes from, for the message.
    :raises UsageError: if it cannot be written.
    """
    if target == STDOUT:
        return sys.stdout
    path = folder / target
    try:
        return path.open("w", encoding="ascii")
    except OSError as error:
        hint = "" if path.parent.is_dir() else f"; make the folder {path.parent} first"
        raise UsageError(
            f"cannot write the report log {path}: {error.strerror}",
            hint=f"its name comes from {origin}{hint}",
        ) from error


def as_line(event: Event) -> str:
    """Return the event as a line of ASCII."""
    fields = {field.name: getattr(event, field.name) for field in dataclasses.fields(event)}
    return json.dumps({"event": type(event).__name__, **fields}) + "\n"
