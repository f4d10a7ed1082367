"""Daemons of our own, pools of real ones, and ``okplug builder`` on them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest

import okplug_layout
import okplug_registry
from okplug import BuildError, Parser, hookimpl
from okplug_buildkit.commands import builder
from okplug_buildkit.commands.builder import add_builder_command
from okplug_buildkit.connect.addresses import parse_address
from okplug_buildkit.connect.failures import DaemonLostError
from okplug_buildkit.connect.options import ChannelOptions
from okplug_buildkit.connect.settings import builder_settings
from okplug_buildkit.pool import supervisor
from okplug_buildkit.pool.managed import ManagedDaemon, Surroundings
from okplug_buildkit.pool.member import Member, make_member
from okplug_buildkit.pool.pool import Pool
from okplug_buildkit.pool.rendezvous import preferences
from okplug_buildkit.pool.settings import pool_settings
from tests.integration.conftest import ROOT, SEARCHED, BuildKit, program, running_buildkit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from okplug.testing import Workspace
    from okplug_buildkit.daemon import Daemon
    from tests.integration.registries import RegistryServer

Value = TypeVar("Value")

#: acquires the daemon of the folder given, says which process it is, and keeps it until it is told
ANOTHER_RUN = """\
import os, sys
from pathlib import Path
from okplug_buildkit.pool.managed import ManagedDaemon, Surroundings
folder = Path(sys.argv[1])
ManagedDaemon(folder, Surroundings({"PATH": sys.argv[2]}, float(sys.argv[3]), True)).acquire()
print((folder / "daemon").read_text().split()[0], flush=True)
sys.stdin.read()
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """The folder of a daemon of our own, which is ended afterwards."""
    program("buildkitd")
    program("runc")
    with tempfile.TemporaryDirectory(prefix="okp-") as short:
        path = Path(short, "d")
        yield path
        supervisor.end_orphan(path / supervisor.DAEMON)
        wait_until(lambda: not is_supervised(path))


