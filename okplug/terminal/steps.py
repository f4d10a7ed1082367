"""What builds do while they are at work, as lines: their parts, and what these print."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from okplug.terminal.text import seconds, size, visible

if TYPE_CHECKING:
    from okplug.events import StepLog, StepProgress
    from okplug.terminal.writer import Writer

#: state at the end of a part -> the word for it, and its colour
_ENDS = {"done": ("DONE", "green"), "cached": ("CACHED", "green"), "failed": ("FAILED", "red")}


@dataclass(slots=True)
class _Part:
    """A part of an image's build.

    :param name: as it was written last.
    :param state: what was said last, ``""`` when nothing was.
    :param began: seconds since the epoch.
    """

    number: int
    name: str | None = None
    state: str = ""
    began: float = 0.0

    @property
    def is_at_work(self) -> bool:
        """Whether it began and did not end."""
        return bool(self.state) and self.state not in _ENDS


class Steps:
    """Writes the parts of builds and their output, each line with the image's address."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._parts: dict[str, dict[str, _Part]] = {}
        self._titles: dict[str, str] = {}

    def progress(self, event: StepProgress) -> None:
        """Write that a part begins or how it ended; one that goes on is no news."""
        parts = self._parts.setdefault(event.address, {})
        part = parts.setdefault(event.part, _Part(len(parts) + 1))
        if part.is_at_work or event.state != part.state:
            self._tell(part, event)
            part.state = event.state

    def log(self, event: StepLog) -> None:
        """Write a line of a build's output, under the instruction that prints it."""
        address = visible(event.address)
        title = self._titles.get(event.address, "")
        if title != event.instruction and not title.endswith(f"] {event.instruction}"):
            self._titles[event.address] = event.instruction
            first, *more = event.instruction.split("\n")
            if event.instruction:
                self._writer.line(f"{address} > {visible(first)}{' ...' if more else ''}")
        self._writer.line(f"{address} | {self._writer.printed(event.text)}".rstrip())

    def _tell(self, part: _Part, event: StepProgress) -> None:
        begin = f"{visible(event.address)} #{part.number}"
        if not part.is_at_work:
            part.began = event.time
        if not part.is_at_work and part.name != event.name:  # one that begins again is known
            part.name = self._titles[event.address] = event.name
            self._writer.line(f"{begin} {visible(event.name)}")
        if event.state in _ENDS:
            word, colour = _ENDS[event.state]
            self._writer.line(f"{begin} {self._writer.styled(word, colour)}{_facts(part, event)}")


def _facts(part: _Part, event: StepProgress) -> str:
    """Return how long a part took and how much it brought, as far as there is anything to say."""
    if event.state == "cached":
        return ""
    amount = f" {size(event.current)}" if event.current else ""
    return f" {seconds(max(event.time - part.began, 0.0))}{amount}"
