"""Work that is divided among processes: many small system calls, which threads would not speed up.

Processes are forked, for they share all that is known so far. That is only done on Linux, and only
while the process has one thread: another one might hold a lock that nobody would release.
"""

from __future__ import annotations

import marshal
import os
import signal
import struct
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Generic, NoReturn, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_T = TypeVar("_T")
_CHUNK: Final = 1 << 20
_NUMBER: Final = struct.Struct("<H")
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
    """Shares of work, done by processes while this one goes on; who is ready takes the next one.

    :param work: does one share, and returns what is not empty; an exception ends that in silence.
    :param shares: a few for each process; none is started where that cannot be.
    :param processes: how many there are at most.
    """

    def __init__(self, work: Callable[[_T], bytes], shares: Sequence[_T], processes: int) -> None:
        self._work = work
        self._shares = shares
        self._running: list[tuple[int, int]] = []
        if has_one_thread():
            self._start_all(min(processes, len(shares)))

    def _start_all(self, count: int) -> None:
        """Start the processes; an interruption waits until all are there, and ends them."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _INTERRUPTIONS)
        try:
            numbers = _queue(len(self._shares))
            try:
                for _ in range(count):
                    self._running.append(self._start(numbers, before))
            finally:
                os.close(numbers)
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
        except BaseException:
            self.end()
            raise

    def _start(self, numbers: int, mask: Iterable[signal.Signals | int]) -> tuple[int, int]:
        """Return the number of a new process, and where its outcomes can be read."""
        reading, writing = os.pipe()
        process = os.fork()
        if not process:
            self._be_a_worker(numbers, writing, mask)
        os.close(writing)
        return process, reading

    def _be_a_worker(
        self, numbers: int, writing: int, mask: Iterable[signal.Signals | int]
    ) -> NoReturn:  # pragma: no cover - not measured
        """Do shares and end, whatever happens: nothing of the parent's is cleaned up here."""
        try:
            for interruption in _INTERRUPTIONS:
                signal.signal(interruption, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            outcomes = memoryview(marshal.dumps(self._outcomes(numbers)))
            while outcomes:
                outcomes = outcomes[os.write(writing, outcomes) :]
        finally:
            os._exit(0)

    def _outcomes(self, numbers: int) -> dict[int, bytes]:  # pragma: no cover - not measured
        """Do one share after another until all are taken."""
        done = {}
        while taken := os.read(numbers, _NUMBER.size):
            (number,) = _NUMBER.unpack(taken)
            with suppress(Exception):
                done[number] = self._work(self._shares[number])
        return done

    def results(self) -> list[bytes]:
        """Return the outcome of each share, ``b""`` if nobody did it."""
        done: dict[int, bytes] = {}
        try:
            for _, reading in self._running:
                with suppress(EOFError, ValueError):  # of a process that did not finish
                    done.update(marshal.loads(_read_all(reading)))  # noqa: S302 - of our own
        finally:
            self.end()
        return [done.get(number, b"") for number in range(len(self._shares))]

    def end(self) -> None:
        """Wait for the processes, after telling those that are still at work to stop."""
        for process, reading in self._running:
            os.close(reading)
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(process, 0)
        self._running = []


def _queue(count: int) -> int:
    """Return a pipe from which as many numbers can be read, each by one process only."""
    reading, writing = os.pipe()
    os.write(writing, b"".join(map(_NUMBER.pack, range(count))))  # a pipe holds thousands
    os.close(writing)
    return reading


def _read_all(reading: int) -> bytes:
    parts = []
    while part := os.read(reading, _CHUNK):
        parts.append(part)
    return b"".join(parts)
