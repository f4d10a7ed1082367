"""``buildkitd://``: a daemon that okplug starts itself, finds again, and leaves to its supervisor.

All that it has is in one folder, below the user's cache unless the address says ``?root=FOLDER``:
the log, the locks, the daemon's own data, and the socket if its path is not too long there. Runs on
one machine share the daemon.
"""

from __future__ import annotations

import fcntl
import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from okplug import UsageError
from okplug_buildkit.pool import supervisor
from okplug_buildkit.pool.daemonfailures import file_errors, launch_failure
from okplug_buildkit.pool.programs import daemon_path, find_program, missing_for_daemon
from okplug_buildkit.pool.runfolder import find_run_folder, make_run_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

#: the folder with the daemon's data, within its folder
_ROOT = "root"
#: seconds that a daemon may take until it answers, and for one look whether it does
_PATIENCE = 60.0
_PROBE_PATIENCE = 1.0
#: how HTTP/2 connections begin, with settings that are all by default; the server sends its own
_GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))

#: -I: neither the folder nor the environment of the run decides what is imported
_SUPERVISOR = (sys.executable, "-I", supervisor.__file__)

_PROXIES = ("all_proxy", "http_proxy", "https_proxy", "no_proxy")
#: what a daemon gets of the environment: what it needs to reach registries, and no secret
_PASSED_ON = {
    *("HOME", "LANG", "LOGNAME", "TMPDIR", "TZ", "USER", "XDG_RUNTIME_DIR"),
    *("SSL_CERT_DIR", "SSL_CERT_FILE", *_PROXIES, *map(str.upper, _PROXIES)),
}

#: a daemon of its own needs no containerd, and its socket for traces is not the one that all share;
#: registries on the loopback interface are spoken to in plain HTTP without being listed
_CONFIGURATION = """\
[worker.oci]
enabled = true
gc = true
[worker.containerd]
enabled = false
[otel]
socketPath = {otel}
"""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where a daemon runs.

    :param environ: of the run; little of it reaches the daemon.
    :param idle: seconds without a run that uses it after which it ends.
    :param is_root: whether it is started as it is; otherwise in ``rootlesskit``.
    """

    environ: Mapping[str, str]
    idle: float
    is_root: bool


class ManagedDaemon:
    """A daemon of our own; one object holds one lease. Not for several threads at once.

    :param folder: what belongs to it; absolute.
    """

    def __init__(self, folder: Path, surroundings: Surroundings) -> None:
        self.folder = folder
        self._surroundings = surroundings
        self._lease: int | None = None

    @property
    def address(self) -> str:
        """Where it listens, as ``unix://PATH``, once it is acquired."""
        return f"unix://{find_run_folder(self.folder) or self.folder}/{supervisor.SOCKET}"

    def acquire(self) -> str:
        """Keep the daemon from ending, start it if it does not run, and return its address.

        To call it again brings a daemon back that has ended in the meantime.

        :raises UsageError: if something that it needs is not there.
        :raises BuildError: if it cannot be started, with the last lines of its log.
        """
        self._check()
        with file_errors(self.folder):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._hold_lease()
            with _exclusive(self.folder / "start.lock"):
                self._start()
        return self.address

    def release(self) -> None:
        """Let go of the daemon, which ends when nobody has used it for a while."""
        if self._lease is not None:
            os.close(self._lease)
            self._lease = None

    def is_running(self) -> bool:
        """Tell whether it runs now, without starting it."""
        return self.folder.is_dir() and self._answers()

    def has_cache(self) -> bool:
        """Tell whether a daemon has ever been here and left something behind."""
        return (self.folder / _ROOT).is_dir()

    def _check(self) -> None:
        environ, is_root = self._surroundings.environ, self._surroundings.is_root
        if find_program("buildkitd", environ) is None:
            raise UsageError(
                "buildkitd:// needs buildkitd, which is not on the PATH",
                hint="install BuildKit, or set builder to the address of a daemon that runs",
            )
        missing = missing_for_daemon(environ, is_root=is_root)
        if missing is not None:
            raise UsageError(
                f"buildkitd:// cannot start buildkitd: {missing}",
                hint="install it, or set builder to the address of a daemon that runs",
            )

    def _hold_lease(self) -> None:
        """Take a shared lock; the time on the file shows the supervisor that somebody was here."""
        path = self.folder / supervisor.LEASE
        if self._lease is None:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            self._lease = descriptor
        os.utime(path)

    def _start(self) -> None:
        """Start a supervisor unless there is one, and wait until its daemon answers.

        One that is there may be ending for a reason of its own; then it is started after all.
        """
        launches = 0
        deadline = time.monotonic() + _PATIENCE
        pause = 0.005
        while not (self._is_supervised() and self._answers()):
            if not self._is_supervised():
                if launches:
                    raise launch_failure("buildkitd ended at once", self.folder / supervisor.LOG)
                self._launch()
                launches += 1
            elif time.monotonic() > deadline:
                raise launch_failure(
                    f"buildkitd does not answer after {_PATIENCE:.0f} s",
                    self.folder / supervisor.LOG,
                )
            time.sleep(pause)
            pause = min(pause * 1.5, 0.1)

    def _is_supervised(self) -> bool:
        lock = supervisor.try_lock(self.folder / supervisor.LOCK)
        if lock is None:
            return True
        os.close(lock)
        return False

    def _answers(self) -> bool:
        """Tell whether somebody serves the socket, which is there long before that."""
        run_folder = find_run_folder(self.folder)
        if run_folder is None:
            return False
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(_PROBE_PATIENCE)
            try:
                probe.connect(str(run_folder / supervisor.SOCKET))
                probe.sendall(_GREETING)
                return bool(probe.recv(1))
            except OSError:
                return False

    def _launch(self) -> None:
        run_folder = make_run_folder(self.folder, self._surroundings.environ)
        (self.folder / "buildkitd.toml").write_text(
            _CONFIGURATION.format(otel=_toml_text(str(run_folder / "otel")))
        )
        log_path = self.folder / supervisor.LOG
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC
        log = os.open(log_path, flags, 0o600)
        try:
            done = subprocess.run(  # noqa: S603  # our own script, and programs from the user's PATH
                [*_SUPERVISOR, str(self.folder), str(self._surroundings.idle), *self._command()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment(),
                check=False,
            )
        finally:
            os.close(log)
        if done.returncode:
            raise launch_failure("the supervisor of buildkitd cannot be started", log_path)

    def _command(self) -> list[str]:
        environ = self._surroundings.environ
        daemon = [find_program("buildkitd", environ) or "buildkitd"]
        daemon += ["--root", str(self.folder / _ROOT), "--addr", self.address]
        daemon += ["--config", str(self.folder / "buildkitd.toml")]
        if self._surroundings.is_root:
            return daemon
        rootlesskit = find_program("rootlesskit", environ) or "rootlesskit"
        return [rootlesskit, "--net=host", "--copy-up=/etc", "--copy-up=/run", *daemon]

    def _environment(self) -> dict[str, str]:
        environ = self._surroundings.environ
        passed_on = {name: value for name, value in environ.items() if name in _PASSED_ON}
        return {**passed_on, "PATH": daemon_path(environ)}


def _toml_text(text: str) -> str:
    """Write a text as TOML's basic strings have it, which JSON's are."""
    import json

    return json.dumps(text, ensure_ascii=False)


@contextmanager
def _exclusive(path: Path) -> Iterator[None]:
    """Keep other runs out, after waiting for whoever is in."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
