"""Programs that stand for buildkitd and runc, and a daemon's folder."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from okplug_buildkit.pool import supervisor
from okplug_buildkit.pool.managed import ManagedDaemon, Surroundings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: answers where it is told to listen, writes down that it was started and with what, and ends on SIGTERM
LISTENS = """\
import contextlib, json, os, socket, sys
address = sys.argv[sys.argv.index("--addr") + 1].removeprefix("unix://")
with open(os.path.join(os.path.dirname(address), "starts"), "a") as log:
    print(json.dumps({"argv": sys.argv[1:], "environ": dict(os.environ)}), file=log)
listener = socket.socket(socket.AF_UNIX)
listener.bind(address)
listener.listen()
while True:
    connection, _ = listener.accept()
    with contextlib.suppress(OSError), connection:
        connection.recv(64)
        connection.sendall(b"hello")
"""


class Programs:
    """A folder that is the PATH."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(self, name: str, code: str = "") -> Path:
        """Add a program in Python."""
        path = self.folder / name
        path.write_text(f"#!{sys.executable} -I\n{code}")
        path.chmod(0o755)
        return path

    @property
    def environ(self) -> dict[str, str]:
        """An environment with this PATH."""
        return {"PATH": str(self.folder)}


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    """An empty PATH; those of the machine's own programs are not seen."""
    monkeypatch.setattr("okplug_buildkit.pool.programs._SYSTEM", str(tmp_path / "system"))
    folder = tmp_path / "bin"
    folder.mkdir()
    return Programs(folder)


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder whose path is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="okp-") as folder:
        yield Path(folder)


@pytest.fixture
def daemon(programs: Programs, short: Path) -> Iterator[Callable[..., ManagedDaemon]]:
    """Make daemons in one folder, whose buildkitd only listens, and end it afterwards."""
    programs.add("runc")
    programs.add("buildkitd", LISTENS)
    made: list[ManagedDaemon] = []
    folder = short / "d"

    def make(idle: float = 60.0, **environ: str) -> ManagedDaemon:
        surroundings = Surroundings({**programs.environ, **environ}, idle, is_root=True)
        made.append(ManagedDaemon(folder, surroundings))
        return made[-1]

    yield make
    for one in made:
        one.release()
    supervisor.end_orphan(folder / supervisor.DAEMON)
    wait_until(lambda: not is_supervised(folder))


@pytest.fixture
def deep(
    daemon: Callable[..., ManagedDaemon], tmp_path: Path
) -> Iterator[Callable[..., ManagedDaemon]]:
    """Make daemons in one folder, whose path is too long for sockets."""
    folder = tmp_path / ("ü" * 50)
    made: list[ManagedDaemon] = []

    def make(idle: float = 60.0, **environ: str) -> ManagedDaemon:
        made.append(ManagedDaemon(folder, daemon(idle, **environ)._surroundings))
        return made[-1]

    yield make
    for one in made:
        one.release()
    supervisor.end_orphan(folder / supervisor.DAEMON)
    wait_until(lambda: not is_supervised(folder))


def is_supervised(folder: Path) -> bool:
    """Tell whether somebody holds the supervisor's lock."""
    import os

    if not folder.is_dir():
        return False
    lock = supervisor.try_lock(folder / supervisor.LOCK)
    if lock is not None:
        os.close(lock)
    return lock is None


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for something that must come."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it does not come"
        time.sleep(0.01)


@pytest.fixture(name="wait_until")
def wait_until_fixture() -> Callable[[Callable[[], bool]], None]:
    return wait_until
