"""What ``okplug build`` prints: whole screens on standard error, and nothing on standard output."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from okplug import hookimpl
from okplug.errors import BuildError, ExitCode, Location
from okplug.testing import HookRecorder

if TYPE_CHECKING:
    from collections.abc import Callable

    from okplug.config import Config
    from okplug.plan import Plan
    from tests.functional.conftest import Shop


class InOrder:
    """Lets images start in the plan's order, whatever their last builds took."""

    @hookimpl
    def okplug_plan_modify(self, plan: Plan) -> None:
        """Prefer the first ones."""
        for number, address in enumerate(reversed(list(plan.steps))):
            plan.prefer(address, number)


@pytest.fixture
def screen(shop: Shop, masked: Callable[[str], str]) -> Callable[..., str]:
    """Return what builds, one image after the other, and returns what is printed."""
    shop.registry.concurrency = 1

    def build(*argv: str, exit_code: int = 0, plugins: tuple[object, ...] = ()) -> str:
        outcome = shop.run("build", *argv, plugins=(InOrder(), *plugins)).assert_exit(exit_code)
        assert outcome.stdout == ""
        return masked(outcome.stderr)

    return build


def test_all_is_built(screen: Callable[..., str]) -> None:
    assert (
        screen()
        == """\
================================= okplug build =================================
Using cindy @ memory, as registry.test
root: ROOT
collected 4 images from 4 manifests
Checking if the images are already built from cache...
builder: in memory

Building 'base/Dockerfile'...
base:base  BUILT     [ 25%]  0.00s  new
Image 'registry.test/cindy/base:okteto' successfully pushed to memory, as registry.test
Building 'lib/Dockerfile'...
lib:lib    BUILT     [ 50%]  0.00s  new
Image 'registry.test/cindy/lib:okteto' successfully pushed to memory, as registry.test
Building 'api/Dockerfile'...
api:api    BUILT     [ 75%]  0.00s  new
Image 'registry.test/cindy/api:okteto' successfully pushed to memory, as registry.test
Building 'web/Dockerfile'...
web:web    BUILT     [100%]  0.00s  new
Image 'registry.test/cindy/web:okteto' successfully pushed to memory, as registry.test
=============================== 4 built in 0.00s ===============================
"""
    )


def test_all_is_reused(screen: Callable[..., str]) -> None:
    screen()
    assert (
        screen()
        == """\
================================= okplug build =================================
Using cindy @ memory, as registry.test
root: ROOT
collected 4 images from 4 manifests
Checking if the images are already built from cache...

base:base  REUSED    [ 25%]         Okteto Smart Builds is skipping build of "base" because it's already built from cache.
lib:lib    REUSED    [ 50%]         Okteto Smart Builds is skipping build of "lib" because it's already built from cache.
api:api    REUSED    [ 75%]         Okteto Smart Builds is skipping build of "api" because it's already built from cache.
web:web    REUSED    [100%]         Okteto Smart Builds is skipping build of "web" because it's already built from cache.
============================== 4 reused in 0.00s ===============================
"""
    )


def test_a_file_changed(shop: Shop, screen: Callable[..., str]) -> None:
    screen()
    shop.edit("lib/data", "changed\n")
    assert (
        screen("api")
        == """\
================================= okplug build =================================
Using cindy @ memory, as registry.test
root: ROOT
collected 4 images from 4 manifests / 3 deselected / 1 selected
Checking if the images are already built from cache...
The following build images need to be built because of dependencies: [lib:lib]
builder: in memory

base:base  REUSED    [ 33%]         Okteto Smart Builds is skipping build of "base" because it's already built from cache.
Building 'lib/Dockerfile'...
lib:lib    BUILT     [ 66%]  0.00s  data changed
Image 'registry.test/cindy/lib:okteto' successfully pushed to memory, as registry.test
Building 'api/Dockerfile'...
api:api    BUILT     [100%]  0.00s  dependency lib:lib changed
Image 'registry.test/cindy/api:okteto' successfully pushed to memory, as registry.test
========================== 2 built, 1 reused in 0.00s ==========================
"""
    )


