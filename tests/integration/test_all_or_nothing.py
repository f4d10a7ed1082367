"""Tags that move together on a real registry, and are put back where one is refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

import okplug_registry
from okplug import Artifact, Reference, Registry, RegistryError
from okplug.heldtags import HeldTags
from okplug.registries import Registries
from okplug.testing import Workspace, push_image
from tests.integration.registries import serve
from tests.integration.test_registry_builds import SERVICES, okplug

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from okplug import Descriptor
    from tests.integration.registries import RegistryServer


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RegistryServer]:
    """A registry of each test's own."""
    folder = tmp_path / "registry"
    folder.mkdir()
    with serve(folder) as running:
        yield running


def test_one_tag_that_is_refused_puts_all_back(
    server: RegistryServer, workspace: Workspace
) -> None:
    config = workspace.config(plugins=[okplug_registry], settings={"registry": server.host})
    registries = Registries(config)
    registry = registries.main
    held = HeldTags(registries)

    def build(name: str, text: str) -> Artifact:
        place = Reference(server.host, f"okteto/{name}")
        descriptor = push_image(registry, place, files={"a": text})
        return Artifact(place.with_digest(descriptor.digest), descriptor)

    def tag(name: str) -> Reference:
        return Reference(server.host, f"cindy/{name}", "okteto")

    registry.tag(build("base", "old").reference, tag("base"))
    before = digest(registry, tag("base"))
    for name in ("api", "base"):
        held.hold(name, build(name, "new"), (tag(name),))
    gone = build("web", "new")
    held.hold("web", gone, (tag("web"),))
    registry.delete(gone.reference)
    with pytest.raises(RegistryError, match="none of your tags is moved"):
        held.move()
    assert [digest(registry, tag(name)) for name in ("api", "base", "web")] == [None, before, None]
    assert [one.address for one in held.waiting] == ["api", "base", "web"]
    config.plugins.unconfigure(config)


def digest(registry: Registry, tag: Reference) -> str | None:
    """Return what a tag finds."""
    found: Descriptor | None = registry.resolve(tag)
    return found.digest if found else None


def test_a_failure_moves_no_tag(server: RegistryServer, tmp_path: Path) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    (folder / "okplug.toml").touch()
    for name, text in SERVICES.items():
        (folder / name).write_text(text)
    manifest = "build: {front: {context: .}, broken: {context: ., dockerfile: Broken}}\n"
    (folder / "okteto.yaml").write_text(manifest)
    (folder / "Broken").write_text("FROM scratch\nCOPY absent /\n")
    arguments = ("build", "--registry", server.host, "--builder", "embedded", "--json", "-")
    done = okplug(folder, "cindy", *arguments, "--all-or-nothing")
    assert done.returncode == 1, done.stderr
    document = json.loads(done.stdout)
    assert document["withheld"] == [f"{server.host}/cindy/front:okteto"]
    assert "/v2/cindy/" not in "".join(
        line for line in server.log().splitlines() if '"PUT ' in line
    )
    (folder / "absent").touch()
    done = okplug(folder, "cindy", *arguments, "--all-or-nothing")
    assert done.returncode == 0, done.stderr
    assert {i["verdict"] for i in json.loads(done.stdout)["images"]} == {"build", "reuse"}
    assert '"PUT /v2/cindy/front/manifests/okteto' in server.log()
