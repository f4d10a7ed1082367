"""Many builds on BuildKit at once, and many that are killed: nothing wrong is left, and each next run is right."""

from __future__ import annotations

import json
import os
import random
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from okplug.testing import make_workspace
from tests.integration.conftest import program
from tests.integration.faulty import (
    Buildkitd,
    Remains,
    blobs_in,
    buildkitd,
    served_tags,
    wait_until,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from okplug.testing import Workspace
    from tests.integration.registries import RegistryServer

pytestmark = pytest.mark.campaign

DOCKERFILE = """\
FROM scratch
COPY --chmod=755 busybox /bin/busybox
COPY data /data
RUN ["/bin/busybox", "sh", "-c", "cat /data | sha256sum > /sum"]
"""
USERS = ("okteto", "cindy")


class Street:
    """A workspace of many images that need a process to build.

    :param count: how many there are.
    """

    def __init__(self, folder: Path, count: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.workspace: Workspace = make_workspace(folder)
        self.temporary = folder / "temporary"
        self.temporary.mkdir()
        prefix = secrets.token_hex(3)
        self.names = [f"i{prefix}-{number}" for number in range(count)]
        for name in self.names:
            self.workspace.write(
                {
                    f"{name}/okteto.yaml": f"build: {{{name}: .}}\n",
                    f"{name}/Dockerfile": DOCKERFILE,
                }
            )
            shutil.copy(program("busybox"), self.workspace.root / name / "busybox")
        self.edit(0)

    def edit(self, version: int, size: int = 200_000) -> None:
        """Write other data, which are the same for the same version."""
        for number, name in enumerate(self.names):
            data = random.Random(f"{version} {number}").randbytes(size)
            (self.workspace.root / name / "data").write_bytes(data)

    def start(self, builder: str, registry: str, *options: str) -> subprocess.Popen[str]:
        """Build all in a process and a process group of its own."""
        environ = {
            **self.workspace.environ,
            "OKPLUG_BUILDER": builder,
            "OKPLUG_REGISTRY": registry,
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
            "TMPDIR": str(self.temporary),
        }
        return subprocess.Popen(
            [sys.executable, "-m", "okplug", "build", *options],
            cwd=self.workspace.root,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def digests(self, builder: str, registry: str) -> dict[str, str]:
        """Build all, and return the digest of each by its name."""
        process = self.start(builder, registry, "--json", "-")
        stdout, stderr = process.communicate(timeout=300)
        assert process.returncode == 0, stderr
        with pytest.raises(ProcessLookupError):
            os.killpg(process.pid, 0)
        assert list(self.temporary.iterdir()) == []
        images: list[dict[str, Any]] = json.loads(stdout)["images"]
        assert len(images) == len(self.names)
        return {image["address"].rpartition(":")[2]: image["digest"] for image in images}

    def assert_sound(self, registry: str) -> None:
        """Assert that each tag in the registry finds a whole image."""
        for name in self.names:
            for user in USERS:
                for tag in served_tags(registry, f"{user}/{name}"):
                    assert blobs_in(registry, f"{user}/{name}", tag) > 2


@pytest.fixture
def daemon() -> Iterator[Buildkitd]:
    """Run a daemon that a test may kill."""
    with (
        tempfile.TemporaryDirectory(prefix="okp-", dir="/tmp") as folder,
        buildkitd(Path(folder)) as daemon,
    ):
        yield daemon


def _seconds_of_a_build(street: Street, daemon: Buildkitd, host: str) -> float:
    street.digests(daemon.address, host)
    street.edit(99)  # a first run takes longer than those that follow
    started = time.monotonic()
    street.digests(daemon.address, host)
    return time.monotonic() - started


def test_a_hundred_runs_that_are_killed(
    daemon: Buildkitd, tmp_path: Path, registry_server: RegistryServer
) -> None:
    """Files change before every run, so that what a killed run left could be reused wrongly."""
    host = registry_server.host
    # most runs find some images of theirs, and so are over sooner
    duration = _seconds_of_a_build(Street(tmp_path / "clean", 3), daemon, host) * 0.7
    street = Street(tmp_path / "killed", 3)
    moments = random.Random(100)
    expected: dict[int, dict[str, str]] = {}
    killed = 0
    for moment in range(100):
        version = moment % 4
        street.edit(version)
        if moment % 20 < 4:
            shutil.rmtree(street.workspace.root / ".okplug", ignore_errors=True)
        process = street.start(daemon.address, host)
        time.sleep(moments.uniform(0.05, duration))
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        killed += process.returncode == -signal.SIGKILL
        shutil.rmtree(street.temporary)
        street.temporary.mkdir()
        street.assert_sound(host)
        if moment % 10 == 9:
            street.edit(version)
            found = street.digests(daemon.address, host)
            assert found == expected.setdefault(version, found)
    assert killed >= 30, "most runs were over before they were killed"
    wait_until(lambda: daemon.builds() == 0, "the daemon still builds for those who are gone")
    wait_until(lambda: "busybox" not in daemon.programs(), "a build still runs")


def test_thirty_two_builds_at_once(
    daemon: Buildkitd, tmp_path: Path, registry_server: RegistryServer
) -> None:
    streets = [Street(tmp_path / str(number), 1) for number in range(32)]
    results: dict[int, dict[str, str]] = {}

    def build(number: int) -> None:
        results[number] = streets[number].digests(daemon.address, registry_server.host)

    threads = [threading.Thread(target=build, args=(number,)) for number in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 32
    for street in streets:
        street.assert_sound(registry_server.host)
    assert daemon.builds() == 0


def test_two_hundred_in_a_queue(
    daemon: Buildkitd,
    tmp_path: Path,
    registry_server: RegistryServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In this process, so that what is left of them can be seen."""
    street = Street(tmp_path / "street", 200)
    street.edit(1, size=2000)
    monkeypatch.setattr(tempfile, "tempdir", str(street.temporary))
    remains = Remains(street.temporary)
    environ = {"OKPLUG_BUILDER": daemon.address, "OKPLUG_REGISTRY": registry_server.host}
    outcome = street.workspace.run("build", "--jobs", "32", environ=environ).assert_ok()
    assert " 200 built in " in outcome.stderr
    remains.assert_nothing_is_left()
    again = street.workspace.run("build", environ=environ).assert_ok()
    assert " 200 reused in " in again.stderr
    assert daemon.builds() == 0


def test_a_daemon_that_is_killed_at_any_moment(
    daemon: Buildkitd, tmp_path: Path, registry_server: RegistryServer
) -> None:
    """It is started again each time, and the run goes on with it.

    A daemon that was never there is waited for because of ``builder_wait``, one that was anyhow.
    """
    host = registry_server.host
    street = Street(tmp_path / "street", 4)
    moments = random.Random(20)
    for moment in range(20):
        street.edit(moment)
        process = street.start(daemon.address, host, "-o", "builder_wait=1m")
        time.sleep(moments.uniform(0.1, 2.0))
        daemon.kill()
        time.sleep(moments.uniform(0.0, 1.0))
        daemon.start()
        _, stderr = process.communicate(timeout=120)
        assert process.returncode == 0, stderr
        assert list(street.temporary.iterdir()) == []
        street.assert_sound(host)
