"""Locks keep threads and processes apart and end with their process."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from okplug.errors import RegistryError
from okplug_layout.locks import exclusive

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HOLD = """
import sys, time
from pathlib import Path
from okplug_layout.locks import exclusive
with exclusive(Path(sys.argv[1])):
    print("locked", flush=True)
    time.sleep(60)
"""


def test_threads_wait_for_each_other(tmp_path: Path) -> None:
    path = tmp_path / "locks" / "api"
    inside: list[int] = []
    most = []

    def work() -> None:
        for _ in range(5):
            with exclusive(path):
                inside.append(1)
                most.append(len(inside))
                time.sleep(0.001)
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 20


def test_a_lock_ends_with_its_process(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    environment = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, env=environment
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"locked\n"
        with path.open() as file, pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        process.send_signal(signal.SIGKILL)
        process.wait()
        with exclusive(path):
            assert path.exists()


def test_an_error_inside_lets_go(tmp_path: Path) -> None:
    with pytest.raises(KeyError), exclusive(tmp_path / "lock"):
        raise KeyError
    with exclusive(tmp_path / "lock"):
        assert (tmp_path / "lock").exists()


def test_another_users_file_can_be_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "lock"
    path.touch()
    plain = os.open

    def refuse_to_write(file: Path, flags: int, *mode: int) -> int:
        if flags & os.O_RDWR:
            raise PermissionError(errno.EACCES, "Permission denied")
        return plain(file, flags, *mode)

    monkeypatch.setattr(os, "open", refuse_to_write)
    with exclusive(path):
        monkeypatch.undo()
        with path.open() as file, pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_file_system_without_locks(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    os_error: Callable[[int], Callable[..., None]],
) -> None:
    monkeypatch.setattr(fcntl, "flock", os_error(errno.ENOLCK))
    with pytest.raises(RegistryError) as caught, exclusive(tmp_path / "lock"):
        pytest.fail("not reached")
    assert caught.value.message == f"cannot lock {tmp_path}/lock: No locks available"
    assert caught.value.hint.startswith("its file system has no file locks")
