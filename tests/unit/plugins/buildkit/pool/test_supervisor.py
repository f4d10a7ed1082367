"""What the supervisor knows of processes, locks and its log."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from okplug_buildkit.pool import supervisor
from okplug_buildkit.pool.supervisor import (
    Supervisor,
    end,
    end_orphan,
    start_time,
    tied_to_parent,
    try_lock,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

STUBBORN = """\
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print(flush=True)
time.sleep(60)
"""


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process that ends when it is told to, in a group of its own."""
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as process:
        yield process
        process.kill()


@pytest.fixture
def stubborn() -> Iterator[subprocess.Popen[bytes]]:
    """A process that does not."""
    with subprocess.Popen(
        [sys.executable, "-c", STUBBORN], start_new_session=True, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    """A supervisor takes signals over, which is for its own process only."""
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / supervisor.LEASE).touch()
    (tmp_path / supervisor.LOG).touch()
    return tmp_path


def test_a_lock_is_had_by_one(tmp_path: Path) -> None:
    first = try_lock(tmp_path / "lock")
    assert first is not None
    assert try_lock(tmp_path / "lock") is None
    os.close(first)
    second = try_lock(tmp_path / "lock")
    assert second is not None
    os.close(second)


def test_a_process_has_one_start_time(sleeper: subprocess.Popen[bytes]) -> None:
    assert start_time(sleeper.pid) == start_time(sleeper.pid) != ""
    assert int(start_time(sleeper.pid)) >= int(start_time(os.getpid()))


def test_a_process_that_ended_has_none(sleeper: subprocess.Popen[bytes]) -> None:
    sleeper.kill()
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)  # it is a zombie now
    assert start_time(sleeper.pid) == ""
    sleeper.wait()
    assert start_time(sleeper.pid) == ""


def test_an_orphan_is_ended(sleeper: subprocess.Popen[bytes], tmp_path: Path) -> None:
    state = tmp_path / "daemon"
    state.write_text(f"{sleeper.pid} {start_time(sleeper.pid)}\n")
    end_orphan(state)
    assert sleeper.wait() == -signal.SIGTERM


def test_an_orphan_that_does_not_want_to_is_killed(
    stubborn: subprocess.Popen[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "_GRACE", 0.1)
    state = tmp_path / "daemon"
    state.write_text(f"{stubborn.pid} {start_time(stubborn.pid)}\n")
    end_orphan(state)
    assert stubborn.wait() == -signal.SIGKILL


@pytest.mark.parametrize("text", ["{pid} 1\n", "", "{pid}\n", "1 2 3\n"])
def test_a_number_that_belongs_to_somebody_else_by_now_is_left_alone(
    sleeper: subprocess.Popen[bytes], tmp_path: Path, text: str
) -> None:
    state = tmp_path / "daemon"
    state.write_text(text.format(pid=sleeper.pid))
    end_orphan(state)
    assert sleeper.poll() is None


def test_without_a_state_there_is_no_orphan(tmp_path: Path) -> None:
    end_orphan(tmp_path / "daemon")


@pytest.mark.parametrize("platform", ["linux", "darwin"])
def test_a_child_is_tied_to_its_parent_where_that_can_be(
    platform: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    assert (tied_to_parent() is None) == (platform != "linux")


def test_without_a_libc_it_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object) -> None:
        raise OSError("no libc")

    monkeypatch.setattr("ctypes.CDLL", refuse)
    assert tied_to_parent() is None


def test_a_daemon_is_asked_to_end(sleeper: subprocess.Popen[bytes]) -> None:
    end(sleeper)
    assert sleeper.returncode == -signal.SIGTERM
    end(sleeper)  # to end it again does nothing


def test_a_daemon_that_does_not_want_to_is_killed(
    stubborn: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "_GRACE", 0.1)
    end(stubborn)
    assert stubborn.wait() == -signal.SIGKILL


def test_a_daemon_without_leases_is_idle_after_its_time(folder: Path) -> None:
    one = Supervisor(folder, idle=0)
    assert not one._is_idle()  # the time on the file is new to it
    assert one._is_idle()


def test_a_daemon_with_a_lease_is_not(folder: Path) -> None:
    one = Supervisor(folder, idle=0)
    lease = try_lock(folder / supervisor.LEASE)
    assert lease is not None
    assert [one._is_idle() for _ in range(3)] == [False, False, False]
    os.close(lease)
    assert one._is_idle()


def test_a_run_between_two_looks_counts(folder: Path) -> None:
    one = Supervisor(folder, idle=0)
    one._is_idle()
    os.utime(folder / supervisor.LEASE, ns=(0, 1))
    assert not one._is_idle()
    assert one._is_idle()


def test_time_has_to_pass(folder: Path) -> None:
    one = Supervisor(folder, idle=3600)
    assert [one._is_idle() for _ in range(3)] == [False, False, False]


def test_nobody_gets_a_lease_from_a_daemon_that_is_being_ended(folder: Path) -> None:
    one = Supervisor(folder, idle=0)
    one._is_idle()
    assert try_lock(folder / supervisor.LEASE) is not None or not one._is_idle()
    assert not one._is_idle() or try_lock(folder / supervisor.LEASE) is None


@pytest.mark.parametrize(("idle", "interval"), [(0, 0.05), (2, 0.2), (900, 5.0)])
def test_how_often_it_looks(folder: Path, idle: float, interval: float) -> None:
    assert Supervisor(folder, idle)._interval == interval


def test_the_log_begins_anew_when_it_is_long(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "_LOG_LIMIT", 10)
    one = Supervisor(folder, idle=0)
    log = folder / supervisor.LOG
    log.write_bytes(b"0123456789")
    one._trim_log()
    assert log.stat().st_size == 10
    log.write_bytes(b"01234567890")
    one._trim_log()
    assert log.stat().st_size == 0


def test_a_folder_that_is_removed_ends_the_daemon(tmp_path: Path, folder: Path) -> None:
    one = Supervisor(folder, idle=3600)
    (tmp_path / supervisor.LEASE).unlink()
    one.run(["sleep", "60"])
    assert not (folder / supervisor.DAEMON).exists()


def test_it_runs_until_the_daemon_ends(folder: Path) -> None:
    (folder / supervisor.SOCKET).touch()
    Supervisor(folder, idle=3600).run(["true"])
    assert {path.name for path in folder.iterdir()} == {supervisor.LEASE, supervisor.LOG}


def test_a_second_supervisor_of_a_folder_leaves_at_once(folder: Path) -> None:
    lock = try_lock(folder / supervisor.LOCK)
    assert lock is not None
    done = subprocess.run(
        [sys.executable, "-I", supervisor.__file__, str(folder), "1", "touch", str(folder / "x")],
        check=False,
        timeout=30,
    )
    os.close(lock)
    assert done.returncode == 0
    assert not (folder / "x").exists()


def test_it_leaves_a_process_and_returns(folder: Path, wait_until: Callable[..., None]) -> None:
    subprocess.run(
        [sys.executable, "-I", supervisor.__file__, str(folder), "60", "touch", str(folder / "x")],
        check=True,
        timeout=30,
    )
    wait_until((folder / "x").exists)
    wait_until(lambda: not is_locked(folder / supervisor.LOCK))


def is_locked(path: Path) -> bool:
    lock = try_lock(path)
    if lock is not None:
        os.close(lock)
    return lock is None


def test_it_needs_nothing_of_okplug() -> None:
    source = Path(supervisor.__file__).read_text(encoding="utf-8")
    assert "import okplug" not in source
    assert "from okplug" not in source
