"""Run what is compared in turn, and print the medians as a row of a table."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


@dataclass(frozen=True)
class Timing:
    """One run.

    :param seconds: of wall time.
    :param memory: the most that was resident, in MiB.
    :param transfer: seconds that the daemon took to load the context.
    """

    seconds: float
    memory: float
    transfer: float = 0.0


_LOOK = 0.4  # seconds

Contestants: TypeAlias = "Mapping[str, Callable[[], Timing]]"
Rounds: TypeAlias = "list[dict[str, Timing]]"


def timed(command: Sequence[str], cwd: Path, environment: Mapping[str, str]) -> Timing:
    """Run a command to its end and measure it; if it fails, show what it printed and end."""
    with tempfile.TemporaryFile() as printed:
        started = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=cwd, env=environment, stdout=printed, stderr=printed
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - started
        if process.returncode:
            printed.seek(0)
            text = printed.read().decode(errors="replace")
            sys.exit(f"{text}\n{' '.join(command)} ended with {process.returncode}")
    return Timing(seconds, usage.ru_maxrss / 1024)


def play(contestants: Contestants, runs: int, prepare: Callable[[], object]) -> Rounds:
    """Run all in turn, again and again; the first round does not count.

    :param prepare: called before each run, which does not measure it.
    """
    rounds: Rounds = []
    for _ in range(runs + 1):
        timings = {}
        for name, run in contestants.items():
            prepare()
            timings[name] = run()
        rounds.append(timings)
    return rounds[1:]


def wait_for_calm(patience: float) -> None:
    """Wait until three quarters of all processors have nothing to do, for some seconds at most."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        idle, everything = _ticks()
        time.sleep(_LOOK)
        idle_then, everything_then = _ticks()
        if idle_then - idle >= 0.75 * (everything_then - everything):
            return


def _ticks() -> tuple[int, int]:
    """Return the ticks in which processors had nothing to do, and all."""
    line = Path("/proc/stat").read_text(encoding="ascii").partition("\n")[0]
    ticks = [int(word) for word in line.split()[1:]]
    return ticks[3] + ticks[4], sum(ticks)


def print_head(baseline: str) -> None:
    """Print the first lines of a table."""
    print(f"| run | {baseline}, s | okplug, s | ratio | {baseline}, MiB | okplug, MiB |")
    print("|---|---|---|---|---|---|")


def print_row(
    label: str, rounds: Rounds, baseline: str, ours: str, seconds: Callable[[Timing], float]
) -> None:
    """Print medians, and the median of the ratios round by round.

    :param seconds: what is compared of each run.
    """
    pairs = [(timings[baseline], timings[ours]) for timings in rounds]
    median = statistics.median
    theirs, own = median(seconds(one) for one, _ in pairs), median(seconds(two) for _, two in pairs)
    ratio = median(seconds(two) / seconds(one) for one, two in pairs)
    memory = [median(pair[index].memory for pair in pairs) for index in (0, 1)]
    print(
        f"| {label} | {theirs:.3f} | {own:.3f} | {ratio:.2f} | {memory[0]:.0f} | {memory[1]:.0f} |",
        flush=True,
    )


def whole(timing: Timing) -> float:
    """Return the seconds of a whole run."""
    return timing.seconds


def transfer(timing: Timing) -> float:
    """Return the seconds that the context took."""
    return timing.transfer
