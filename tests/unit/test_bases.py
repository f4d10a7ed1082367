"""What the names of images from elsewhere stand for now."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from okplug import hookimpl
from okplug.bases import Bases
from okplug.collect import collect
from okplug.errors import ManifestError, RegistryError
from okplug.manifest import plugin as okteto_plugin
from okplug.reference import Reference
from okplug.testing import FakeRegistry, push_image

if TYPE_CHECKING:
    from okplug.backends import Registry
    from okplug.testing import Workspace

OTHER = "other.test"


class Team:
    """The registries that there are: the main one and one of others. It is a plugin."""

    def __init__(self) -> None:
        self.main = FakeRegistry("registry.test")
        self.other = FakeRegistry(OTHER)
        self.main.is_remote = True

    @hookimpl
    def okplug_registry(self, host: str) -> Registry | None:
        """Serve two hosts."""
        return {"registry.test": self.main, OTHER: self.other}.get(host)

    def push(self, name: str, text: str = "") -> str:
        """Store an image and return its digest."""
        reference = Reference.parse(name)
        registry = self.other if reference.registry == OTHER else self.main
        return push_image(registry, reference, files={"text": text}).digest


@pytest.fixture
def team() -> Team:
    """Return the registries, empty."""
    return Team()


class Case:
    """One image and what its names stand for."""

    def __init__(
        self, workspace: Workspace, team: Team, dockerfile: str, *, tracks_all: bool, base: str = ""
    ) -> None:
        workspace.write({"okteto.yaml": "build: {api: .}\n", "Dockerfile": dockerfile})
        settings = {"registry": "registry.test", "namespace": "cindy"}
        config = workspace.config(plugins=[okteto_plugin, team], settings=settings)
        collection = collect(config)
        node = collection.graph.node(":api")
        contexts = (("base", base),) if base else ()
        image = dataclasses.replace(node.image, named_contexts=contexts)
        self.node = dataclasses.replace(node, image=image)
        self.bases = Bases(collection.naming, collection.registries, tracks_all=tracks_all)

    def found(self) -> dict[str, str]:
        """Return name -> reference."""
        found = self.bases.of(self.node.image, self.node.elsewhere)
        return {name: str(reference) for name, reference in found.items()}


def test_an_alias_always_stands_for_what_it_is_now(workspace: Workspace, team: Team) -> None:
    shared = team.push("registry.test/okteto/base:1")
    own = team.push("registry.test/cindy/tools:latest")
    text = "FROM okteto.global/base:1\nCOPY --from=okteto.dev/tools /a /a\n"
    assert Case(workspace, team, text, tracks_all=False).found() == {
        "okteto.global/base:1": f"registry.test/okteto/base@{shared}",
        "okteto.dev/tools": f"registry.test/cindy/tools@{own}",
    }


def test_other_names_count_only_when_they_are_to(workspace: Workspace, team: Team) -> None:
    digest = team.push(f"{OTHER}/debian:13")
    text = f"FROM {OTHER}/debian:13\nCOPY Dockerfile /\n"
    assert Case(workspace, team, text, tracks_all=False).found() == {}
    assert team.other.calls["resolve"] == 0
    assert Case(workspace, team, text, tracks_all=True).found() == {
        f"{OTHER}/debian:13": f"{OTHER}/debian@{digest}"
    }


@pytest.mark.parametrize("text", ["FROM scratch\n", "FROM scratch AS one\nFROM one\n"])
def test_what_is_no_image_from_elsewhere(workspace: Workspace, team: Team, text: str) -> None:
    case = Case(workspace, team, f"{text}COPY Dockerfile /\n", tracks_all=True)
    assert case.found() == {}


def test_a_digest_needs_no_look_up(workspace: Workspace, team: Team) -> None:
    digest = f"sha256:{'a' * 64}"
    case = Case(workspace, team, f"FROM okteto.global/base:1@{digest}\n", tracks_all=True)
    assert list(case.found().values()) == [f"registry.test/okteto/base@{digest}"]
    assert team.main.calls["resolve"] == 0


def test_a_named_context_that_is_an_image(workspace: Workspace, team: Team) -> None:
    digest = team.push(f"{OTHER}/debian:13")
    base = f"docker-image://{OTHER}/debian:13"
    case = Case(workspace, team, "FROM base\n", tracks_all=True, base=base)
    assert case.found() == {"base": f"{OTHER}/debian@{digest}"}


def test_a_named_context_that_is_none(workspace: Workspace, team: Team) -> None:
    base = "https://example.com/base.git"
    case = Case(workspace, team, "FROM base\n", tracks_all=True, base=base)
    assert case.found() == {}


def test_a_registry_without_a_network_has_what_builders_take(
    workspace: Workspace, team: Team
) -> None:
    team.main.is_remote = False
    kept = team.push(f"{OTHER}/debian:13", "theirs")
    reference = Reference.parse(f"{OTHER}/debian:13")
    here = push_image(team.main, reference, files={"text": "a copy"}).digest
    assert here != kept
    case = Case(workspace, team, f"FROM {OTHER}/debian:13\n", tracks_all=True)
    assert case.found() == {f"{OTHER}/debian:13": f"{OTHER}/debian@{here}"}
    assert team.other.calls["resolve"] == 0


def test_what_is_not_kept_there_is_asked_for_elsewhere(workspace: Workspace, team: Team) -> None:
    team.main.is_remote = False
    digest = team.push(f"{OTHER}/debian:13")
    case = Case(workspace, team, f"FROM {OTHER}/debian:13\n", tracks_all=True)
    assert case.found() == {f"{OTHER}/debian:13": f"{OTHER}/debian@{digest}"}


def test_each_is_asked_for_once(workspace: Workspace, team: Team) -> None:
    team.push(f"{OTHER}/debian:13")
    team.push(f"{OTHER}/debian:12")
    text = f"FROM {OTHER}/debian:13\nCOPY --from={OTHER}/debian:12 /a /a\n"
    case = Case(workspace, team, text, tracks_all=True)
    case.bases.look_up(case.node.elsewhere * 2)
    assert case.found() == case.found()
    assert team.other.calls["resolve"] == 2


def test_one_that_is_not_there(workspace: Workspace, team: Team) -> None:
    case = Case(workspace, team, "FROM scratch AS a\nFROM okteto.dev/base\n", tracks_all=False)
    with pytest.raises(ManifestError) as caught:
        case.found()
    assert str(caught.value) == (
        f"{workspace.root}/Dockerfile:2:1: there is no image registry.test/cindy/base:latest\n"
        "  hint: look at its name and its tag"
    )


def test_a_registry_that_is_down(workspace: Workspace, team: Team) -> None:
    team.other.failures["resolve"] = RegistryError("it is down", hint="wait")
    text = f"FROM {OTHER}/a:1\nCOPY --from={OTHER}/b:1 /a /a\n"
    case = Case(workspace, team, text, tracks_all=True)
    case.bases.look_up(case.node.elsewhere)
    for _ in range(2):
        with pytest.raises(RegistryError) as caught:
            case.found()
        assert str(caught.value) == (
            f"{workspace.root}/Dockerfile:1:1: it cannot be told what {OTHER}/a:1 is now: it is "
            "down\n  hint: wait"
        )
    assert team.other.calls["resolve"] == 2