def test_the_output_of_builds(screen: Callable[..., str]) -> None:
    assert (
        screen("lib", "-v")
        == """\
================================= okplug build =================================
Using cindy @ memory, as registry.test
root: ROOT
collected 4 images from 4 manifests / 3 deselected / 1 selected
Checking if the images are already built from cache...
The following build images need to be built because of dependencies: [base:base]
builder: in memory

Building 'base/Dockerfile'...
base:base > COPY data
base:base | building base
base:base  BUILT     [ 50%]  0.00s  new
Image 'registry.test/cindy/base:okteto' successfully pushed to memory, as registry.test
Building 'lib/Dockerfile'...
lib:lib > COPY data
lib:lib | building lib
lib:lib    BUILT     [100%]  0.00s  new
Image 'registry.test/cindy/lib:okteto' successfully pushed to memory, as registry.test
=============================== 2 built in 0.00s ===============================
"""
    )


def test_failures(shop: Shop, screen: Callable[..., str]) -> None:
    def fail() -> None:
        raise BuildError(
            "COPY data /lib: exit code 1",
            location=Location(shop.workspace.root / "lib/Dockerfile", 3, 1),
            hint="mend it",
            source=("COPY data /lib",),
            log=("cp: no space left",),
        )

    shop.before["lib:lib"] = fail
    assert (
        screen(exit_code=1)
        == """\
================================= okplug build =================================
Using cindy @ memory, as registry.test
root: ROOT
collected 4 images from 4 manifests
Checking if the images are already built from cache...
builder: in memory

Building 'base/Dockerfile'...
base:base  BUILT     [ 25%]  0.00s  new
Image 'registry.test/cindy/base:okteto' successfully pushed to memory, as registry.test
Building 'lib/Dockerfile'...
lib:lib    FAILED    [ 50%]  0.00s
api:api    BLOCKED   [ 75%]         by lib:lib
Building 'web/Dockerfile'...
web:web    BUILT     [100%]  0.00s  new
Image 'registry.test/cindy/web:okteto' successfully pushed to memory, as registry.test
=================================== failures ===================================
___________________________________ lib:lib ____________________________________
lib/Dockerfile:3:1: COPY data /lib: exit code 1
  >  3 | COPY data /lib
  hint: mend it
  | cp: no space left
==================== 1 failed, 1 blocked, 2 built in 0.00s =====================
"""
    )


def test_failures_in_brief(shop: Shop, screen: Callable[..., str]) -> None:
    shop.break_down("lib:lib")
    assert (
        screen("-q", exit_code=1)
        == """\
=================================== failures ===================================
___________________________________ lib:lib ____________________________________
it is broken
1 failed, 1 blocked, 2 built in 0.00s
"""
    )


def test_the_first_failure_ends_the_run(shop: Shop, screen: Callable[..., str]) -> None:
    shop.break_down("base:base")
    assert (
        screen("-x", "lib", exit_code=1)
        == """\
================================= okplug build =================================
Using cindy @ memory, as registry.test
root: ROOT
collected 4 images from 4 manifests / 3 deselected / 1 selected
Checking if the images are already built from cache...
The following build images need to be built because of dependencies: [base:base]
builder: in memory

Building 'base/Dockerfile'...
base:base  FAILED    [ 50%]  0.00s
lib:lib    BLOCKED   [100%]         by base:base
=================================== failures ===================================
__________________________________ base:base ___________________________________
it is broken
========================= 1 failed, 1 blocked in 0.00s =========================
"""
    )


def test_a_missing_source(shop: Shop, screen: Callable[..., str]) -> None:
    shop.edit("base/Dockerfile", "FROM scratch\nCOPY data \\\n  nowhere /base/\n")
    assert (
        screen("base", exit_code=1)
        == """\
================================= okplug build =================================
Using cindy @ memory, as registry.test
root: ROOT
collected 4 images from 4 manifests / 3 deselected / 1 selected
Checking if the images are already built from cache...
builder: in memory

Building 'base/Dockerfile'...
base:base  FAILED    [100%]  0.00s
=================================== failures ===================================
__________________________________ base:base ___________________________________
base/Dockerfile:2:1: nowhere is not in the context
  >  2 | COPY data \\
  hint: write it, or correct the instruction
============================== 1 failed in 0.00s ===============================
"""
    )


