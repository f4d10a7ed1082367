from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING

import pytest

from okplug import adminvariables, hookimpl
from okplug.adminartifact import Published, publish, variables_reference
from okplug.adminvariables import Cache, Kept, current_variables
from okplug.errors import RegistryError, UsageError
from okplug.testing import FakeRegistry

if TYPE_CHECKING:
    from okplug.backends import Descriptor, Registry
    from okplug.config import Config
    from okplug.reference import Reference
    from okplug.testing import Workspace


class Elsewhere(FakeRegistry):
    """A registry of another machine."""

    is_remote = True


class Plugin:
    """Serves one registry."""

    def __init__(self, registry: Registry | None) -> None:
        self.registry = registry

    @hookimpl
    def okplug_registry(self, host: str) -> Registry | None:
        """Serve it, whatever its host."""
        del host
        return self.registry


@pytest.fixture
def registry() -> Elsewhere:
    """A registry elsewhere with one variable."""
    registry = Elsewhere()
    publish(registry, variables_reference(registry, "okteto"), {"A": "1"})
    registry.calls.clear()
    return registry


def run(workspace: Workspace, registry: Registry | None, /, **settings: object) -> Config:
    """Return the configuration of another run."""
    given = {"registry": "registry.test", **settings}
    return workspace.config(plugins=[Plugin(registry)], settings=given)


def heard(config: Config) -> list[str]:
    """Return the warnings of a run."""
    found: list[str] = []
    config.on_warning(lambda warned: found.append(str(warned)))
    return found


def age(config: Config, seconds: float) -> None:
    """Make what is kept older than it is."""
    (path,) = (config.user_cache / "admin").iterdir()
    document = json.loads(path.read_text())
    document["checked"] -= seconds
    path.write_text(json.dumps(document))


# ---------------------------------------------------------------------------------------- how often


def test_a_registry_elsewhere_is_asked_once_in_a_while(
    workspace: Workspace, registry: Elsewhere
) -> None:
    for _ in range(3):
        assert current_variables(run(workspace, registry)) == {"A": "1"}
    assert registry.calls == {"read_manifest": 1, "open_blob": 1}
    age(run(workspace, registry), 301)
    assert current_variables(run(workspace, registry)) == {"A": "1"}
    assert registry.calls == {"read_manifest": 2, "open_blob": 1}


def test_that_there_are_none_is_kept_too(workspace: Workspace) -> None:
    registry = Elsewhere()
    for _ in range(3):
        assert current_variables(run(workspace, registry)) == {}
    assert registry.calls == {"read_manifest": 1}


def test_news_are_heard_when_the_time_is_over(workspace: Workspace, registry: Elsewhere) -> None:
    current_variables(run(workspace, registry))
    publish(registry, variables_reference(registry, "okteto"), {"A": "2"})
    assert current_variables(run(workspace, registry)) == {"A": "1"}
    assert current_variables(run(workspace, registry, admin_ttl=0)) == {"A": "2"}


def test_a_clock_that_was_set_back_lets_the_registry_be_asked(
    workspace: Workspace, registry: Elsewhere
) -> None:
    current_variables(run(workspace, registry))
    age(run(workspace, registry), -1000)
    current_variables(run(workspace, registry))
    assert registry.calls["read_manifest"] == 2


def test_a_registry_on_this_machine_is_always_asked(workspace: Workspace) -> None:
    registry = FakeRegistry()
    assert current_variables(run(workspace, registry)) == {}
    publish(registry, variables_reference(registry, "okteto"), {"A": "1"})
    config = run(workspace, registry)
    assert current_variables(config) == {"A": "1"}
    assert not config.user_cache.exists()


def test_each_registry_and_namespace_has_its_own(workspace: Workspace, registry: Elsewhere) -> None:
    current_variables(run(workspace, registry))
    assert current_variables(run(workspace, registry, global_namespace="other")) == {}
    assert current_variables(run(workspace, Elsewhere(), registry="other.test")) == {}
    assert current_variables(run(workspace, registry)) == {"A": "1"}


def test_nobody_is_asked_who_is_not_to_be(workspace: Workspace, registry: Elsewhere) -> None:
    assert current_variables(run(workspace, registry, admin_variables=False)) == {}
    assert not registry.calls


def test_the_registry_of_the_run_is_the_one_that_was_asked(
    workspace: Workspace, registry: Elsewhere
) -> None:
    from okplug.registries import Registries

    config = run(workspace, registry)
    current_variables(config)
    config.plugins.block("plugin-1")
    assert Registries(config).main is registry


# ------------------------------------------------------------------------------------- what it says


def test_a_registry_has_no_say_in_some(workspace: Workspace) -> None:
    registry = Elsewhere()
    reference = variables_reference(registry, "okteto")
    publish(registry, reference, {"PATH": "/evil", "OKPLUG_PLUGINS": "evil", "GO_VERSION": "1"})
    assert current_variables(run(workspace, registry)) == {"GO_VERSION": "1"}
    assert current_variables(run(workspace, registry)) == {"GO_VERSION": "1"}


