"""Work that is divided among processes: many small system calls, which threads would not speed up.

Processes are forked, for they share all that is known so far. That is only done on Linux, and only
while the process has one thread: another one might hold a lock that nobody would release.
"""

from __future__ import annotations

import gc
import marshal
import os
import signal
import struct
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Generic, NamedTuple, NoReturn, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_T = TypeVar("_T")
_CHUNK: Final = 1 << 20
#: for a thread that is about to be gone, and seconds between them
_LOOKS: Final = 5
_MOMENT: Final = 0.001
#: so many that those who start later, and those who are slow, leave little to wait for
_SHARES: Final = 512
#: processes of which most wait
_MOST: Final = 16
#: in one share
_MANY_WAITS: Final = 8
_NUMBER: Final = struct.Struct("<H")
_INTERRUPTIONS: Final = (signal.SIGINT, signal.SIGTERM)


def has_one_thread() -> bool:
    """Tell whether nothing else goes on in this process, which Python need not know of.

    What listens for a watch, for one, has a thread that is none of Python's. One that was waited
    for may take a moment to be gone.
    """
    if sys.platform != "linux":
        return False
    with suppress(OSError):
        for _ in range(_LOOKS):
            if len(os.listdir("/proc/self/task")) == 1:  # noqa: PTH208 - quicker
                return True
            time.sleep(_MOMENT)
    return False


def divided(items: Sequence[_T]) -> list[Sequence[_T]]:
    """Return shares of neighbours: what the kernel has just looked at is at hand."""
    size = -(-len(items) // _SHARES)
    return [items[start : start + size] for start in range(0, len(items), size)] if items else []


class Forked(Generic[_T]):
    """Shares of work, done by processes while this one goes on; who is ready takes the next one.

    There is one for each processor, and there are more as soon as they have to wait for a disk.

    :param work: does one share, and returns what is not empty; an exception ends that in silence.
    :param shares: many for each process; none is started where that cannot be.
    """

    def __init__(self, work: Callable[[_T], bytes], shares: Sequence[_T]) -> None:
        self._work = work
        self._shares = shares
        self._numbers = -1
        self._running: list[_Process] = []
        if has_one_thread():
            self._start_all()

    def _start_all(self) -> None:
        """Start the processes; an interruption waits until all are there, and ends them."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _INTERRUPTIONS)
        try:
            try:
                self._numbers = _queue(len(self._shares))
                count = min(len(os.sched_getaffinity(0)), _MOST)
                for _ in range(min(count, len(self._shares))):
                    self._running.append(self._start(_MOST // count, before))
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
        except BaseException:
            self.end()
            raise

    def _start(self, helpers: int, mask: Iterable[signal.Signals | int] = ()) -> _Process:
        """Return a new process.

        :param helpers: that it may start if it has to wait.
        """
        reading, writing = os.pipe()
        process = os.fork()
        if not process:
            self._be_a_worker(writing, helpers, mask)
        os.close(writing)
        return _Process(process, reading)

    def _be_a_worker(
        self, writing: int, helpers: int, mask: Iterable[signal.Signals | int]
    ) -> NoReturn:  # pragma: no cover - not measured
        """Do shares and end, whatever happens: nothing of the parent's is cleaned up here."""
        try:
            for interruption in _INTERRUPTIONS:
                signal.signal(interruption, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            gc.disable()  # it would look through all that the parent has, and copy it
            outcomes = memoryview(marshal.dumps(self._outcomes(helpers)))
            while outcomes:
                outcomes = outcomes[os.write(writing, outcomes) :]
        finally:
            os._exit(0)

    def _outcomes(self, helpers: int) -> dict[int, bytes]:  # pragma: no cover - not measured
        """Do one share after another until all are taken."""
        done = {}
        started: list[_Process] = []
        while taken := os.read(self._numbers, _NUMBER.size):
            (number,) = _NUMBER.unpack(taken)
            before = _waits()
            with suppress(Exception):
                done[number] = self._work(self._shares[number])
            if not started and _waits() - before >= _MANY_WAITS:
                started = [self._start(0) for _ in range(helpers)]
        for helper in started:
            done.update(helper.outcomes())
        return done

    def results(self) -> list[bytes]:
        """Return the outcome of each share, ``b""`` if nobody did it."""
        done: dict[int, bytes] = {}
        try:
            for process in self._running:
                done.update(process.outcomes())
        finally:
            self.end()
        return [done.get(number, b"") for number in range(len(self._shares))]

    def end(self) -> None:
        """Wait for the processes, after telling those that are still at work to stop."""
        for process in self._running:
            process.end()
        self._running = []
        if self._numbers >= 0:
            _read_all(self._numbers)  # so that helpers find nothing more to do
            os.close(self._numbers)
            self._numbers = -1


class _Process(NamedTuple):
    """A process, and where its outcomes can be read."""

    number: int
    reading: int

    def outcomes(self) -> dict[int, bytes]:
        """Return what it did, as soon as it has ended; nothing if it did not finish."""
        with suppress(EOFError, ValueError, TypeError):
            return dict(marshal.loads(_read_all(self.reading)))  # noqa: S302 - of our own making
        return {}

    def end(self) -> None:
        """Stop it if it is still at work."""
        os.close(self.reading)
        with suppress(ProcessLookupError):
            os.kill(self.number, signal.SIGKILL)
        with suppress(ChildProcessError):
            os.waitpid(self.number, 0)


def _waits() -> int:
    """Return how often this process had to wait for something, such as a disk."""
    import resource  # which other systems may not have

    return resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw


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
