"""What a live view shows: the images at work, and how far the run is, as lines of some width."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from okplug import (
    RunStarted,
    StepFinished,
    StepLog,
    StepPlanned,
    StepProgress,
    StepStarted,
    visible,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from okplug import Event

#: verdict -> how the last line counts it, the worst first
_COUNTED = {
    "failed": "failed",
    "blocked": "blocked",
    "cancelled": "cancelled",
    "build": "built",
    "reuse": "reused",
}
_ENDS = {"done", "cached", "failed"}
#: columns for how long an image is at work
_ELAPSED = 6
_MINUTE = 60
_HOUR = 3600


@dataclass(slots=True)
class _Work:
    """An image at work.

    :param began: seconds since the epoch.
    :param instruction: what printed last.
    :param parts: those at work, in the order in which they began.
    """

    began: float
    instruction: str = ""
    parts: dict[str, StepProgress] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What is being done: the part that began last, else what printed last."""
        if not self.parts:
            return self.instruction
        return next(reversed(self.parts.values())).name

    @property
    def amount(self) -> tuple[int, int]:
        """The bytes that are through in all parts at work, and how many there are; 0 is unknown."""
        moving = [part for part in self.parts.values() if part.current]
        is_known = all(part.total for part in moving)
        total = sum(part.total for part in moving) if is_known else 0
        return sum(part.current for part in moving), total


class Board:
    """Follows a run by its events; usable from the thread of events and the one that draws.

    :param encoding: characters that it lacks are escaped.
    :param now: the clock of events: seconds since the epoch.
    """

    def __init__(self, encoding: str = "utf-8", now: Callable[[], float] = time.time) -> None:
        self._encoding = encoding
        self._now = now
        self._lock = threading.Lock()
        self._began = now()
        self._planned: set[str] = set()
        self._counts: Counter[str] = Counter()
        self._works: dict[str, _Work] = {}

    def follow(self, event: Event) -> None:
        """Take in what happened."""
        with self._lock:
            match event:
                case RunStarted():
                    self._began = event.time
                case StepPlanned():
                    self._planned.add(event.address)
                case StepStarted():
                    self._works[event.address] = _Work(event.time)
                case StepFinished():
                    self._works.pop(event.address, None)
                    self._counts[event.verdict] += 1
                case StepLog() | StepProgress() if event.address in self._works:
                    _take_in(self._works[event.address], event)

    def lines(self, width: int, height: int) -> list[str]:
        """Return one line per image at work, those that began first, and a last one with counts.

        :param width: columns; no line is as wide, so that the cursor stays on it.
        :param height: rows; one stays free.
        """
        with self._lock:
            rows = list(self._works.items())[: max(height - 2, 0)]
            names = [self._safe(address) for address, _ in rows]
            indent = min(max(map(_columns, names), default=0), width // 2)
            lines = [
                f"{_fitted(name, indent)}  {self._row(work, width - 1 - indent - 2)}"
                for name, (_, work) in zip(names, rows, strict=True)
            ]
            return [_cut(line, width - 1) for line in [*lines, self._last_line()]]

    def _row(self, work: _Work, width: int) -> str:
        """Return what stands to the right of an image's address."""
        elapsed = _duration(self._now() - work.began)
        amount = _amount(*work.amount)
        room = width - _ELAPSED - 2 - (len(amount) + 2 if amount else 0)
        name = _cut(self._safe(work.name), max(room, 0))
        return f"{elapsed:>{_ELAPSED}}  {'  '.join(filter(None, (name, amount)))}".rstrip()

    def _last_line(self) -> str:
        done = self._counts.total()
        counts = {**dict.fromkeys(_COUNTED, 0), **self._counts}
        parts = [f"{n} {_COUNTED.get(name, name)}" for name, n in counts.items() if n]
        told = f": {', '.join(parts)}" if parts else ""
        elapsed = _duration(self._now() - self._began)
        total = max(len(self._planned), done)
        return f"{done}/{total} done{told}; {len(self._works)} at work; {elapsed}"

    def _safe(self, text: str) -> str:
        """Return foreign text without anything that controls a terminal."""
        text = visible(text).replace("\t", " ")
        if text.isascii():
            return text
        return text.encode(self._encoding, "backslashreplace").decode(self._encoding)


def _take_in(work: _Work, event: StepLog | StepProgress) -> None:
    if isinstance(event, StepLog):
        work.instruction = event.instruction.partition("\n")[0]
    elif event.state in _ENDS:
        work.parts.pop(event.part, None)
    else:
        work.parts[event.part] = event


def _amount(current: int, total: int) -> str:
    from rich.filesize import decimal

    if not current:
        return ""
    return f"{decimal(current)} / {decimal(total)}" if total else decimal(current)


def _duration(seconds: float) -> str:
    """Return whole seconds as people read them: ``9s``, ``1m05s``, ``2h00m``."""
    whole = max(int(seconds), 0)
    if whole < _MINUTE:
        return f"{whole}s"
    minutes = whole % _HOUR // _MINUTE
    if whole < _HOUR:
        return f"{minutes}m{whole % _MINUTE:02}s"
    return f"{whole // _HOUR}h{minutes:02}m"


def _columns(text: str) -> int:
    from rich.cells import cell_len

    return cell_len(text)


def _fitted(text: str, width: int) -> str:
    """Return the text, cut or with blanks, so that it takes a number of columns."""
    from rich.cells import set_cell_size

    return set_cell_size(text, width)


def _cut(text: str, width: int) -> str:
    return text if _columns(text) <= width else _fitted(text, max(width, 0))


def rows_taken(lines: Iterable[str], width: int) -> int:
    """Return how many rows lines take on a terminal that breaks those that are too wide."""
    return sum(max(-(-_columns(line) // max(width, 1)), 1) for line in lines)
