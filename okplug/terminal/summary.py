"""What stands at the end of a report: failures, warnings, the slowest images, the last line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from okplug.errors import ExitCode
from okplug.messages import shorten_paths
from okplug.terminal.text import counted, seconds, visible

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from okplug.events import RunFinished, StepFinished, WarningRaised
    from okplug.terminal.writer import Writer

#: verdict -> how the last line counts it, the worst first
_COUNTED = {
    "failed": "failed",
    "blocked": "blocked",
    "cancelled": "cancelled",
    "build": "built",
    "reuse": "reused",
}
_HINT = "\n  hint: "


class Summary:
    """Gathers what a run leaves to say, and says it.

    :param durations: how many of the slowest images to list, 0 for all, None for no list.
    :param is_brief: only failures and the last line.
    """

    def __init__(self, writer: Writer, cwd: Path, durations: int | None, *, is_brief: bool) -> None:
        self._writer = writer
        self._cwd = cwd
        self._durations = durations
        self._is_brief = is_brief
        self._finished: list[StepFinished] = []
        self._warned: dict[str, set[str]] = {}

    def add(self, event: StepFinished) -> None:
        """Keep how an image ended."""
        self._finished.append(event)

    def warn(self, event: WarningRaised) -> None:
        """Keep a warning, once however often it is raised, also of several images' one place."""
        about = event.location or event.address
        text = self._shown(f"{about}: {event.message}" if about else event.message)
        self._warned.setdefault(text, set()).add(event.address)

    def write_warnings(self) -> None:
        """Write the warnings of a run that ended before there was anything else to say."""
        for warning in self._warnings():
            self._writer.line(f"warning: {warning}")

    def write(self, event: RunFinished) -> None:
        """Write everything; the run is over."""
        self._write_failures()
        if not self._is_brief:
            self._write_warnings()
            self._write_durations()
        self._write_last_line(event)

    def _warnings(self) -> Iterator[str]:
        for text, addresses in self._warned.items():
            several = f" ({counted(len(addresses), 'image')})" if len(addresses) > 1 else ""
            yield f"{text}{several}"

    def _shown(self, text: str) -> str:
        return "\n".join(map(visible, shorten_paths(text, self._cwd).split("\n")))

    def _write_failures(self) -> None:
        failures = [event for event in self._finished if event.verdict == "failed"]
        if failures:
            self._writer.rule("failures", "=", "bold")
        for event in failures:
            self._writer.rule(visible(event.address), "_", "bold", "red")
            message, separator, hint = event.message.partition(_HINT)
            self._writer.line(self._writer.styled(self._shown(message), "red"))
            self._write_source(event)
            if separator:
                self._writer.line(self._shown(f"  hint: {hint}"))
            for line in event.log:
                self._writer.line(f"  | {self._writer.printed(line)}".rstrip())

    def _write_source(self, event: StepFinished) -> None:
        last = event.source_line + len(event.source) - 1
        for number, line in enumerate(event.source, start=event.source_line):
            mark = ">" if number == event.source_line else " "
            place = f"{number:{len(str(last))}} " if event.source_line else ""
            self._writer.line(f"  {mark}  {place}| {visible(line)}".rstrip())

    def _write_warnings(self) -> None:
        if self._warned:
            self._writer.rule("warnings", "=", "yellow")
        for warning in self._warnings():
            self._writer.line(warning)

    def _write_durations(self) -> None:
        if self._durations is None:
            return
        worked = [event for event in self._finished if event.verdict in {"build", "failed"}]
        worked.sort(key=lambda event: (-event.duration, event.address))
        slowest = worked[: self._durations or None]
        if slowest:
            self._writer.rule(f"slowest {counted(len(slowest), 'image')}")
        for event in slowest:
            self._writer.line(f"{seconds(event.duration):>6}  {visible(event.address)}")

    def _write_last_line(self, event: RunFinished) -> None:
        counts = {**dict.fromkeys(_COUNTED, 0), **dict(event.counts)}
        parts = [f"{count} {_COUNTED.get(name, name)}" for name, count in counts.items() if count]
        if not parts:
            is_empty = event.exit_code == ExitCode.NOTHING_SELECTED
            parts.append("nothing selected" if is_empty else "nothing built")
        if self._warned:
            parts.append(counted(len(self._warned), "warning"))
        line = f"{', '.join(parts)} in {seconds(event.duration)}"
        colour = self._colour(event.exit_code)
        if self._is_brief:
            self._writer.line(self._writer.styled(line, colour))
        else:
            self._writer.rule(line, "=", "bold", colour)

    def _colour(self, exit_code: int) -> str:
        if exit_code not in {ExitCode.OK, ExitCode.NOTHING_SELECTED}:
            return "red"
        return "yellow" if exit_code or self._warned else "green"