def test_warnings(screen: Callable[..., str]) -> None:
    class Careful:
        """Warns, once before anything is reported."""

        @hookimpl
        def okplug_configure(self, config: Config) -> None:
            """Warn."""
            config.warn("it is late")

        @hookimpl
        def okplug_plan_modify(self, config: Config) -> None:
            """Warn of an image."""
            config.warn("it is old", "base:base")

    assert (
        screen("base", plugins=(Careful(),))
        == """\
================================= okplug build =================================
Using cindy @ memory, as registry.test
root: ROOT
collected 4 images from 4 manifests / 3 deselected / 1 selected
Checking if the images are already built from cache...
builder: in memory

Building 'base/Dockerfile'...
base:base  BUILT     [100%]  0.00s  new
Image 'registry.test/cindy/base:okteto' successfully pushed to memory, as registry.test
=================================== warnings ===================================
it is late
base:base: it is old
========================= 1 built, 2 warnings in 0.00s =========================
"""
    )


def test_nothing_selected(screen: Callable[..., str]) -> None:
    assert (
        screen("-k", "nobody", exit_code=ExitCode.NOTHING_SELECTED)
        == """\
================================= okplug build =================================
Using cindy @ memory, as registry.test
root: ROOT
collected 4 images from 4 manifests / 4 deselected / 0 selected

========================== nothing selected in 0.00s ===========================
"""
    )


def test_a_wrong_manifest_is_told_without_a_frame(shop: Shop, screen: Callable[..., str]) -> None:
    shop.edit("api/okteto.yaml", "build: {api: {context: nowhere}}\n")
    assert screen(exit_code=ExitCode.USAGE_ERROR).startswith("error: api/okteto.yaml:1:24: ")


def test_several_builds_at_once_are_told_in_the_header(
    shop: Shop, screen: Callable[..., str]
) -> None:
    recorder = HookRecorder()
    assert "\nbuilder: in memory, 3 at once\n" in screen("base", "-j", "3", plugins=(recorder,))
    shop.jobs = 2
    assert "\nbuilder: in memory, 2 at once\n" in screen("lib")
    assert [event.jobs for event in recorder.events() if hasattr(event, "jobs")] == [3]


@pytest.mark.parametrize(
    ("files", "warning"),
    [
        ({}, "there is no manifest in ROOT (okplug init writes one)"),
        (
            {"okteto.yaml": "name: shop\n"},
            "okteto.yaml: it describes no image: there is no build: in it",
        ),
        (
            {"okteto.yaml": "build: {}\n"},
            "okteto.yaml: it describes no image: there is no build: in it",
        ),
        (
            {"compose.yaml": "services: {db: {image: postgres}}\n"},
            "compose.yaml: it describes no image: there is no build: in it",
        ),
    ],
)
def test_a_workspace_without_images_says_why(
    empty_shop: Shop, masked: Callable[[str], str], files: dict[str, str], warning: str
) -> None:
    empty_shop.workspace.write(files)
    outcome = empty_shop.run("build").assert_exit(ExitCode.NOTHING_SELECTED)
    assert (
        masked(outcome.stderr)
        == f"""\
================================= okplug build =================================
Using cindy @ memory, as registry.test
root: ROOT
collected 0 images from 0 manifests

=================================== warnings ===================================
{warning}
===================== nothing selected, 1 warning in 0.00s =====================
"""
    )


def test_what_is_built_because_of_dependencies(screen: Callable[..., str]) -> None:
    assert (
        "\nThe following build images need to be built because of dependencies: "
        "[base:base, lib:lib]\nbuilder: "
    ) in screen("api")
    assert "because of dependencies" not in screen("api")


def test_a_builder_is_named_before_it_is_asked(
    shop: Shop, screen: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is not there yet may be waited for, and then it should be seen for what."""
    heard: list[str] = []
    recorder = HookRecorder()

    def check(_outlines: object) -> None:
        deadline = time.monotonic() + 60
        while not any(type(event).__name__ == "Planned" for event in recorder.events()):
            assert time.monotonic() < deadline, "nobody names it"
            time.sleep(0.001)
        heard.extend(type(event).__name__ for event in recorder.events())
        raise BuildError("it never came")

    monkeypatch.setattr(shop, "check", check)
    told = screen("base", exit_code=1, plugins=(recorder,))
    assert heard[-1] == "Planned"
    assert "\nbuilder: in memory\n" in told
    assert told.endswith("error: it never came\n")
