"""``okplug build --all-or-nothing``: the users' own tags move together, or stay."""

from __future__ import annotations

import json
import signal
import time
from typing import TYPE_CHECKING

import pytest

from okplug import Artifact, BuildControl, Step, hookimpl
from okplug.errors import ExitCode, RegistryError
from tests.functional.test_interrupt import BUILDER, start, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from okplug.backends import Descriptor
    from okplug.reference import Reference
    from tests.functional.conftest import Shop

NAMES = ("api", "base", "lib", "web")


def tags(shop: Shop) -> dict[str, str]:
    """Return what cindy's own tags find."""
    found = {name: shop.personal(name).get("okteto", "") for name in NAMES}
    return {name: digest for name, digest in found.items() if digest}


def refuse(shop: Shop, repository: str) -> None:
    """Let no tag of a repository be moved."""
    tag = shop.registry.tag

    def refusing(source: Reference, target: Reference) -> Descriptor:
        if target.repository == repository:
            raise RegistryError(f"{target} is immutable", hint="take another tag")
        return tag(source, target)

    shop.registry.tag = refusing  # type: ignore[method-assign]  # one instance is spoiled on purpose


class Watching:
    """Notes when images are delivered, and which tags there are then."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.notes: list[tuple[str, list[str]]] = []

    @hookimpl
    def okplug_publish(self, step: Step) -> None:
        """Note that the image is built."""
        self.notes.append((f"publish {step.image.name}", list(tags(self.shop))))

    @hookimpl
    def okplug_deliver(self, step: Step, artifact: Artifact, control: BuildControl) -> None:
        """Note that the image is delivered."""
        assert not control.is_cancelled
        assert artifact.reference.repository == f"okteto/{step.image.name}"
        self.notes.append((f"deliver {step.image.name}", list(tags(self.shop))))


def test_all_tags_move_when_all_images_are_there(shop: Shop) -> None:
    results = shop.results("--all-or-nothing")
    assert tags(shop) == {name: next(iter(shop.shared(name).values())) for name in NAMES}
    assert {image["verdict"] for image in results.values()} == {"build"}


def test_a_failure_moves_no_tag_and_keys_are_shared_all_the_same(
    shop: Shop, masked: Callable[[str], str]
) -> None:
    shop.before["lib:lib"] = lambda: time.sleep(0.1)  # what took longest goes first the next time
    shop.run("build").assert_ok()
    before = tags(shop)
    for name in ("base", "lib"):
        shop.edit(f"{name}/data", "changed\n")
    shop.break_down("lib:lib")
    outcome = shop.run("build", "--all-or-nothing").assert_exit(ExitCode.FAILED)
    assert tags(shop) == before
    assert [len(shop.shared(name)) for name in NAMES] == [1, 2, 1, 2]
    assert (
        masked(outcome.stderr)
        == """\
================================= okplug build =================================
Using cindy @ memory, as registry.test
root: ROOT
collected 4 images from 4 manifests
Checking if the images are already built from cache...
builder: in memory

Building 'base/Dockerfile'...
base:base  BUILT     [ 25%]  0.00s  data changed
Building 'lib/Dockerfile'...
lib:lib    FAILED    [ 50%]  0.00s
api:api    BLOCKED   [ 75%]         by lib:lib
Building 'web/Dockerfile'...
web:web    BUILT     [100%]  0.00s  dependency base:base changed
=================================== failures ===================================
___________________________________ lib:lib ____________________________________
it is broken
=================================== warnings ===================================
base:base: registry.test/cindy/base:okteto was not moved
web:web: registry.test/cindy/web:okteto was not moved
============== 1 failed, 1 blocked, 2 built, 2 warnings in 0.00s ===============
"""
    )


def test_the_run_after_a_failure_moves_what_was_left(shop: Shop) -> None:
    shop.break_down("web:web")
    shop.run("build", "--all-or-nothing").assert_exit(ExitCode.FAILED)
    assert tags(shop) == {}
    shop.before.clear()
    results = shop.results("--all-or-nothing")
    assert {address: image["verdict"] for address, image in results.items()} == {
        "api:api": "reuse",
        "base:base": "reuse",
        "lib:lib": "reuse",
        "web:web": "build",
    }
    assert set(tags(shop)) == set(NAMES)


def test_a_tag_that_cannot_move_holds_all_back(shop: Shop, masked: Callable[[str], str]) -> None:
    refuse(shop, "cindy/web")
    outcome = shop.run("build", "--all-or-nothing").assert_exit(ExitCode.FAILED)
    assert tags(shop) == {}
    assert (
        masked(outcome.stderr)
        == """\
