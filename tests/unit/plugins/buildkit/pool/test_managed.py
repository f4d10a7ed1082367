"""A daemon of our own: started once, found again, left to end; with a stand-in for buildkitd."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from okplug import BuildError, UsageError
from okplug_buildkit.pool import managed, supervisor
from okplug_buildkit.pool.managed import ManagedDaemon, Surroundings
from okplug_buildkit.pool.programs import daemon_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.plugins.buildkit.pool.conftest import Programs

DIES = """\
import sys
print("level=warning something is odd", file=sys.stderr)
sys.exit("buildkitd: could not lock /r/buildkitd.lock, another instance running?")
"""


def starts(daemon: ManagedDaemon) -> list[dict[str, Any]]:
    """Return how the stand-in was started, once per start."""
    return [json.loads(line) for line in (daemon.folder / "starts").read_text().splitlines()]


def pid_of(daemon: ManagedDaemon) -> int:
    return int((daemon.folder / supervisor.DAEMON).read_text().split()[0])


def supervisor_of(daemon: ManagedDaemon) -> int:
    stat = Path(f"/proc/{pid_of(daemon)}/stat").read_text()
    return int(stat.rpartition(")")[2].split()[1])


def test_it_is_started_and_its_address_is_where_it_listens(
    daemon: Callable[..., ManagedDaemon],
) -> None:
    one = daemon()
    assert not one.is_running()
    assert one.acquire() == one.address == f"unix://{one.folder}/socket"
    assert one.is_running()
    assert supervisor.start_time(pid_of(one)) != ""


def test_it_is_started_once(daemon: Callable[..., ManagedDaemon]) -> None:
    one, two = daemon(), daemon()
    assert one.acquire() == one.acquire() == two.acquire()
    assert len(starts(one)) == 1


def test_a_later_run_finds_it_again(daemon: Callable[..., ManagedDaemon]) -> None:
    first = daemon()
    first.acquire()
    first.release()
    second = daemon()
    assert second.is_running()
    second.acquire()
    assert len(starts(second)) == 1


def test_runs_at_once_start_one(daemon: Callable[..., ManagedDaemon]) -> None:
    several = [daemon() for _ in range(8)]
    with ThreadPoolExecutor(8) as threads:
        addresses = set(threads.map(lambda one: one.acquire(), several))
    assert addresses == {several[0].address}
    assert len(starts(several[0])) == 1


def test_it_ends_when_nobody_uses_it(
    daemon: Callable[..., ManagedDaemon], wait_until: Callable[..., None]
) -> None:
    one = daemon(idle=0.1)
    one.acquire()
    pid, overseer = pid_of(one), supervisor_of(one)
    one.release()
    wait_until(lambda: not supervisor.start_time(overseer))
    assert supervisor.start_time(pid) == ""
    left = {path.name for path in one.folder.iterdir()}
    assert not left & {supervisor.SOCKET, supervisor.DAEMON, f"{supervisor.DAEMON}.new"}
    one.acquire()
    assert len(starts(one)) == 2


def test_it_does_not_end_while_a_run_uses_it(
    daemon: Callable[..., ManagedDaemon], wait_until: Callable[..., None]
) -> None:
    one, two = daemon(idle=0.0), daemon(idle=0.0)
    one.acquire()
    two.acquire()
    pid = pid_of(one)
    one.release()
    with pytest.raises(subprocess.TimeoutExpired):  # several looks of its supervisor
        subprocess.run(["sleep", "5"], timeout=0.5, check=False)
    assert supervisor.start_time(pid)
    two.release()
    wait_until(lambda: not supervisor.start_time(pid))


def test_the_lease_of_a_run_that_is_killed_ends(
    daemon: Callable[..., ManagedDaemon], wait_until: Callable[..., None]
) -> None:
    one = daemon(idle=0.0)
    one.acquire()
    code = "import fcntl, sys\nf = open(sys.argv[1])\nfcntl.flock(f, fcntl.LOCK_SH)\nprint(flush=True)\nsys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(one.folder / supervisor.LEASE)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        one.release()
        other.kill()
    wait_until(lambda: not one.is_running())


def test_a_daemon_that_was_killed_is_started_again(
    daemon: Callable[..., ManagedDaemon], wait_until: Callable[..., None]
) -> None:
    one = daemon()
    one.acquire()
    overseer = supervisor_of(one)
    os.kill(pid_of(one), signal.SIGKILL)
    wait_until(lambda: not supervisor.start_time(overseer))
    assert not one.is_running()
    one.acquire()
    assert one.is_running()
    assert len(starts(one)) == 2


def test_a_daemon_whose_supervisor_was_killed_ends(
    daemon: Callable[..., ManagedDaemon], wait_until: Callable[..., None]
) -> None:
    one = daemon()
    one.acquire()
    orphan = pid_of(one)
    os.kill(supervisor_of(one), signal.SIGKILL)
    wait_until(lambda: not supervisor.start_time(orphan))
    assert not one.is_running()


def test_a_daemon_whose_supervisor_was_killed_is_replaced(
    daemon: Callable[..., ManagedDaemon], wait_until: Callable[..., None]
) -> None:
    one = daemon()
    one.acquire()
    orphan, overseer = pid_of(one), supervisor_of(one)
    os.kill(overseer, signal.SIGKILL)
    wait_until(lambda: not one._is_supervised())
    one.acquire()
    assert supervisor.start_time(orphan) == ""
    assert pid_of(one) != orphan
    assert one.is_running()


def test_a_supervisor_that_is_told_to_end_ends_its_daemon(
    daemon: Callable[..., ManagedDaemon], wait_until: Callable[..., None]
) -> None:
    one = daemon()
    one.acquire()
    pid = pid_of(one)
    os.kill(supervisor_of(one), signal.SIGTERM)
    wait_until(lambda: not supervisor.start_time(pid))
    one.acquire()
    assert len(starts(one)) == 2


def test_what_it_is_started_with(daemon: Callable[..., ManagedDaemon]) -> None:
    one = daemon(
        HOME="/home/cindy",
        https_proxy="http://proxy:3128",
        NO_PROXY="localhost",
        API_TOKEN="secret",
        PYTHONPATH="/somewhere",
    )
    one.acquire()
    (start,) = starts(one)
    assert start["argv"] == [
        *("--root", f"{one.folder}/root"),
        *("--addr", f"unix://{one.folder}/socket"),
        *("--config", f"{one.folder}/buildkitd.toml"),
    ]
    environ = start["environ"]
    assert environ["HOME"] == "/home/cindy"
    assert environ["https_proxy"] == "http://proxy:3128"
    assert environ["NO_PROXY"] == "localhost"
    assert not {"API_TOKEN", "PYTHONPATH"} & environ.keys()
    assert environ["PATH"].endswith(daemon_path({}))


def test_its_configuration(daemon: Callable[..., ManagedDaemon]) -> None:
    one = daemon()
    one.acquire()
    text = (one.folder / "buildkitd.toml").read_text()
    assert tomllib.loads(text) == {
        "worker": {"oci": {"enabled": True, "gc": True}, "containerd": {"enabled": False}},
        "otel": {"socketPath": f"{one.folder}/otel"},
    }


def test_nobody_else_gets_at_its_folder(daemon: Callable[..., ManagedDaemon]) -> None:
    one = daemon()
    one.acquire()
    assert one.folder.stat().st_mode & 0o777 == 0o700


def test_it_inherits_no_file(daemon: Callable[..., ManagedDaemon]) -> None:
    one = daemon()
    descriptor = os.open("/dev/zero", os.O_RDONLY)
    os.set_inheritable(descriptor, True)  # noqa: FBT003  # it takes it by position only
    try:
        one.acquire()
    finally:
        os.close(descriptor)
    for pid in (pid_of(one), supervisor_of(one)):
        targets = {str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir()}
        assert "/dev/zero" not in targets
        assert str(one.folder / supervisor.LEASE) not in targets
        assert str(one.folder / "start.lock") not in targets


def test_it_has_a_session_of_its_own(daemon: Callable[..., ManagedDaemon]) -> None:
    one = daemon()
    one.acquire()
    assert os.getsid(supervisor_of(one)) not in (os.getsid(0), os.getsid(pid_of(one)))


def test_a_daemon_that_dies_at_once_says_why(
    daemon: Callable[..., ManagedDaemon], programs: Programs
) -> None:
    one = daemon()
    programs.add("buildkitd", DIES)
    with pytest.raises(BuildError) as caught:
        one.acquire()
    assert caught.value.message == (
        "buildkitd ended at once: could not lock /r/buildkitd.lock, another instance running?"
    )
    assert caught.value.hint == f"its log is {one.folder}/log"
    assert caught.value.log == (
        "level=warning something is odd",
        "buildkitd: could not lock /r/buildkitd.lock, another instance running?",
    )


def test_a_daemon_that_does_not_answer_is_not_waited_for_for_ever(
    daemon: Callable[..., ManagedDaemon], programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(managed, "_PATIENCE", 0.3)
    programs.add("buildkitd", "import time\ntime.sleep(60)\n")
    with pytest.raises(BuildError, match=r"^buildkitd does not answer after 0 s"):
        daemon().acquire()


def test_a_daemon_that_listens_and_then_dies_says_why(
    daemon: Callable[..., ManagedDaemon], programs: Programs
) -> None:
    listens = (programs.folder / "buildkitd").read_text().partition("while True:")[0]
    (programs.folder / "buildkitd").write_text(
        f"{listens}import time\ntime.sleep(0.2)\nsys.exit('buildkitd: no worker found')\n"
    )
    with pytest.raises(BuildError, match=r"^buildkitd ended at once: no worker found"):
        daemon().acquire()


def test_after_a_failure_the_next_attempt_is_a_new_one(
    daemon: Callable[..., ManagedDaemon], programs: Programs
) -> None:
    one = daemon()
    code = (programs.folder / "buildkitd").read_text()
    programs.add("buildkitd", DIES)
    with pytest.raises(BuildError):
        one.acquire()
    (programs.folder / "buildkitd").write_text(code)
    one.acquire()
    assert one.is_running()


@pytest.mark.parametrize(
    ("present", "user", "message"),
    [
        ((), "root", "buildkitd:// needs buildkitd, which is not on the PATH"),
        (
            ("buildkitd",),
            "root",
            "buildkitd:// cannot start buildkitd: runc, which it needs, is not installed",
        ),
        (
            ("buildkitd", "runc"),
            "cindy",
            (
                "buildkitd:// cannot start buildkitd: only root can start it,"
                " and rootlesskit is not on the PATH"
            ),
        ),
    ],
)
def test_a_program_that_is_missing(
    programs: Programs, short: Path, present: tuple[str, ...], user: str, message: str
) -> None:
    for name in present:
        programs.add(name)
    one = ManagedDaemon(short / "d", Surroundings(programs.environ, 60, is_root=user == "root"))
    with pytest.raises(UsageError) as caught:
        one.acquire()
    assert caught.value.message == message
    assert "set builder to the address of a daemon that runs" in caught.value.hint
    assert not (short / "d").exists()


def test_who_is_not_root_goes_through_rootlesskit(
    daemon: Callable[..., ManagedDaemon], programs: Programs
) -> None:
    programs.add("rootlesskit", "import os, sys\nos.execv(sys.argv[4], sys.argv[4:])\n")
    folder = daemon().folder
    one = ManagedDaemon(folder, Surroundings(programs.environ, 60, is_root=False))
    one.acquire()
    command = Path(f"/proc/{supervisor_of(one)}/cmdline").read_text().split("\0")
    assert command[5:10] == [
        str(programs.folder / "rootlesskit"),
        *("--net=host", "--copy-up=/etc", "--copy-up=/run"),
        str(programs.folder / "buildkitd"),
    ]
    one.release()


def test_a_folder_with_a_long_path_has_its_socket_elsewhere(
    deep: Callable[..., ManagedDaemon], short: Path
) -> None:
    one, two = deep(XDG_RUNTIME_DIR=str(short)), deep()
    address = one.acquire()
    (run_folder,) = short.glob("okplug-*")
    assert address == one.address == f"unix://{run_folder}/socket"
    assert run_folder.stat().st_mode & 0o777 == 0o700
    text = (one.folder / "buildkitd.toml").read_text()
    assert tomllib.loads(text)["otel"]["socketPath"] == f"{run_folder}/otel"
    one.release()
    assert two.is_running()
    assert two.acquire() == address


def test_that_place_is_removed_with_the_daemon(
    deep: Callable[..., ManagedDaemon], short: Path, wait_until: Callable[..., None]
) -> None:
    one = deep(idle=0.0, XDG_RUNTIME_DIR=str(short))
    one.acquire()
    one.release()
    wait_until(lambda: not one._is_supervised())
    assert list(short.glob("okplug-*")) == []
    assert not one.is_running()
    assert one.acquire() == one.address
    assert one.is_running()


def test_a_place_that_is_removed_under_it_ends_the_daemon(
    deep: Callable[..., ManagedDaemon], short: Path, wait_until: Callable[..., None]
) -> None:
    one = deep(idle=0.5, XDG_RUNTIME_DIR=str(short))
    one.acquire()
    (run_folder,) = short.glob("okplug-*")
    shutil.rmtree(run_folder)
    wait_until(lambda: not one._is_supervised())
    one.acquire()
    assert one.is_running()


def test_a_folder_that_cannot_be_made(daemon: Callable[..., ManagedDaemon]) -> None:
    one = daemon()
    one.folder.touch()
    with pytest.raises(UsageError) as caught:
        one.acquire()
    assert caught.value.message == f"cannot keep buildkitd in {one.folder}: File exists"
    one.folder.unlink()


def test_to_release_what_is_not_held_does_nothing(daemon: Callable[..., ManagedDaemon]) -> None:
    one = daemon()
    one.release()
    one.acquire()
    one.release()
    one.release()
    assert one.is_running()


def test_a_folder_with_quotes_in_its_name(short: Path, programs: Programs) -> None:
    folder = short / 'a "b" \\ ü'
    folder.mkdir()
    one = ManagedDaemon(folder, Surroundings(programs.environ, 60, is_root=True))
    text = managed._CONFIGURATION.format(otel=managed._toml_text(str(one.folder / "otel")))
    assert tomllib.loads(text)["otel"]["socketPath"] == f"{folder}/otel"


def test_a_supervisor_that_cannot_be_started(
    daemon: Callable[..., ManagedDaemon], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(managed, "_SUPERVISOR", (sys.executable, "-I", "-c", "import nothing_here"))
    with pytest.raises(BuildError) as caught:
        daemon().acquire()
    assert caught.value.message.startswith("the supervisor of buildkitd cannot be started: ")
    assert "nothing_here" in caught.value.message


def test_what_a_daemon_left_behind(daemon: Callable[..., ManagedDaemon]) -> None:
    one = daemon()
    assert not one.has_cache()
    one.acquire()
    assert not one.has_cache()  # the stand-in keeps nothing
    (one.folder / "root").mkdir()
    assert one.has_cache()
