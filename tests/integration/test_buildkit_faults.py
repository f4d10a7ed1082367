"""What goes wrong around a build on BuildKit: each cause is told apart, and nothing is left behind.

After each fault the exit code, the message, the registry and what the process has are looked at, and
the next run builds.
"""

from __future__ import annotations

import http.client
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from okplug import Artifact, Event, ExitCode, Step, StepLog, hookimpl
from okplug_buildkit.pool import member, pool
from okplug_buildkit.pool.rendezvous import preferences
from okplug_buildkit.sync.trees import SnapshotTree
from okplug_layout.registry import LayoutRegistry
from tests.integration.conftest import program
from tests.integration.faulty import (
    Buildkitd,
    Remains,
    Way,
    buildkitd,
    faulty_registry,
    wait_until,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from okplug.testing import Outcome, Workspace
    from tests.integration.conftest import BuildKit, TLSBuildKit
    from tests.integration.registries import RegistryServer

#: a system of one program
SHELL = 'FROM scratch\nCOPY --chmod=755 busybox /bin/busybox\nSHELL ["/bin/busybox", "sh", "-c"]\n'


class Shop:
    """A workspace of one image, and what its runs leave in the registry and elsewhere.

    :param name: of the image, which no other test has.
    """

    def __init__(self, workspace: Workspace, temporary: Path) -> None:
        self.workspace = workspace
        self.name = f"app-{secrets.token_hex(4)}"
        self.registry = ""
        self._temporary = temporary
        self._remains = Remains(temporary)
        workspace.write({"okteto.yaml": f"build: {{{self.name}: .}}\n"})
        shutil.copy(program("busybox"), workspace.root / "busybox")

    def write(self, instructions: str, manifest: str = ".") -> None:
        """Write the Dockerfile, what comes after its shell, and what the manifest says."""
        files = {"Dockerfile": SHELL + instructions}
        files["okteto.yaml"] = f"build: {{{self.name}: {manifest}}}\n"
        self.workspace.write(files)

    def environ(self, builder: str) -> dict[str, str]:
        """Return what the environment has besides the workspace's."""
        found = {"OKPLUG_BUILDER": builder}
        if self.registry:
            found["OKPLUG_REGISTRY"] = self.registry
        return found

    def run(self, builder: str, *plugins: object, **environ: str) -> Outcome:
        """Build."""
        environ = {**self.environ(builder), **environ}
        self._remains = Remains(self._temporary)
        return self.workspace.run("build", plugins=plugins, environ=environ)

    def tags(self) -> set[str]:
        """Return the tags that the image has, anywhere."""
        if self.registry:
            return set().union(*(served_tags(self.registry, f"{user}/{self.name}") for user in USERS))
        found = set()
        for index in self.workspace.home.rglob("index.json"):
            for entry in json.loads(index.read_bytes())["manifests"]:
                found.add(entry.get("annotations", {}).get("org.opencontainers.image.ref.name"))
        return found - {None}

    def assert_failed(self, outcome: Outcome) -> None:
        """Assert that a run failed, tagged nothing, and left nothing behind."""
        outcome.assert_exit(ExitCode.FAILED)
        assert "Traceback" not in outcome.stderr
        self._remains.assert_nothing_is_left()
        assert self.tags() == set()

    def assert_built(self, outcome: Outcome) -> None:
        """Assert that a run built the image, and left nothing behind."""
        outcome.assert_ok()
        assert f"{self.name}  BUILT" in outcome.stderr
        self._remains.assert_nothing_is_left()
        assert len(self.tags()) == 2


USERS = ("okteto", "cindy")


def served_tags(host: str, repository: str) -> set[str]:
    """Return the tags of a repository in a registry."""
    connection = http.client.HTTPConnection(host)
    connection.request("GET", f"/v2/{repository}/tags/list")
    answer = connection.getresponse()
    document = json.loads(answer.read())
    connection.close()
    return set(document.get("tags") or ())


@pytest.fixture
def short() -> Iterator[Path]:
    """Return a folder with a path that is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="okp-", dir="/tmp") as folder:
        yield Path(folder)


@pytest.fixture
def shop(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """Return a workspace of one image."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    return Shop(workspace, temporary)


class When:
    """A plugin that does something, once, when a build prints a line."""

    def __init__(self, line: str, act: Callable[[], object]) -> None:
        self.act = once(act)
        self._line = line

    @hookimpl
    def okplug_event(self, event: Event) -> None:
        """Look at the lines."""
        if isinstance(event, StepLog) and event.text == self._line:
            self.act()


def once(act: Callable[[], object]) -> Callable[..., None]:
    """Return a function that acts when it is first called."""
    done = threading.Event()

    def call(*_: Any) -> None:
        if not done.is_set():
            done.set()
            act()

    return call


def act_before(
    patch: pytest.MonkeyPatch, owner: type, name: str, act: Callable[[], object]
) -> None:
    """Do something before each call of a method."""
    method = getattr(owner, name)

    def call(self: object, *args: object, **more: object) -> object:
        act()
        return method(self, *args, **more)

    patch.setattr(owner, name, call)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have what never comes back given up soon."""
    monkeypatch.setattr(pool, "_PAUSES", (0.05, 0.1))
    monkeypatch.setattr(member, "_PATIENCE", 0.2)


def failure(outcome: Outcome) -> list[str]:
    """Return what is printed of the one image that failed."""
    _, _, told = outcome.stderr.partition(" failures ")
    return told.splitlines()[2:-1]


def warnings(outcome: Outcome) -> list[str]:
    """Return the warnings at the end."""
    _, _, told = outcome.stderr.partition(" warnings ")
    return told.splitlines()[1:-1]


# --------------------------------------------------------------------------- daemons that are killed

#: each phase of a build, as what sets a trap in it
PHASES = ("file sync", "solve", "export", "push")


@contextmanager
def trap(phase: str, shop: Shop, act: Callable[[], object], server: str) -> Iterator[list[object]]:
    """Act once in a phase of the build; yields the plugins that this takes."""
    act = once(act)
    shop.write("RUN echo begun; usleep 300000; echo 1 > /one\n")
    with pytest.MonkeyPatch.context() as patch:
        if phase == "file sync":
            act_before(patch, SnapshotTree, "open", act)
        elif phase == "export":
            act_before(patch, LayoutRegistry, "write_blob", act)
        if phase == "push":
            with faulty_registry(server) as registry:
                registry.fault = lambda method, _: act() if method == "POST" else False
                shop.registry = registry.host
                yield []
        else:
            yield [When("begun", act)] if phase == "solve" else []


@pytest.mark.parametrize("phase", PHASES)
def test_a_daemon_that_is_killed_and_comes_back_builds(
    phase: str, shop: Shop, short: Path, registry_server: RegistryServer
) -> None:
    with buildkitd(short) as daemon:
        killed = []

        def restart() -> None:
            killed.append(phase)
            daemon.kill()
            daemon.start()

        with trap(phase, shop, restart, registry_server.host) as plugins:
            shop.assert_built(shop.run(daemon.address, *plugins))
        assert killed == [phase]


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("phase", PHASES)
def test_a_daemon_that_is_killed_and_stays_away_is_one_clear_error(
    phase: str, shop: Shop, short: Path, registry_server: RegistryServer
) -> None:
    with buildkitd(short) as daemon:
        with trap(phase, shop, daemon.kill, registry_server.host) as plugins:
            outcome = shop.run(daemon.address, *plugins)
            shop.assert_failed(outcome)
        assert failure(outcome) == [
            f"lost BuildKit at {daemon.address}: the connection was closed; then connection refused",
            "  hint: start a buildkitd there, or name another builder with --builder or BUILDKIT_HOST",
        ]
        daemon.start()
        if shop.registry:
            shop.registry = registry_server.host
        shop.assert_built(shop.run(daemon.address))


@pytest.mark.parametrize("phase", PHASES)
def test_what_a_killed_daemon_leaves_the_other_builds(
    phase: str, shop: Shop, short: Path, buildkit: BuildKit, registry_server: RegistryServer
) -> None:
    with buildkitd(short) as daemon:
        addresses = [daemon.address, buildkit.address]
        while preferences(f":{shop.name}", addresses)[0] != daemon.address:
            shop.name = f"app-{secrets.token_hex(4)}"
        with trap(phase, shop, daemon.kill, registry_server.host) as plugins:
            outcome = shop.run(",".join(addresses), *plugins)
            shop.assert_built(outcome)
        assert warnings(outcome) == [
            f"a daemon is left out: lost BuildKit at {daemon.address}: the connection was closed"
        ]


def test_a_daemon_that_is_not_there_yet_is_waited_for(shop: Shop, short: Path) -> None:
    shop.write("RUN echo 1 > /one\n")
    with buildkitd(short) as daemon:
        daemon.kill()
        timer = threading.Timer(0.5, daemon.start)
        timer.name = "daemon of a test"
        timer.start()
        outcome = shop.run(daemon.address)
        timer.join()
        shop.assert_built(outcome)


@pytest.mark.usefixtures("hasty")
def test_a_daemon_that_was_killed_before_is_one_clear_error(shop: Shop, short: Path) -> None:
    shop.write("RUN echo 1 > /one\n")
    with buildkitd(short) as daemon:
        daemon.kill()
        outcome = shop.run(daemon.address)
        shop.assert_failed(outcome)
        assert outcome.stderr.splitlines()[-2:] == [
            f"error: no BuildKit at {daemon.address}: connection refused",
            "  hint: start a buildkitd there, or name another builder with --builder or BUILDKIT_HOST",
        ]
