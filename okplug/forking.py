"""Work that is divided among processes: many small system calls, which threads would not speed up.

Processes are forked, for they share all that is known so far. That is only done on Linux, and only
while the process has one thread: another one might hold a lock that nobody would release.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Generic, NoReturn, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_T = TypeVar("_T")
_CHUNK: Final = 1 << 20
_INTERRUPTIONS: Final = (signal.SIGINT, signal.SIGTERM)


def has_one_thread() -> bool:
    """Tell whether nothing else goes on in this process, which Python need not know of.

    What listens for a watch, for one, has a thread that is none of Python's.
    """
    if sys.platform != "linux":
        return False
    with suppress(OSError):
        return len(os.listdir("/proc/self/task")) == 1  # noqa: PTH208 - quicker
    return False


class Forked(Generic[_T]):
    """Shares of work, each done by a process of its own while this one goes on.

    :param work: does one share, and returns what is not empty; an exception ends that in silence.
    :param shares: one for each process; none is started where that cannot be.
    """

    def __init__(self, work: Callable[[_T], bytes], shares: Sequence[_T]) -> None:
        self._work = work
        self._shares = shares
        self._running: list[tuple[int, int]] = []
        if has_one_thread():
            self._start_all()

    def _start_all(self) -> None:
        """Start the processes; an interruption waits until all are there, and ends them."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _INTERRUPTIONS)
        try:
            try:
                for share in self._shares:
                    self._running.append(self._start(share, before))
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
        except BaseException:
            self.end()
            raise

    def _start(self, share: _T, mask: Iterable[signal.Signals | int]) -> tuple[int, int]:
        """Return the number of a new process, and where its outcome can be read."""
        reading, writing = os.pipe()
        process = os.fork()
        if not process:
            self._be_a_worker(share, writing, mask)
        os.close(writing)
        return process, reading

    def _be_a_worker(
        self, share: _T, writing: int, mask: Iterable[signal.Signals | int]
    ) -> NoReturn:  # pragma: no cover - not measured
        """Do a share and end, whatever happens: nothing of the parent's is cleaned up here."""
        try:
            for interruption in _INTERRUPTIONS:
                signal.signal(interruption, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            outcome = memoryview(self._work(share))
            while outcome:
                outcome = outcome[os.write(writing, outcome) :]
        finally:
            os._exit(0)

    def results(self) -> list[bytes]:
        """Return the outcome of each share, ``b""`` if nobody did it."""
        try:
            outcomes = [_read_all(reading) for _, reading in self._running]
        finally:
            self.end()
        return outcomes or [b"" for _ in self._shares]

    def end(self) -> None:
        """Wait for the processes, after telling those that are still at work to stop."""
        for process, reading in self._running:
            os.close(reading)
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(process, 0)
        self._running = []


def _read_all(reading: int) -> bytes:
    parts = []
    while part := os.read(reading, _CHUNK):
        parts.append(part)
    return b"".join(parts)
