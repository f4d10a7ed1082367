"""A run in events, and what is printed of it."""

from __future__ import annotations

import io
import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from okplug import events
from okplug.terminal.reporter import Shown, TerminalReporter
from okplug.terminal.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = "0" * 32


@dataclass
class Run:
    """Reports events as a run would emit them, to a stream of its own."""

    width: int = 70
    color: bool = False
    shown: Shown = field(default_factory=Shown)

    def __post_init__(self) -> None:
        self._stream = io.StringIO()
        self.reasons: dict[str, tuple[str, ...]] = {}
        writer = Writer(self._stream, width=self.width, color=self.color)
        self._reporter = TerminalReporter(writer, self.shown)

    @property
    def text(self) -> str:
        """All that is printed so far."""
        return self._stream.getvalue()

    def emit(self, kind: Callable[..., events.Event], *fields: Any, **more: Any) -> None:
        """Report one event."""
        self._reporter.report(kind(0.0, *fields, **more))

    def begin(self, *addresses: str, deselected: int = 0, **reasons: tuple[str, ...]) -> None:
        """Report all up to the first step; reasons are given by the image's name."""
        header = ("root: /src/shop", "registry: OCI layouts in /home/cindy/.cache/okplug/registry")
        self.emit(events.RunStarted, "build", header)
        count = len(addresses)
        self.emit(events.Collected, count + deselected, 8, count, deselected)
        for address in addresses:
            why = reasons.get(address.partition(":")[2], ())
            self.reasons[address] = why
            self.emit(events.StepPlanned, address, KEY, "build", why)
        self.emit(events.Planned, "embedded", 1, count, 0)

    def finish(self, address: str, verdict: str, duration: float = 0.0, **more: Any) -> None:
        """Report how one image ended."""
        self.emit(events.StepStarted, address, "build")
        more = {"reasons": self.reasons.get(address, ()), **more}
        self.emit(events.StepFinished, address, verdict, KEY, duration, **more)

    def end(self, exit_code: int, duration: float, **counts: int) -> None:
        """Report the end."""
        self.emit(events.RunFinished, exit_code, duration, tuple(counts.items()))

    def body(self) -> str:
        """Return what follows the header."""
        return self.text.partition("\n\n")[2]


@pytest.fixture
def make_run() -> Callable[..., Run]:
    """Return what makes a run that is shown in some way."""

    def make(*, width: int = 70, color: bool = False, **shown: Any) -> Run:
        return Run(width, color, Shown(cwd=Path("/src/shop"), **shown))

    return make


@pytest.fixture
def screen() -> Callable[[str], str]:
    """Return what turns an indented literal into what is expected to be printed."""
    return lambda text: textwrap.dedent(text).removeprefix("\n")