def wait_until(condition: Callable[[], object]) -> None:
    """Wait for something that must come."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it does not come"
        time.sleep(0.02)


def is_supervised(folder: Path) -> bool:
    if not folder.is_dir():
        return False
    lock = supervisor.try_lock(folder / supervisor.LOCK)
    if lock is not None:
        os.close(lock)
    return lock is None


def surroundings(idle: float = 300.0) -> Surroundings:
    return Surroundings({"PATH": SEARCHED}, idle, is_root=os.geteuid() == 0)


def pid_in(folder: Path) -> int:
    return int((folder / supervisor.DAEMON).read_text().split()[0])


def member_for(address: str, folder: Path | None = None, idle: float = 300.0) -> Member:
    cache = folder.parent if folder else Path("/nowhere")
    options = ChannelOptions(environ={"PATH": SEARCHED})
    return make_member(parse_address(address), options, cache, surroundings(idle))


@contextmanager
def another_run(folder: Path, idle: float = 300.0) -> Iterator[subprocess.Popen[str]]:
    """Use the daemon from another process."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "plugins")])
    with subprocess.Popen(
        [sys.executable, "-c", ANOTHER_RUN, folder, SEARCHED, str(idle)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def daemon_of(run: subprocess.Popen[str]) -> int:
    assert run.stdout is not None
    return int(run.stdout.readline())


# ------------------------------------------------------------------------------- daemons of our own


def test_a_daemon_is_started_answers_and_is_found_by_another_process(folder: Path) -> None:
    member = member_for(f"buildkitd://?root={folder}")
    assert member.open().info(5).version.startswith("v0.")
    assert member.open().workers(5)[0].platforms
    with another_run(folder) as other:
        assert daemon_of(other) == pid_in(folder)
    member.close()
    with another_run(folder) as third:
        assert daemon_of(third) == pid_in(folder)


def test_two_processes_at_once_start_one(folder: Path) -> None:
    with another_run(folder) as one, another_run(folder) as two:
        assert daemon_of(one) == daemon_of(two) == pid_in(folder)
    log = (folder / supervisor.LOG).read_text()
    assert log.count("found worker ") == 1


def test_a_daemon_ends_when_the_last_that_used_it_is_killed(folder: Path) -> None:
    with another_run(folder, idle=0.2) as other:
        pid = daemon_of(other)
        time.sleep(0.5)
        assert supervisor.start_time(pid)
    wait_until(lambda: not is_supervised(folder))
    assert not supervisor.start_time(pid)
    assert not (folder / supervisor.SOCKET).exists()


def test_a_daemon_that_is_killed_is_followed_by_another(folder: Path) -> None:
    member = member_for(f"buildkitd://?root={folder}")
    names: list[int] = []

    def work(daemon: Daemon) -> str:
        names.append(pid_in(folder))
        if len(names) == 1:
            os.kill(names[0], signal.SIGKILL)
            wait_until(lambda: not is_supervised(folder))
        return daemon.info(3).version

    pool = Pool([member], pytest.fail)
    try:
        assert pool.run("api", work).startswith("v0.")
    finally:
        pool.close()
    assert names[0] != names[1]


def test_a_daemon_whose_supervisor_is_killed_ends_by_itself(folder: Path) -> None:
    with another_run(folder) as other:
        pid = daemon_of(other)
        stat = Path(f"/proc/{pid}/stat").read_text()
        os.kill(int(stat.rpartition(")")[2].split()[1]), signal.SIGKILL)
        wait_until(lambda: not supervisor.start_time(pid))


def test_its_data_outlive_it(folder: Path) -> None:
    with another_run(folder, idle=0.0) as other:
        first = daemon_of(other)
    wait_until(lambda: not is_supervised(folder))
    with another_run(folder, idle=0.0) as other:
        assert daemon_of(other) != first
    assert (folder / "root" / "runc-overlayfs").is_dir()


def test_a_home_with_a_long_path_builds_all_the_same(folder: Path, tmp_path: Path) -> None:
    deep = folder / ("d" * 100)
    (tmp_path / "Dockerfile").write_text(
        "FROM scratch\nCOPY --chmod=755 busybox /\n"
        'RUN --mount=type=secret,id=word ["/busybox", "cat", "/run/secrets/word"]\n'
    )
    shutil.copy(program("busybox"), tmp_path / "busybox")
    (tmp_path / "word").write_text("a word\n")
    one = ManagedDaemon(deep, surroundings(idle=0.0))
    try:
        address = one.acquire()
        with another_run(deep) as other:
            assert daemon_of(other) == pid_in(deep)
        done = BuildKit(address).build(tmp_path, f"--secret=id=word,src={tmp_path}/word")
        assert done.returncode == 0, done.stderr
        assert "a word" in done.stderr
    finally:
        one.release()
        wait_until(lambda: not is_supervised(deep))
    assert not Path(address.removeprefix("unix://")).parent.exists()


def test_a_daemon_that_cannot_have_its_data_says_so(folder: Path) -> None:
    one = ManagedDaemon(folder, surroundings())
    folder.mkdir()
    (folder / "root").write_text("in the way")
    with pytest.raises(BuildError, match=r"^buildkitd ended at once: .*not a directory"):
        one.acquire()
    one.release()


# ------------------------------------------------------------------------------------------- pools


@contextmanager
def second_daemon() -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Run a daemon that a test may kill."""
    with tempfile.TemporaryDirectory(prefix="okp-") as short:
        address = f"unix://{short}/socket"
        with running_buildkit(Path(short), address) as process:
            yield address, process


def image_for(address: str, others: list[str]) -> str:
    """Return an image that goes to a daemon first."""
    names = (f"image-{number}" for number in range(1000))
    return next(name for name in names if preferences(name, [address, *others])[0] == address)


def test_what_a_killed_daemon_loses_the_other_takes_over(buildkit: BuildKit) -> None:
    warnings: list[str] = []
    with second_daemon() as (address, process):
        pool = Pool([member_for(buildkit.address), member_for(address)], warnings.append)
        image = image_for(address, [buildkit.address])
        used: list[str] = []

        def work(daemon: Daemon) -> str:
            used.append(str(daemon.address))
            if len(used) == 1:
                process.kill()
                process.wait()
            return daemon.info(3).version

        try:
            assert pool.run(image, work).startswith("v0.")
            assert used == [address, buildkit.address]
            with pool.pick(image) as daemon:
                assert str(daemon.address) == buildkit.address
        finally:
            pool.close()
    (warning,) = warnings
    assert warning.startswith(f"a daemon is left out: lost BuildKit at {address}: ")


def test_a_daemon_that_is_not_there_costs_its_images_nothing_but_the_first_look(
    buildkit: BuildKit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("okplug_buildkit.pool.member._PATIENCE", 0.5)
    warnings: list[str] = []
    absent = f"unix://{tmp_path}/none"
    pool = Pool([member_for(absent), member_for(buildkit.address)], warnings.append)
    image = image_for(absent, [buildkit.address])
    try:
        for _ in range(3):
            with pool.pick(image) as daemon:
                assert str(daemon.address) == buildkit.address
    finally:
        pool.close()
    assert warnings == [f"a daemon is left out: no BuildKit at {absent}: there is no such socket"]


def test_where_no_daemon_is_there_each_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("okplug_buildkit.pool.member._PATIENCE", 0.2)
    addresses = [f"unix://{tmp_path}/{name}" for name in ("a", "b")]
    pool = Pool([member_for(address) for address in addresses], lambda _: None)
    with pytest.raises(BuildError) as caught, pool.pick("api"):
        pass
    pool.close()
    assert caught.value.message == (
        f"none of 2 BuildKit daemons can be used: no BuildKit at {addresses[0]}: "
        f"there is no such socket; no BuildKit at {addresses[1]}: there is no such socket"
    )


def test_a_call_of_a_daemon_that_dies_is_a_loss() -> None:
    with second_daemon() as (address, process):
        member = member_for(address)
        daemon = member.open()
        process.kill()
        process.wait()
        with pytest.raises(DaemonLostError, match=r"^(lost|no) BuildKit at "):
            daemon.info(3)
        member.close()


def test_many_builds_at_once_spread_over_the_pool(buildkit: BuildKit) -> None:
    with second_daemon() as (address, _):
        pool = Pool([member_for(buildkit.address), member_for(address)], pytest.fail)
        together = threading.Barrier(8)
        used: list[str] = []

        def build(number: int) -> None:
            with pool.pick(f"image-{number}") as daemon:
                used.append(str(daemon.address))
                together.wait(60)

        threads = [threading.Thread(target=build, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        pool.close()
    assert len(used) == 8
    assert all(used.count(name) <= 5 for name in (address, buildkit.address))


# ------------------------------------------------------------------------------------- okplug builder


class Plugin:
    """Declares what the command needs."""

    @hookimpl
    def okplug_addoption(self, parser: Parser) -> None:
        """Add settings and the command."""
        for setting in (*builder_settings(), *pool_settings()):
            parser.add_setting(setting)
        add_builder_command(parser)


@pytest.fixture
def run(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Run ``okplug builder``, as far as its own code goes."""
    workspace.environ["PATH"] = SEARCHED

    def call(*argv: str, **settings: str) -> tuple[int, str, str]:
        parser = Parser()
        add_builder_command(parser)
        parsed = parser.parse(["builder", *argv])
        assert parsed is not None
        plugins = [Plugin(), okplug_layout, okplug_registry]
        config = workspace.config(plugins=plugins, settings=settings, options=vars(parsed.options))
        try:
            code = builder.run(config)
        finally:
            config.plugins.unconfigure(config)
        return code, *capsys.readouterr()

    return call


def test_check_finds_that_all_is_well(
    buildkit: BuildKit, run: Callable[..., tuple[int, str, str]]
) -> None:
    code, out, err = run("check", builder=buildkit.address)
    assert (code, err) == (0, "")
    lines = [line.split()[:2] for line in out.splitlines()]
    assert lines == [
        [buildkit.address],
        ["connection", "ok"],
        ["version", "ok"],
        ["platforms", "ok"],
        ["build", "ok"],
    ]


def test_check_pushes_to_a_registry_and_leaves_no_tag(
    buildkit: BuildKit,
    registry_server: RegistryServer,
    run: Callable[..., tuple[int, str, str]],
) -> None:
    pushed = []
    for _ in range(2):
        code, out, _ = run("check", builder=buildkit.address, registry=registry_server.host)
        assert code == 0
        pushed.append(out.splitlines()[-1].split())
    repository = f"{registry_server.host}/okteto/okplug-check"
    assert pushed[0][:2] == ["push", "ok"]
    assert pushed[0][2].startswith(f"{repository}@sha256:")
    assert pushed[0] == pushed[1]
    stored = registry_server.folder / "data/docker/registry/v2/repositories/okteto/okplug-check"
    assert (stored / "_manifests/revisions").is_dir()
    assert not (stored / "_manifests/tags").exists()


def test_check_tells_what_a_registry_refuses(
    buildkit: BuildKit,
    htpasswd_registry_server: RegistryServer,
    run: Callable[..., tuple[int, str, str]],
) -> None:
    code, out, _ = run("check", builder=buildkit.address, registry=htpasswd_registry_server.host)
    assert code == 1
    push, hint = out.splitlines()[-2:]
    assert push.split()[:2] == ["push", "failed"]
    assert f"docker login {htpasswd_registry_server.host}" in hint


def test_ls_tells_what_is_there(
    buildkit: BuildKit, run: Callable[..., tuple[int, str, str]]
) -> None:
    run("check", builder=buildkit.address)
    code, out, _ = run("ls", "--json", builder=buildkit.address)
    (row,) = json.loads(out)["builders"]
    assert (code, row["address"], row["status"]) == (0, buildkit.address, "running")
    assert row["version"].startswith("v0.")
    assert row["platforms"][0].startswith("linux/")
    assert row["builds"] == 0
    assert row["cache"] > 0


def test_ls_does_not_start_a_daemon_and_sees_one_that_runs(
    folder: Path, run: Callable[..., tuple[int, str, str]]
) -> None:
    address = f"buildkitd://?root={folder}"
    code, out, _ = run("ls", builder=address)
    assert (code, out.splitlines()[1].split()[1]) == (0, "stopped")
    with another_run(folder) as other:
        daemon_of(other)
        code, out, _ = run("ls", builder=address)
    assert (code, out.splitlines()[1].split()[1]) == (0, "running")


def test_prune_empties_the_cache(folder: Path, run: Callable[..., tuple[int, str, str]]) -> None:
    address = f"buildkitd://?root={folder}"
    assert run("check", builder=address)[0] == 0
    code, out, err = run("prune", "--force", "--all", builder=address)
    assert (code, err) == (0, "")
    assert out.splitlines()[-1].endswith(f"freed at {address}")
    assert len(out.splitlines()) > 1
    _, out, _ = run("ls", "--json", builder=address)
    assert json.loads(out)["builders"][0]["cache"] == 0


def test_prune_starts_a_daemon_that_has_left_something(
    folder: Path, run: Callable[..., tuple[int, str, str]]
) -> None:
    address = f"buildkitd://?root={folder}"
    assert run("prune", "-f", builder=address) == (0, "", f"{address} has no cache\n")
    assert run("check", builder=address, buildkitd_idle="0")[0] == 0
    wait_until(lambda: not is_supervised(folder))
    code, out, _ = run("prune", "-f", "-a", builder=address)
    assert (code, len(out.splitlines()) > 1) == (0, True)


def test_prune_keeps_what_it_is_told_to_keep(
    folder: Path, run: Callable[..., tuple[int, str, str]]
) -> None:
    address = f"buildkitd://?root={folder}"
    assert run("check", builder=address)[0] == 0
    code, out, _ = run("prune", "-f", "--keep-duration", "1h", builder=address)
    assert (code, len(out.splitlines())) == (0, 1)
    code, out, _ = run("prune", "-f", "--filter", "type==source.local", builder=address)
    assert code == 0
    assert len(out.splitlines()) >= 2


def test_prune_tells_of_a_filter_that_is_none(
    buildkit: BuildKit, run: Callable[..., tuple[int, str, str]]
) -> None:
    code, _, err = run("prune", "-f", "--filter", "type=~~", builder=buildkit.address)
    assert code == 1
    assert "filter" in err
