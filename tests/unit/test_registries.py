"""Each host is asked for once, and the configured registry serves its own."""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from okplug import hookimpl
from okplug.errors import UsageError
from okplug.reference import Reference
from okplug.registries import Registries, main_registry
from okplug.testing import FakeRegistry

if TYPE_CHECKING:
    from okplug import Registry
    from okplug.testing import Workspace


class Hosts:
    """Serves some hosts from memory, and counts who is asked for."""

    def __init__(self, *hosts: str) -> None:
        self.registries = {host: FakeRegistry(host) for host in hosts}
        self.asked: Counter[str] = Counter()

    @hookimpl
    def okplug_registry(self, host: str) -> Registry | None:
        """Return the registry of the host."""
        self.asked[host] += 1
        return self.registries.get(host)


def registries(workspace: Workspace, hosts: Hosts, setting: str = "main.test") -> Registries:
    return Registries(workspace.config(plugins=[hosts], settings={"registry": setting}))


def test_the_configured_registry_serves_its_host(workspace: Workspace) -> None:
    hosts = Hosts("main.test")
    found = registries(workspace, hosts)
    assert found.main is hosts.registries["main.test"]
    assert found.serving(Reference("main.test", "okteto/api")) is found.main
    assert hosts.asked == {"main.test": 1}


def test_a_setting_that_is_no_host_serves_the_host_that_the_registry_says(
    workspace: Workspace,
) -> None:
    hosts = Hosts()
    hosts.registries["layout:/x"] = FakeRegistry("localhost")
    found = registries(workspace, hosts, "layout:/x")
    assert found.serving(Reference("localhost", "okteto/api")) is found.main
    assert hosts.asked == {"layout:/x": 1}


def test_another_host_is_asked_for_when_it_is_needed_and_once(workspace: Workspace) -> None:
    hosts = Hosts("main.test", "other.test")
    found = registries(workspace, hosts)
    assert hosts.asked["other.test"] == 0
    for tag in ("1", "2"):
        serving = found.serving(Reference("other.test", "x", tag))
        assert serving is hosts.registries["other.test"]
    assert hosts.asked == {"main.test": 1, "other.test": 1}


def test_threads_get_one_registry(workspace: Workspace) -> None:
    hosts = Hosts("main.test", "other.test")
    found = registries(workspace, hosts)
    seen: list[Registry] = []
    threads = [
        threading.Thread(target=lambda: seen.append(found.serving(Reference("other.test", "x"))))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 8
    assert {id(registry) for registry in seen} == {id(hosts.registries["other.test"])}
    assert hosts.asked["other.test"] == 1


def test_a_setting_that_nobody_serves(workspace: Workspace) -> None:
    with pytest.raises(UsageError) as raised:
        registries(workspace, Hosts("main.test"), "ftp.test")
    assert str(raised.value) == (
        "no plugin serves the registry 'ftp.test'\n"
        "  hint: okplug plugins lists those that are loaded; set registry to layout:FOLDER "
        "or to a host that one of them serves"
    )


def test_a_host_that_nobody_serves_is_asked_for_again(workspace: Workspace) -> None:
    hosts = Hosts("main.test")
    found = registries(workspace, hosts)
    for _ in range(2):
        with pytest.raises(UsageError, match=r"^no plugin serves the registry 'other\.test'"):
            found.serving(Reference("other.test", "x"))
    assert hosts.asked["other.test"] == 2


def test_the_configured_registry_is_asked_for_once_in_a_run(workspace: Workspace) -> None:
    hosts = Hosts("main.test")
    config = workspace.config(plugins=[hosts], settings={"registry": "main.test"})
    first = main_registry(config)
    assert Registries(config).main is Registries(config).main is first
    assert hosts.asked == {"main.test": 1}


def test_a_configured_registry_that_nobody_serves(workspace: Workspace) -> None:
    config = workspace.config(plugins=[Hosts()], settings={"registry": "main.test"})
    with pytest.raises(UsageError, match=r"^no plugin serves the registry 'main.test'\n"):
        main_registry(config)