================================= okplug build =================================
Using cindy @ memory, as registry.test
root: ROOT
collected 4 images from 4 manifests
Checking if the images are already built from cache...
builder: in memory

Building 'base/Dockerfile'...
base:base  BUILT     [ 25%]  0.00s  new
Building 'lib/Dockerfile'...
lib:lib    BUILT     [ 50%]  0.00s  new
Building 'api/Dockerfile'...
api:api    BUILT     [ 75%]  0.00s  new
Building 'web/Dockerfile'...
web:web    BUILT     [100%]  0.00s  new
=================================== warnings ===================================
api:api: registry.test/cindy/api:okteto was not moved
base:base: registry.test/cindy/base:okteto was not moved
lib:lib: registry.test/cindy/lib:okteto was not moved
web:web: registry.test/cindy/web:okteto was not moved
========================= 4 built, 4 warnings in 0.00s =========================
error: none of your tags is moved: registry.test/cindy/web:okteto is immutable
  hint: take another tag
"""
    )


def test_the_result_document_has_the_tags_that_stay(shop: Shop) -> None:
    shop.break_down("web:web")
    outcome = shop.run("build", "--all-or-nothing", "--json", "-")
    document = json.loads(outcome.assert_exit(ExitCode.FAILED).stdout)
    assert document["withheld"] == [
        f"registry.test/cindy/{name}:okteto" for name in ("api", "base", "lib")
    ]
    shop.before.clear()
    document = json.loads(shop.run("build", "--all-or-nothing", "--json", "-").assert_ok().stdout)
    assert document["withheld"] == []


def test_images_are_delivered_when_all_tags_are_there(shop: Shop) -> None:
    watching = Watching(shop)
    shop.run("build", "api", "web", "--all-or-nothing", plugins=[watching]).assert_ok()
    published: list[tuple[str, list[str]]] = [
        (f"publish {name}", []) for name in ("base", "lib", "api", "web")
    ]
    delivered = [(f"deliver {name}", list(NAMES)) for name in ("api", "web")]
    assert watching.notes == [*published, *delivered]


def test_nothing_is_delivered_after_a_failure(shop: Shop) -> None:
    watching = Watching(shop)
    shop.break_down("web:web")
    shop.run("build", "--all-or-nothing", plugins=[watching]).assert_exit(ExitCode.FAILED)
    assert [note for note, _ in watching.notes] == ["publish base", "publish lib", "publish api"]


def test_without_smart_builds_no_tag_is_there_until_the_end(shop: Shop) -> None:
    shop.break_down("web:web")
    arguments = ("build", "--all-or-nothing", "-o", "smart_builds=false")
    shop.run(*arguments).assert_exit(ExitCode.FAILED)
    assert tags(shop) == {}
    shop.before.clear()
    shop.run(*arguments).assert_ok()
    assert set(tags(shop)) == set(NAMES)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_moves_no_tag(shop: Shop, number: signal.Signals) -> None:
    workspace = shop.workspace
    workspace.write({"okplugfile.py": BUILDER})
    process = start(workspace, "build", "--all-or-nothing", "--json", "out.json")
    for name in ("lib", "web"):
        wait_for(workspace.root / f"{name}.begun", process)
    process.send_signal(number)
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == ExitCode.INTERRUPTED, stderr
    withheld = json.loads((workspace.root / "out.json").read_text())["withheld"]
    assert withheld == ["localhost/cindy/base:okteto", "localhost/cindy/web:okteto"]
    assert own_tags(workspace.home / ".cache/okplug/registry") == []


def own_tags(registry: Path) -> list[str]:
    """Return the repositories of cindy's that have a tag, in layouts."""
    return [
        path.parent.name
        for path in registry.rglob("cindy/*/index.json")
        if "okteto" in path.read_text()
    ]