def test_only_the_user_can_read_what_is_kept(workspace: Workspace, registry: Elsewhere) -> None:
    config = run(workspace, registry)
    current_variables(config)
    (path,) = (config.user_cache / "admin").iterdir()
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "text", ["", "x", "[]", "{}", '{"variables": 1}', '{"variables": {}, "checked": "now"}']
)
def test_a_spoilt_cache_is_none(workspace: Workspace, registry: Elsewhere, text: str) -> None:
    config = run(workspace, registry)
    current_variables(config)
    (path,) = (config.user_cache / "admin").iterdir()
    path.write_text(text)
    assert Cache(config).read() == Kept()
    assert current_variables(run(workspace, registry)) == {"A": "1"}


def test_a_cache_that_cannot_be_written_is_none(workspace: Workspace, registry: Elsewhere) -> None:
    workspace.environ["XDG_CACHE_HOME"] = "/dev/null"
    for _ in range(2):
        assert current_variables(run(workspace, registry)) == {"A": "1"}
    assert registry.calls["read_manifest"] == 2


@pytest.mark.parametrize("name", ["layout:~/x y", "[::1]:5000", "a/b", "ü" * 20])
def test_any_registry_has_a_file_name(workspace: Workspace, name: str) -> None:
    config = run(workspace, Elsewhere(), registry=name)
    Cache(config).write(Published("sha256:1", {"A": "1"}))
    assert Cache(config).read().published == Published("sha256:1", {"A": "1"})
    assert len(list((config.user_cache / "admin").iterdir())) == 1


# ---------------------------------------------------------------------------------- what goes wrong


def test_a_registry_that_fails_is_warned_of(workspace: Workspace) -> None:
    registry = Elsewhere()
    registry.failures["read_manifest"] = RegistryError("it is down", hint="start it")
    config = run(workspace, registry)
    assert current_variables(config) == {}
    (warning,) = heard(config)
    assert warning == (
        "the administrator's variables of registry.test cannot be read, and count as none: "
        "it is down (-o admin_variables=false does without them)"
    )


def test_what_it_said_last_counts_on(workspace: Workspace, registry: Elsewhere) -> None:
    current_variables(run(workspace, registry))
    registry.failures["read_manifest"] = RegistryError("it is down")
    config = run(workspace, registry, admin_ttl=0)
    assert current_variables(config) == {"A": "1"}
    assert "those of the last time count: it is down" in heard(config)[0]


def test_it_is_left_alone_for_a_minute(workspace: Workspace, registry: Elsewhere) -> None:
    registry.failures["read_manifest"] = RegistryError("it is down")
    config = run(workspace, registry)
    current_variables(config)
    for _ in range(2):
        again = run(workspace, registry)
        assert current_variables(again) == {}
        assert heard(again) == []
    assert registry.calls["read_manifest"] == 1
    registry.failures.clear()
    age(config, 61)
    assert current_variables(run(workspace, registry)) == {"A": "1"}


class Hanging(Elsewhere):
    """A registry that does not answer until it may."""

    def __init__(self) -> None:
        super().__init__()
        self.may = threading.Event()

    def read_manifest(self, reference: Reference) -> tuple[Descriptor, bytes] | None:
        """Wait."""
        self.may.wait(30)
        return super().read_manifest(reference)


def test_a_registry_that_hangs_is_not_waited_for(workspace: Workspace) -> None:
    registry = Hanging()
    config = run(workspace, registry)
    assert current_variables(config, patience=0.01) == {}
    assert not registry.may.is_set()
    assert "no answer within 0.01 seconds" in heard(config)[0]
    registry.may.set()


def test_how_long_a_run_waits_at_most() -> None:
    assert adminvariables.PATIENCE == 2


def test_a_fault_of_a_plugin_is_one(workspace: Workspace) -> None:
    registry = Elsewhere()
    registry.failures["read_manifest"] = ZeroDivisionError("x")
    with pytest.raises(ZeroDivisionError):
        current_variables(run(workspace, registry))


def test_a_registry_that_nobody_serves_is_a_matter_of_the_run(workspace: Workspace) -> None:
    config = run(workspace, None)
    assert current_variables(config) == {}
    assert heard(config) == []


def test_a_registry_that_cannot_be_opened_is_too(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_config: Config) -> Registry:
        raise UsageError("no host")

    monkeypatch.setattr(adminvariables, "main_registry", refuse)
    assert current_variables(run(workspace, Elsewhere())) == {}


@pytest.mark.parametrize(
    ("age_of_it", "has_failed", "seconds", "expected"),
    [
        (10, False, 300, True),
        (310, False, 300, False),
        (10, False, 0, False),
        (-10, False, 300, False),
        (10, True, 300, True),
        (70, True, 300, False),
        (10, True, 5, False),
    ],
)
def test_when_the_registry_need_not_be_asked(
    age_of_it: float, *, has_failed: bool, seconds: float, expected: bool
) -> None:
    kept = Kept(checked=time.time() - age_of_it, has_failed=has_failed)
    assert kept.is_fresh(seconds) is expected
