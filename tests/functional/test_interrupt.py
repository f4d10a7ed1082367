"""Ctrl-C in a process of its own: what is done stays done, what is not leaves no tag."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from okplug.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from okplug.testing import Workspace
    from tests.functional.conftest import Shop

#: builds base at once, and everything else only when it is interrupted
BUILDER = """\
import threading
from okplug import Artifact, CancelledError, hookimpl
from okplug.testing import push_image

class Slow:
    name = "slow"
    jobs = 2

    def describe(self):
        return "slow"

    def check(self, outlines):
        pass

    def build(self, request, registry, control):
        if request.image.name != "base":
            interrupted = threading.Event()
            control.on_cancel(interrupted.set)
            (ROOT / f"{request.image.name}.begun").touch()
            interrupted.wait(60)
            assert control.is_cancelled
            if request.image.name == "web":
                (ROOT / "web.stored").touch()
            else:
                raise CancelledError
        descriptor = push_image(
            registry, request.repository, files={"a": "a"}, annotations=request.annotations
        )
        return Artifact(request.repository.with_digest(descriptor.digest), descriptor)

@hookimpl
def okplug_configure(config):
    global ROOT
    ROOT = config.root

@hookimpl(tryfirst=True)
def okplug_builder():
    return Slow()
"""


def start(workspace: Workspace, *arguments: str) -> subprocess.Popen[str]:
    """Start a command in a process group of its own, so that nothing else gets the signal."""
    environ = {**workspace.environ, "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    return subprocess.Popen(
        [sys.executable, "-m", "okplug", *arguments],
        cwd=workspace.root,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    """Wait for a file that the process makes."""
    deadline = time.monotonic() + 30
    while not path.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, f"{path} never came"
        time.sleep(0.01)


def tagged(workspace: Workspace) -> set[str]:
    """Return the images in the registry that have a tag."""
    outcome = workspace.run("plan", environ={"OKPLUG_BUILDER": "auto"})
    lines = [line.split() for line in outcome.stdout.splitlines()]
    return {address for verdict, address, *_ in lines if verdict == "reuse"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_ends_what_it_began(
    shop: Shop, masked: Callable[[str], str], number: signal.Signals
) -> None:
    workspace = shop.workspace
    workspace.write({"okplugfile.py": BUILDER})
    process = start(workspace, "build", "--json", "out.json")
    for name in ("lib", "web"):
        wait_for(workspace.root / f"{name}.begun", process)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=30)
    assert process.returncode == ExitCode.INTERRUPTED, stderr
    assert stdout == ""
    lines = masked(stderr).splitlines()
    assert lines[-2:] == [
        "======================== 2 cancelled, 2 built in 0.00s =========================",
        "interrupted",
    ]
    document = json.loads((workspace.root / "out.json").read_text())
    assert document["exit_code"] == ExitCode.INTERRUPTED
    assert {image["address"]: image["verdict"] for image in document["images"]} == {
        "api:api": "cancelled",
        "base:base": "build",
        "lib:lib": "cancelled",
        "web:web": "build",
    }
    assert (workspace.root / "web.stored").exists()
    assert tagged(workspace) == {"base:base", "web:web"}, "web was stored before it was told"


def test_what_was_interrupted_is_built_by_the_next_run(shop: Shop) -> None:
    shop.workspace.write({"okplugfile.py": BUILDER})
    process = start(shop.workspace, "build", "lib")
    wait_for(shop.workspace.root / "lib.begun", process)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    (shop.workspace.root / "okplugfile.py").unlink()
    outcome = shop.workspace.run("plan", "lib")
    assert outcome.stdout == "reuse  base:base\nbuild  lib:lib    new\n"
