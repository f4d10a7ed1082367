"""Secrets and agents of the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import okplug_layout as layout
from okplug.collect import collect
from okplug.errors import UsageError
from okplug.manifest import plugin as okteto_plugin
from okplug.optionvalues import GivenSecret

if TYPE_CHECKING:
    from okplug.collect import Collection
    from okplug.config import Config
    from okplug.testing import Workspace

SHOP = {
    "base/okteto.yaml": "build: {base: {context: ., secrets: {npm: old, other: other}}}\n",
    "base/Dockerfile": """
        FROM scratch
        RUN --mount=type=secret,id=npm --mount=type=ssh true
        """,
    "api/okteto.yaml": "build: {api: {context: ., depends_on: 'base:base', ssh: [git=/old]}}\n",
    "api/Dockerfile": """
        FROM scratch AS unused
        RUN --mount=type=secret,id=unused true
        FROM scratch
        ARG ID
        RUN --mount=type=secret,target=/run/token true
        RUN --mount=type=ssh,id=git true
        """,
    "base/old": "",
    "base/other": "",
    "npmrc": "",
}


@pytest.fixture
def shop(workspace: Workspace) -> Workspace:
    """Two images."""
    workspace.write(SHOP)
    return workspace


def config_of(shop: Workspace, *selection: str, **options: object) -> Config:
    return shop.config(
        plugins=[okteto_plugin, layout],
        settings={"registry": "layout:registry"},
        options={"selection": selection, **options},
    )


def secrets(found: Collection, address: str) -> dict[str, tuple[str, str]]:
    return {each.id: (each.kind, each.source) for each in found.graph.image(address).secrets}


def warnings_of(config: Config) -> list[str]:
    heard: list[str] = []
    config.on_warning(lambda warned: heard.append(warned.message))
    return heard


def test_a_secret_is_for_every_image_that_mounts_it(shop: Workspace) -> None:
    given = [GivenSecret("npm", "file", "npmrc"), GivenSecret("token", "env", "TOKEN")]
    found = collect(config_of(shop, "api", secret=given))
    assert secrets(found, "base:base") == {
        "other": ("file", str(shop.root / "base/other")),
        "npm": ("file", str(shop.root / "npmrc")),
    }
    assert secrets(found, "api:api") == {"token": ("env", "TOKEN")}


def test_a_secret_of_the_users_home(shop: Workspace) -> None:
    (shop.home / ".npmrc").touch()
    found = collect(config_of(shop, secret=[GivenSecret("npm", "file", "~/.npmrc")]))
    assert secrets(found, "base:base")["npm"] == ("file", str(shop.home / ".npmrc"))


def test_a_secret_that_is_a_variable_or_a_file(shop: Workspace) -> None:
    given = [GivenSecret("npm", "", "npmrc")]
    assert secrets(collect(config_of(shop, secret=given)), "base:base")["npm"][0] == "file"
    shop.environ["npmrc"] = "x"
    found = collect(config_of(shop, secret=given))
    assert secrets(found, "base:base")["npm"] == ("env", "npmrc")


def test_a_secret_whose_file_is_not_there(shop: Workspace) -> None:
    with pytest.raises(UsageError) as caught:
        collect(config_of(shop, secret=[GivenSecret("npm", "file", "npmcr")]))
    assert caught.value.message == "--secret id=npm: there is no file npmcr"


@pytest.mark.parametrize("name", ["unused", "nmp"])
def test_a_secret_that_nothing_mounts(shop: Workspace, name: str) -> None:
    config = config_of(shop, secret=[GivenSecret(name, "file", "npmrc")])
    found = collect(config)
    assert name not in secrets(found, "api:api")
    assert warnings_of(config) == [f"--secret id={name}: no selected image mounts it"]


def test_an_image_that_is_not_needed_mounts_nothing(shop: Workspace) -> None:
    config = config_of(shop, "base", secret=[GivenSecret("token", "env", "TOKEN")])
    collect(config)
    assert warnings_of(config) == ["--secret id=token: no selected image mounts it"]


def test_a_mount_whose_id_is_a_variable_may_be_any(shop: Workspace) -> None:
    shop.write({"base/Dockerfile": "FROM scratch\nARG ID\nRUN --mount=type=secret,id=$ID true\n"})
    found = collect(config_of(shop, secret=[GivenSecret("x", "env", "X")]))
    assert secrets(found, "base:base")["x"] == ("env", "X")


def test_a_mount_of_what_is_inherited(shop: Workspace) -> None:
    shop.write(
        {
            "base/Dockerfile": "FROM scratch\nONBUILD RUN --mount=type=secret,id=late true\n",
            "api/Dockerfile": "ARG OKTETO_BUILD_BASE_IMAGE\nFROM ${OKTETO_BUILD_BASE_IMAGE}\n",
        }
    )
    found = collect(config_of(shop, secret=[GivenSecret("late", "env", "X")]))
    assert secrets(found, "api:api") == {"late": ("env", "X")}


def test_agents(shop: Workspace) -> None:
    found = collect(config_of(shop, ssh=["default", "git=agent.sock"]))
    assert found.graph.image("base:base").ssh == ("default",)
    assert found.graph.image("api:api").ssh == (f"git={shop.root}/agent.sock",)


def test_an_agent_that_nothing_mounts(shop: Workspace) -> None:
    config = config_of(shop, ssh=["hub"])
    assert collect(config).graph.image("api:api").ssh == ("git=/old",)
    assert warnings_of(config) == ["--ssh hub: no selected image mounts it"]
