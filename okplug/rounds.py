"""What ``--watch`` remembers from one run of its command to the next."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from okplug.errors import ContextChangedError, ExitCode, ManifestError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from okplug.collect import Collection
    from okplug.config import Warned
    from okplug.errors import OkplugError
    from okplug.fileevents import FileEvents
    from okplug.interest import Interest
    from okplug.planning import Planner


@dataclass(slots=True)
class Rounds:
    """The runs of one command line: one only, unless it has ``--watch``.

    :ivar is_wanted: it has ``--watch``.
    :ivar is_over: no other run follows.
    :ivar is_waiting: it was said so, and no news came since: nothing is planned or built.
    :ivar is_mute: nothing but what a single run prints may be printed.
    :ivar number: how many runs came before this one.
    :ivar root: of the workspace, absolute.
    :ivar interest: what the files of the last run that could read them were; None if it could not.
    :ivar changed: the files because of which this run was begun.
    :ivar named: address -> what the image was to be called, its key included.
    :ivar told: address -> what ``plan`` printed of it last.
    :ivar collected: what this run found when it looked for news, or why it found nothing.
    :ivar error: what ended the last run, ``""`` if nothing did.
    :ivar outputs: files and folders that okplug writes itself, absolute and without links.
    :ivar warned: the warnings that were given.
    """

    is_wanted: bool = False
    is_over: bool = False
    is_waiting: bool = False
    is_mute: bool = False
    number: int = 0
    root: str = ""
    events: FileEvents | None = None
    interest: Interest | None = None
    changed: tuple[str, ...] = ()
    named: dict[str, tuple[str, ...]] | None = None
    told: dict[str, object] = field(default_factory=dict)
    collected: tuple[Collection, Planner] | OkplugError | None = None
    error: str = ""
    outputs: set[str] = field(default_factory=set)
    warned: set[Warned] = field(default_factory=set)

    def begin(self, root: str, environ: Mapping[str, str]) -> None:
        """Begin the run of a command that is watched.

        :raises UsageError: if files cannot be watched here.
        """
        self.root = root
        if self.events is None:
            from okplug.fileevents import FileEvents

            self.events = FileEvents(environ)
        self.is_wanted = True

    @property
    def goes_on(self) -> bool:
        """Another run follows."""
        return self.is_wanted and not self.is_over

    def interrupt(self) -> bool:
        """End; return whether that cuts something short."""
        self.is_over = True
        return not self.is_waiting

    def fail(self, error: Exception) -> bool:
        """Take note of what ended a run; return whether it is anything new.

        The first run must come as far as the manifests: what a command line has wrong, no edit
        puts right.
        """
        text = str(error)
        is_news = text != self.error
        self.error = text
        self.is_waiting = self.is_waiting and not is_news
        may_pass = self.number > 0 or isinstance(error, ManifestError | ContextChangedError)
        self.is_over = self.is_over or not may_pass
        return is_news

    def exit(self, code: int) -> int:
        """Take note of how a run ended that tells why itself, and return its exit code."""
        self.is_over = self.is_over or code == ExitCode.INTERRUPTED
        return code

    def forget_collected(self) -> None:
        """Have whoever asks next collect anew."""
        self.collected = None

    def say(self, text: str) -> None:
        """Print a line beside what the command itself prints."""
        if not self.is_mute:
            sys.stderr.write(f"{text}\n")
            sys.stderr.flush()

    def close(self) -> None:
        """Stop listening to files."""
        if self.events is not None:
            self.events.close()
