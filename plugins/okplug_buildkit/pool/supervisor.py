"""The process that starts a daemon of our own, and ends it when nobody has used it for long.

It is run as a script by its path and imports nothing of okplug, so that it starts under every
installation and stays small. Its arguments are a folder, seconds, and the daemon's command:

    supervisor.py FOLDER SECONDS buildkitd ...

Whoever uses the daemon holds a shared lock on the file ``lease`` in the folder. The kernel lets go
of it when a run ends, however it ends; the supervisor sees that the daemon is idle by getting the
lock for itself. While it lives, it holds the lock of ``supervisor.lock``.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: the files of the folder
LEASE = "lease"
LOCK = "supervisor.lock"
DAEMON = "daemon"
SOCKET = "socket"
#: leads to the folder of the socket where that is another
RUN = "run"
LOG = "log"

#: seconds that a daemon has to end by itself
_GRACE = 10.0
#: bytes that the log may grow to before it begins anew
_LOG_LIMIT = 8 << 20


def main(argv: Sequence[str]) -> int:
    """Take the lock, leave a process that supervises, and return at once."""
    folder, idle, command = Path(argv[0]), float(argv[1]), argv[2:]
    lock = try_lock(folder / LOCK)
    if lock is not None and os.fork() == 0:  # the lock goes on in the child, without a gap
        os.setsid()
        os.chdir("/")
        Supervisor(folder, idle).run(command)
    return 0


def try_lock(path: Path) -> int | None:
    """Return a descriptor that holds the file's lock, None if somebody else does."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def start_time(pid: int) -> str:
    """Return when a process began, in the kernel's ticks; ``""`` if it is no more.

    Together with the number it names a process for good: numbers are used again.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]


class Supervisor:
    """Looks after one daemon.

    :param idle: seconds without a lease after which the daemon is ended.
    """

    def __init__(self, folder: Path, idle: float) -> None:
        self._folder = folder
        self._idle = idle
        self._interval = max(0.05, min(5.0, idle / 10))
        self._used = 0
        self._unused_since = time.monotonic()

    def run(self, command: Sequence[str]) -> None:
        """Start the daemon, wait until it is idle or ends by itself, and clean up."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: sys.exit(0))
        end_orphan(self._folder / DAEMON)
        self._remove_files()
        with subprocess.Popen(  # noqa: S603  # from the run that started us
            command,
            start_new_session=True,
            preexec_fn=tied_to_parent(),  # noqa: PLW1509  # no other thread has been started yet
        ) as daemon:
            try:
                self._write_state(daemon.pid)
                self._watch(daemon)
            finally:
                signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it is being done
                end(daemon)
        self._remove_files()
        with suppress(OSError):  # mostly there is none
            shutil.rmtree((self._folder / RUN).readlink())
            (self._folder / RUN).unlink()

    def _watch(self, daemon: subprocess.Popen[bytes]) -> None:
        waiter = threading.Thread(target=daemon.wait, daemon=True)
        waiter.start()
        with suppress(FileNotFoundError):  # a folder was removed: nobody will find the daemon
            while waiter.is_alive() and not self._is_idle():
                waiter.join(self._interval)
                self._trim_log()

    def _is_idle(self) -> bool:
        """Tell whether the daemon is to be ended; nobody gets a lease from then on.

        A run that came and went between two looks has left its time on the file.
        """
        if (self._folder / RUN).is_symlink():
            (self._folder / RUN).stat()
        used = (self._folder / LEASE).stat().st_mtime_ns
        lease = try_lock(self._folder / LEASE)
        if lease is None or used != self._used:
            self._used = used
            self._unused_since = time.monotonic()
        elif time.monotonic() - self._unused_since >= self._idle:
            return True
        if lease is not None:
            os.close(lease)
        return False

    def _trim_log(self) -> None:
        log = self._folder / LOG
        if log.stat().st_size > _LOG_LIMIT:
            os.truncate(log, 0)  # it is open for appending

    def _write_state(self, pid: int) -> None:
        draft = self._folder / f"{DAEMON}.new"
        draft.write_text(f"{pid} {start_time(pid)}\n")
        draft.replace(self._folder / DAEMON)

    def _remove_files(self) -> None:
        for name in (DAEMON, SOCKET):
            (self._folder / name).unlink(missing_ok=True)


def tied_to_parent() -> Callable[[], object] | None:
    """Return what a child calls to be told to end when we are killed, None if it cannot be.

    Linux does that (prctl(2), ``PR_SET_PDEATHSIG``); elsewhere the next run ends the orphan.
    """
    if sys.platform != "linux":
        return None
    try:
        import ctypes

        prctl = ctypes.CDLL(None).prctl
    except (ImportError, OSError, AttributeError):
        return None
    return partial(prctl, 1, int(signal.SIGTERM))


def end(daemon: subprocess.Popen[bytes]) -> None:
    """End the daemon and what it started; by force if it does not within 10 s."""
    with suppress(ProcessLookupError):
        os.killpg(daemon.pid, signal.SIGTERM)
    try:
        daemon.wait(_GRACE)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(daemon.pid, signal.SIGKILL)


def end_orphan(state: Path) -> None:
    """End a daemon whose supervisor was killed, which nobody would end otherwise.

    :param state: the file with its process number and start time.
    """
    try:
        pid, started = state.read_text().split()
    except (OSError, ValueError):
        return
    for number in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + _GRACE
        while start_time(int(pid)) == started and time.monotonic() < deadline:
            with suppress(ProcessLookupError):
                os.killpg(int(pid), number)
            time.sleep(0.05)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
