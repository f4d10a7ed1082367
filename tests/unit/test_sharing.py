"""Where what is built is kept, and under which tag its key finds it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from okplug import hookimpl
from okplug.errors import Location, RegistryError
from okplug.keys import KeyRecord
from okplug.manifest.model import Image
from okplug.plan import BUILD, Step
from okplug.reference import Reference
from okplug.registries import Registries
from okplug.sharing import Sharing
from okplug.testing import FakeRegistry

if TYPE_CHECKING:
    from okplug.backends import Registry
    from okplug.config import Warned
    from okplug.testing import Workspace

KEY = "a" * 32


def step(name: str = "api", shared: str = "okteto/") -> Step:
    place = Location(Path("/shop/okteto.yaml"), 2, 3)
    return Step(
        Image(name, "", place, Path("/shop"), Path("/shop/Dockerfile")),
        KeyRecord(KEY, "f" * 64, ()),
        BUILD,
        ("new",),
        (Reference("elsewhere.test", "team/api", "1"),),
        Reference("registry.test", f"{shared}{name}", KEY),
        Reference("registry.test", f"cindy/{name}"),
    )


class Team:
    """A registry, and what the user is told. It is a plugin."""

    def __init__(self, workspace: Workspace, **settings: object) -> None:
        self.registry = FakeRegistry()
        self.told: list[Warned] = []
        settings = {"registry": "registry.test", "namespace": "cindy", **settings}
        config = workspace.config(plugins=[self], settings=settings)
        config.on_warning(self.told.append)
        self.sharing = Sharing(config, Registries(config))

    @hookimpl
    def okplug_registry(self) -> Registry:
        """Serve every host."""
        return self.registry


def test_what_may_be_shared_is(workspace: Workspace) -> None:
    team = Team(workspace)
    assert str(team.sharing.repository(step())) == "registry.test/okteto/api"
    assert str(team.sharing.key_tag(step())) == f"registry.test/okteto/api:{KEY}"
    assert team.told == []


def test_what_may_not_be_shared_is_kept_by_the_user(workspace: Workspace) -> None:
    team = Team(workspace)
    team.registry.read_only.add("okteto")
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(team.sharing.repository, map(step, "abcd")))
    assert list(map(str, found)) == [f"registry.test/cindy/{name}" for name in "abcd"]
    assert str(team.sharing.key_tag(step())) == f"registry.test/cindy/api:{KEY}"
    (told,) = team.told
    assert str(told) == (
        "you may not write to registry.test/okteto: what you build is not shared, but kept in "
        "registry.test/cindy"
    )
    assert team.registry.calls["is_writable"] == 1


def test_a_shared_namespace_that_is_empty_is_called_by_the_repository(workspace: Workspace) -> None:
    team = Team(workspace, global_namespace="")
    team.registry.read_only.add("api")
    assert team.sharing.key_tag(step(shared="api/"))
    assert str(team.told[0]).startswith("you may not write to registry.test/api/api: ")


def test_without_smart_builds_nothing_is_asked_and_no_key_is_written(workspace: Workspace) -> None:
    team = Team(workspace, smart_builds=False)
    assert str(team.sharing.repository(step())) == "registry.test/cindy/api"
    assert team.sharing.key_tag(step()) is None
    assert team.registry.calls == {}


def test_a_registry_that_is_down_is_asked_again(workspace: Workspace) -> None:
    team = Team(workspace)
    team.registry.failures["is_writable"] = RegistryError("it is down")
    with pytest.raises(RegistryError, match="it is down"):
        team.sharing.repository(step())
    team.registry.failures.clear()
    assert str(team.sharing.repository(step())) == "registry.test/okteto/api"
