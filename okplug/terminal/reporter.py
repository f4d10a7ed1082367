"""Turn events into lines as they come; what must wait for the end goes to the summary."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from okplug import events
from okplug.messages import shorten_paths
from okplug.terminal.steps import Steps
from okplug.terminal.summary import Summary
from okplug.terminal.text import columns, counted, padded, seconds, visible

if TYPE_CHECKING:
    from okplug.terminal.writer import Writer

#: verdict -> the word for it, and its colour
_WORDS = {
    "build": ("BUILT", "green"),
    "reuse": ("REUSED", "green"),
    "failed": ("FAILED", "red"),
    "blocked": ("BLOCKED", "yellow"),
    "cancelled": ("CANCELLED", "yellow"),
}
_WORD_WIDTH = max(len(word) for word, _ in _WORDS.values())
_FEW_REASONS = 2
_NEEDED = "The following build images need to be built because of dependencies: [{}]"
_SKIPPED = 'Okteto Smart Builds is skipping build of "{}" because it\'s already built from cache.'


@dataclass(frozen=True, slots=True)
class Shown:
    """What a user wants to see.

    :param verbosity: below 0 only failures and the last line, above 0 logs and all reasons too.
    :param durations: how many of the slowest images to list, 0 for all, None for no list.
    :param cwd: paths below it are printed relative to it.
    :param steps: the parts of each build, and its output.
    :param narrates: whole sentences as well, which are Okteto's: those who search the log of a
        CI run for them find them. A live view has no room for them, and says the same.
    :param is_again: a run of a watch after its first: what is reused was reused before.
    """

    verbosity: int = 0
    durations: int | None = None
    cwd: Path = Path("/")
    steps: bool = False
    narrates: bool = False
    is_again: bool = False


_NOT_PUSHED = "Your image won't be pushed. To push your image specify the flag '-t'."


class TerminalReporter:
    """Writes what happens, in pytest's shape."""

    def __init__(self, writer: Writer, shown: Shown) -> None:
        self._writer = writer
        self._verbosity = shown.verbosity
        self._summary = Summary(writer, shown.cwd, shown.durations, is_brief=shown.verbosity < 0)
        self._planned = 0
        self._started: set[str] = set()
        self._cwd = shown.cwd
        self._narrates = shown.narrates and shown.verbosity >= 0
        self._shows_parts = shown.steps
        self._shows_logs = shown.steps or shown.verbosity > 0
        self._steps = Steps(writer)
        self._is_again = shown.is_again
        self._has_begun = False
        self._address_width = 0
        self._finished = 0

    def report(self, event: events.Event) -> None:
        """Write what the event says."""
        match event:
            case events.RunStarted():
                self._begin(event)
            case events.StepPlanned():
                self._plan(event)
            case events.StepStarted():
                self._start(event)
            case events.StepFinished():
                self._finish(event)
            case events.WarningRaised():
                self._summary.warn(event)
            case events.StepLog() if self._shows_logs:
                self._steps.log(event)
            case events.StepProgress() if self._shows_parts:
                self._steps.progress(event)
            case events.RunFinished():
                self._end(event)
            case _ if self._verbosity >= 0:
                self._tell_plan(event)

    def _tell_plan(self, event: events.Event) -> None:
        match event:
            case events.LookUpStarted() if self._narrates:
                self._writer.line("Checking if the images are already built from cache...")
            case events.Pushed(references=()):
                self._writer.line("Build succeeded")
                self._writer.line(_NOT_PUSHED)
            case events.Pushed() if self._narrates:
                reference = visible(event.references[0])
                where = visible(f" to {event.where}") if event.where else ""
                self._writer.line(f"Image '{reference}' successfully pushed{where}")
            case events.Collected():
                self._writer.line(_collected(event))
            case events.Planned():
                if event.dependencies and self._narrates:
                    self._writer.line(visible(_NEEDED.format(", ".join(event.dependencies))))
                if event.builder:
                    jobs = f", {event.jobs} at once" if event.jobs > 1 else ""
                    self._writer.line(visible(f"builder: {event.builder}{jobs}"))
                self._writer.line()

    def _begin(self, event: events.RunStarted) -> None:
        self._has_begun = True
        if self._verbosity < 0:
            return
        self._writer.rule(f"okplug {event.command}", "=", "bold")
        for line in event.header:
            self._writer.line(visible(line))

    def _plan(self, event: events.StepPlanned) -> None:
        self._planned += 1
        widest = max(self._writer.width // 2, 1)
        self._address_width = max(self._address_width, min(columns(visible(event.address)), widest))

    def _start(self, event: events.StepStarted) -> None:
        self._started.add(event.address)
        if self._narrates and event.verdict == "build" and event.dockerfile:
            dockerfile = visible(shorten_paths(event.dockerfile, self._cwd))
            self._writer.line(f"Building '{dockerfile}'...")

    def _finish(self, event: events.StepFinished) -> None:
        self._finished += 1
        self._summary.add(event)
        never_began = event.verdict == "cancelled" and event.address not in self._started
        is_same = event.verdict == "reuse" and self._is_again and not event.reasons
        if self._verbosity < 0 or ((never_began or is_same) and self._verbosity == 0):
            return
        word, colour = _WORDS.get(event.verdict, (event.verdict.upper(), "yellow"))
        share = 100 * self._finished // max(self._planned, self._finished)
        duration = seconds(event.duration) if event.verdict in {"build", "failed"} else ""
        address = padded(visible(event.address), self._address_width)
        word = self._writer.styled(padded(word, _WORD_WIDTH), colour)
        line = f"{address}  {word} [{share:3}%] {duration:>6}  {self._remark(event)}"
        self._writer.line(line.rstrip())

    def _end(self, event: events.RunFinished) -> None:
        if self._has_begun:
            self._summary.write(event)
        else:  # an error follows, and nothing else is worth a frame
            self._summary.write_warnings()

    def _remark(self, event: events.StepFinished) -> str:
        if event.verdict == "blocked":
            return visible(f"by {event.blocked_by}")
        reasons = event.reasons
        if event.verdict == "reuse" and self._narrates and not reasons:
            return visible(_SKIPPED.format(event.address.rpartition(":")[2]))
        if event.verdict not in {"build", "reuse"}:
            return ""
        few = reasons if self._verbosity > 0 else reasons[:_FEW_REASONS]
        more = f" (+{len(reasons) - len(few)} more)" if len(reasons) > len(few) else ""
        return visible("; ".join(few)) + more


class RawReporter:
    """Writes each event as a line of JSON, and nothing else."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def report(self, event: events.Event) -> None:
        """Write the event."""
        self._writer.line(events.event_line(event))


def _collected(event: events.Collected) -> str:
    line = f"collected {counted(event.images, 'image')}"
    if event.manifests or not event.images:  # a Dockerfile needs none
        line += f" from {counted(event.manifests, 'manifest')}"
    if event.deselected:
        line += f" / {event.deselected} deselected / {event.selected} selected"
    return line
