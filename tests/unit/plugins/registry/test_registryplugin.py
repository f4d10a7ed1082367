"""Which hosts the plugin answers for, and what is left after a run."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import okplug_registry
from okplug import hookimpl
from okplug.errors import UsageError
from okplug.testing import FakeRegistry
from tests.unit.plugins.registry.fakehost import Host, found, manifest

if TYPE_CHECKING:
    from okplug.backends import Registry
    from okplug.reference import Reference
    from okplug.testing import Workspace


class Team:
    """A plugin that serves one host itself."""

    @hookimpl
    def okplug_registry(self, host: str) -> Registry | None:
        """Return the registry of its host."""
        return FakeRegistry(host) if host == "team.test" else None


@pytest.mark.parametrize("host", ["registry.test", "localhost:5000", "docker.io"])
def test_it_serves_every_host(workspace: Workspace, host: str) -> None:
    config = workspace.config(plugins=[okplug_registry])
    registry = config.plugins.registry(host, config)
    assert registry is not None
    assert (registry.host, registry.is_remote) == (host, True)
    assert registry.concurrency > 1


def test_it_serves_no_other_stores(workspace: Workspace) -> None:
    config = workspace.config(plugins=[okplug_registry])
    assert config.plugins.registry("layout:/srv/images", config) is None


@pytest.mark.parametrize("text", ["https://registry.test", "ghcr.io/team", ""])
def test_what_is_no_host_is_told(workspace: Workspace, text: str) -> None:
    config = workspace.config(plugins=[okplug_registry])
    with pytest.raises(UsageError, match=r"^the setting registry "):
        config.plugins.registry(text, config)


@pytest.mark.parametrize("order", [1, -1])
def test_another_plugin_comes_first_for_its_hosts(workspace: Workspace, order: int) -> None:
    config = workspace.config(plugins=[okplug_registry, Team()][::order])
    assert isinstance(config.plugins.registry("team.test", config), FakeRegistry)
    assert not isinstance(config.plugins.registry("other.test", config), FakeRegistry)


def test_connections_are_shared_and_closed_at_the_end(
    workspace: Workspace, host: Host, api: Reference
) -> None:
    host.on("GET /v2/okteto/api/manifests/1.0", found(manifest()))
    config = workspace.config(plugins=[okplug_registry])
    first = config.plugins.registry(host.host, config)
    second = config.plugins.registry("registry.test", config)
    assert isinstance(first, type(second))
    assert first is not second
    assert first is not None
    assert first.resolve(api)
    transport = config.stash[okplug_registry._TRANSPORT]
    assert len(transport._pools) == 1
    config.plugins.unconfigure(config)
    assert transport._pools == {}


def test_a_run_without_registries_has_nothing_to_close(workspace: Workspace) -> None:
    config = workspace.config(plugins=[okplug_registry])
    config.plugins.unconfigure(config)


def test_the_plugin_itself_costs_nothing() -> None:
    code = (
        "import sys, okplug, pluggy, dataclasses, re; before = set(sys.modules);"
        "import okplug_registry; print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    heavy = {"urllib3", "ssl", "http.client", "subprocess", "okplug_registry.transport"}
    assert not heavy & set(done.stdout.split())


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("registry_mirrors", "docker.io", "expected HOST=URL"),
        ("registry_timeout", "soon", "expected a whole number"),
    ],
)
def test_a_wrong_setting_is_told(
    workspace: Workspace, setting: str, value: str, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        workspace.config(plugins=[okplug_registry], settings={setting: value})
