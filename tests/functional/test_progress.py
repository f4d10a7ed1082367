"""``--progress``: what each way to show a build prints."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from okplug import hookimpl
from okplug.errors import ExitCode, Location

if TYPE_CHECKING:
    from collections.abc import Callable

    from okplug.config import Config
    from okplug.plan import Plan, Step
    from tests.functional.conftest import Shop


class Telling:
    """Has each build tell of its parts, and lets images start in the plan's order."""

    @hookimpl
    def okplug_plan_modify(self, plan: Plan) -> None:
        """Prefer the first ones."""
        for number, address in enumerate(reversed(list(plan.steps))):
            plan.prefer(address, number)

    @hookimpl(tryfirst=True)
    def okplug_build(self, step: Step, config: Config) -> None:
        """Tell, and leave the building to others."""
        assert step.task
        control = step.task.control
        control.progress("from", "[1/2] FROM scratch", "cached")
        control.progress("copy", "[2/2] COPY data", "started")
        control.log("\x1b[32mcopying\x1b[0m\x1b[2K 1\rcopying 2", "COPY data")
        control.progress("copy", "[2/2] COPY data", "done")
        control.warn("LegacyKeyValueFormat: ENV", Location(config.root / "Dockerfile", 3))


@pytest.fixture
def screen(shop: Shop, masked: Callable[[str], str]) -> Callable[..., str]:
    """Return what builds one image and what it needs, and returns what is printed."""
    shop.registry.concurrency = 1

    def build(*argv: str) -> str:
        outcome = shop.run("build", "lib", *argv, plugins=(Telling(),)).assert_ok()
        assert outcome.stdout == ""
        return masked(outcome.stderr)

    return build


HEAD = """\
================================= okplug build =================================
Using cindy @ memory, as registry.test
root: ROOT
collected 4 images from 4 manifests / 3 deselected / 1 selected
Checking if the images are already built from cache...
The following build images need to be built because of dependencies: [base:base]
builder: in memory

"""
TAIL = """\
=================================== warnings ===================================
Dockerfile:3: LegacyKeyValueFormat: ENV (2 images)
========================= 2 built, 1 warning in 0.00s ==========================
"""
IMAGES = """\
Building 'base/Dockerfile'...
base:base  BUILT     [ 50%]  0.00s  new
Image 'registry.test/cindy/base:okteto' successfully pushed to memory, as registry.test
Building 'lib/Dockerfile'...
lib:lib    BUILT     [100%]  0.00s  new
Image 'registry.test/cindy/lib:okteto' successfully pushed to memory, as registry.test
"""


@pytest.mark.parametrize("argv", [(), ("--progress", "auto"), ("--progress=tty",)])
def test_where_no_terminal_is_each_image_has_a_line(
    screen: Callable[..., str], argv: tuple[str, ...]
) -> None:
    assert screen(*argv) == HEAD + IMAGES + TAIL


STEPS = """\
Building 'base/Dockerfile'...
base:base #1 [1/2] FROM scratch
base:base #1 CACHED
base:base #2 [2/2] COPY data
base:base | copying 2
base:base #2 DONE 0.00s
base:base | building base
base:base  BUILT     [ 50%]  0.00s  new
Image 'registry.test/cindy/base:okteto' successfully pushed to memory, as registry.test
Building 'lib/Dockerfile'...
lib:lib #1 [1/2] FROM scratch
lib:lib #1 CACHED
lib:lib #2 [2/2] COPY data
lib:lib | copying 2
lib:lib #2 DONE 0.00s
lib:lib | building lib
lib:lib    BUILT     [100%]  0.00s  new
Image 'registry.test/cindy/lib:okteto' successfully pushed to memory, as registry.test
"""


def test_plain(screen: Callable[..., str]) -> None:
    assert screen("--progress", "plain") == HEAD + STEPS + TAIL


def test_plain_and_quiet(screen: Callable[..., str]) -> None:
    lines = screen("--progress", "plain", "-q").splitlines()
    assert lines[0] == "base:base #1 [1/2] FROM scratch"
    assert lines[-1] == "2 built, 1 warning in 0.00s"
    assert not [line for line in lines if "BUILT" in line]


def test_quiet(screen: Callable[..., str]) -> None:
    assert screen("--progress", "quiet") == "2 built, 1 warning in 0.00s\n"
    assert screen("--progress", "quiet", "-vv") == "1 reused in 0.00s\n"


def test_the_variable_of_buildx(shop: Shop) -> None:
    environ = {"BUILDKIT_PROGRESS": "quiet"}
    assert shop.workspace.run("build", "lib", plugins=[shop], environ=environ).stderr.startswith(
        "2 "
    )
    outcome = shop.workspace.run("build", environ={"BUILDKIT_PROGRESS": "fancy"})
    assert outcome.assert_exit(ExitCode.USAGE_ERROR).stderr == (
        "error: environment BUILDKIT_PROGRESS: setting progress: "
        "expected auto, plain, tty, quiet or rawjson, not 'fancy'\n"
        "  hint: correct BUILDKIT_PROGRESS, or unset it\n"
    )


# ----------------------------------------------------------------------------------- raw events


def test_raw_events(shop: Shop) -> None:
    outcome = shop.run("build", "lib", "--progress", "rawjson", plugins=(Telling(),)).assert_ok()
    events = [json.loads(line) for line in outcome.stderr.splitlines()]
    assert outcome.stdout == ""
    assert (events[0]["event"], events[-1]["event"]) == ("RunStarted", "RunFinished")
    told = [
        (event["part"], event["state"])
        for event in events
        if event["event"] == "StepProgress" and event["address"] == "base:base"
    ]
    assert told == [("from", "cached"), ("copy", "started"), ("copy", "done")]
    warned = {event["location"] for event in events if event["event"] == "WarningRaised"}
    assert warned == {f"{shop.workspace.root}/Dockerfile:3"}


def test_raw_events_of_failures(shop: Shop) -> None:
    shop.break_down("lib:lib")
    outcome = shop.run("build", "lib", "--progress", "rawjson").assert_exit(1)
    events = [json.loads(line) for line in outcome.stderr.splitlines()]
    assert [event["message"] for event in events if event.get("verdict") == "failed"] == [
        "it is broken"
    ]


def test_an_error_is_a_raw_event_too(shop: Shop) -> None:
    shop.workspace.write({"lib/okteto.yaml": "build: {lib: {context: nowhere}}\n"})
    outcome = shop.run("build", "--progress", "rawjson").assert_exit(ExitCode.USAGE_ERROR)
    (event,) = (json.loads(line) for line in outcome.stderr.splitlines())
    assert (event["event"], event["exit_code"]) == ("RunFinished", ExitCode.USAGE_ERROR)
    assert event["message"].startswith(f"{shop.workspace.root}/lib/okteto.yaml:1:24: ")


def test_a_fault_is_a_raw_event_too(shop: Shop) -> None:
    class Faulty:
        @hookimpl
        def okplug_plan_modify(self) -> None:
            """Fail."""
            raise ZeroDivisionError("by 0")

    outcome = shop.run("build", "--progress", "rawjson", plugins=(Faulty(),))
    outcome.assert_exit(ExitCode.INTERNAL_ERROR)
    last = json.loads(outcome.stderr.splitlines()[-1])
    assert last["message"] == "internal error: ZeroDivisionError: by 0"
