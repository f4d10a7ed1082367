"""Whole builds in a process of their own, on a terminal: what is on the screen at the end."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from okplug.testing import Workspace
    from tests.unit.plugins.report.conftest import Terminal

#: a builder that tells of its parts; a file in the workspace's root lets it go on
BUILDER = """\
import sys, threading, time
from okplug import Artifact, BuildError, CancelledError, hookimpl
from okplug.testing import push_image

class Telling:
    name = "telling"
    jobs = 2

    def describe(self):
        return "telling"

    def check(self, outlines):
        pass

    def build(self, request, registry, control):
        control.progress("1", "[1/2] FROM scratch", "cached")
        control.progress("2", "[2/2] RUN [bold]make[/bold]", "started")
        control.progress("3", "transferring context", "running", 5_000_000)
        deadline = time.monotonic() + 60
        while "okplug-live-view" not in [thread.name for thread in threading.enumerate()]:
            assert time.monotonic() < deadline, "nothing is shown"
            time.sleep(0.01)
        if request.image.name == "a":
            sys.stderr.write("a plugin speaks\\n")
        while request.image.name in WAITING and not (ROOT / "go").exists():
            assert time.monotonic() < deadline, "nobody lets it go on"
            if control.is_cancelled:
                raise CancelledError
            time.sleep(0.01)
        if request.image.name in FAILING:
            raise BuildError("exit code 1", log=("\\x1b[31mno rule\\x1b[0m\\x1b[2J",))
        descriptor = push_image(
            registry, request.repository, files={"a": "a"}, annotations=request.annotations
        )
        return Artifact(request.repository.with_digest(descriptor.digest), descriptor)

@hookimpl
def okplug_configure(config):
    global ROOT, WAITING, FAILING
    ROOT = config.root
    WAITING = config.environ.get("WAITING", "").split()
    FAILING = config.environ.get("FAILING", "").split()

@hookimpl(tryfirst=True)
def okplug_builder():
    return Telling()

@hookimpl
def okplug_event(event):
    if type(event).__name__ == "StepStarted" and (ROOT / "fault").exists():
        raise ValueError("deaf")
"""
FILES = {
    "okplugfile.py": BUILDER,
    "a/okteto.yaml": "build: {a: .}\n",
    "a/Dockerfile": "FROM scratch\n",
    "b/okteto.yaml": "build: {b: {context: ., depends_on: 'a:a'}}\n",
    "b/Dockerfile": "ARG OKTETO_BUILD_A_IMAGE\nFROM ${OKTETO_BUILD_A_IMAGE}\n",
}


class Build:
    """A build on a terminal.

    :param terminal: 60 columns wide.
    """

    def __init__(self, workspace: Workspace, terminal: Terminal, *argv: str, **more: str) -> None:
        workspace.write(FILES)
        self.terminal = terminal
        path = os.environ.get("PYTHONPATH", "")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "okplug", "build", "-p", "okplug_report", *argv],
            cwd=workspace.root,
            env={**workspace.environ, "PYTHONPATH": path, "TERM": "xterm", **more},
            stdin=terminal.follower,
            stdout=terminal.follower,
            stderr=terminal.follower,
            start_new_session=True,
        )

    def end(self, exit_code: int) -> list[str]:
        """Return what is on the screen after the builder's name, without times."""
        assert self.process.wait(60) == exit_code
        lines = [re.sub(r"\d+\.\d\ds", "0.00s", line) for line in self.terminal.end()]
        assert self.terminal.emulator.is_clean
        return lines[lines.index("builder: telling, 2 at once") + 2 :]


@pytest.fixture
def build(
    workspace: Workspace, terminals: Callable[..., Terminal]
) -> Iterator[Callable[..., Build]]:
    """Return what starts a build on a terminal of its own; what is left of it is killed."""
    made: list[Build] = []

    def start(*argv: str, **more: str) -> Build:
        made.append(Build(workspace, terminals(60, 12), *argv, **more))
        return made[-1]

    yield start
    for one in made:
        one.process.kill()  # else its terminal would be waited for without end
        one.process.wait()


def test_a_build_that_succeeds(build: Callable[..., Build], workspace: Workspace) -> None:
    one = build(WAITING="b", FORCE_COLOR="1")
    lines = one.terminal.wait_for(
        lambda lines: lines[-1].startswith("1/2 done: 1 built; 1 at work")
    )
    assert re.fullmatch(r"b:b      \ds  transferring context  5\.0 MB", lines[-2])
    (workspace.root / "go").touch()
    assert one.end(0) == [
        "a plugin speaks",
        "a:a  BUILT     [ 50%]  0.00s  new",
        "b:b  BUILT     [100%]  0.00s  new",
        "===================== 2 built in 0.00s =====================",
    ]


def test_a_build_that_fails(build: Callable[..., Build]) -> None:
    assert build(FAILING="a").end(1) == [
        "a plugin speaks",
        "a:a  FAILED    [ 50%]  0.00s",
        "b:b  BLOCKED   [100%]         by a:a",
        "========================= failures =========================",
        "___________________________ a:a ____________________________",
        "exit code 1",
        "  | no rule",
        "=============== 1 failed, 1 blocked in 0.00s ===============",
    ]


def test_a_build_that_is_interrupted(build: Callable[..., Build]) -> None:
    one = build(WAITING="b")
    one.terminal.wait_for(lambda lines: lines[-1].startswith("1/2 done: 1 built; 1 at work"))
    one.process.send_signal(signal.SIGINT)
    assert one.end(2) == [
        "a plugin speaks",
        "a:a  BUILT     [ 50%]  0.00s  new",
        "b:b  CANCELLED [100%]",
        "============== 1 cancelled, 1 built in 0.00s ===============",
        "interrupted",
    ]


def test_a_fault_in_a_plugin(build: Callable[..., Build], workspace: Workspace) -> None:
    (workspace.root / "fault").touch()
    assert build().end(3) == [
        "a plugin speaks",
        "a:a  BUILT     [ 50%]  0.00s  new",
        "b:b  BUILT     [100%]  0.00s  new",
        "===================== 2 built in 0.00s =====================",
        "internal error, in plugin okplugfile.py: ValueError: deaf",
        "  hint: --debug or OKPLUG_DEBUG=1 shows where",
    ]


def test_a_live_view_of_a_quiet_build(build: Callable[..., Build]) -> None:
    one = build("-q", "--progress", "tty", WAITING="a")
    lines = one.terminal.wait_for(lambda lines: lines[-1].startswith("0/2 done; 1 at work"))
    assert lines[-2].startswith("a:a ")
    one.process.send_signal(signal.SIGTERM)
    assert one.process.wait(60) == 2
    assert [re.sub(r"\d+\.\d\ds", "0.00s", line) for line in one.terminal.end()] == [
        "a plugin speaks",
        "2 cancelled in 0.00s",
        "interrupted",
    ]
