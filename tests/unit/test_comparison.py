"""With what the images of one run are compared, and how much that asks of the registry."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from okplug import hookimpl
from okplug.backends import Artifact
from okplug.collect import collect
from okplug.comparison import HERE, REGISTRY, Comparison, Comparisons, Reasons
from okplug.errors import RegistryError
from okplug.fingerprint import ContextIndex
from okplug.keydiff import record_to_json
from okplug.keyring import Keyring
from okplug.manifest import plugin as okteto_plugin
from okplug.recordartifact import publish_record
from okplug.state import Entry, State
from okplug.testing import FakeRegistry, push_image

if TYPE_CHECKING:
    from collections.abc import Iterator

    from okplug import Registry
    from okplug.testing import Workspace

FILES = {
    "base/okteto.yaml": "build: {base: .}\n",
    "base/Dockerfile": "FROM scratch\nCOPY data /\n",
    "base/data": "base\n",
    "api/okteto.yaml": "build: {api: {context: ., depends_on: 'base:base'}}\n",
    "api/Dockerfile": "FROM scratch\nCOPY data /\n",
    "api/data": "api\n",
}


@dataclass
class Serving:
    """Serves one registry."""

    registry: FakeRegistry

    @hookimpl
    def okplug_registry(self) -> Registry:
        """Return it."""
        return self.registry


@dataclass
class Run:
    """What one run compares with."""

    comparisons: Comparisons
    keyring: Keyring
    state: State

    def remember(self, address: str) -> None:
        """Make this the last run that built the image."""
        record = self.comparisons.full_record(address)
        self.state.remember_all(
            [Entry(address, record.key, "build", record=record_to_json(record))]
        )


@dataclass
class Bench:
    """A workspace in which runs come one after the other, with a history and a registry."""

    workspace: Workspace
    registry: FakeRegistry
    state: State

    @contextmanager
    def run(self) -> Iterator[Run]:
        """Read the workspace as it is now."""
        config = self.workspace.config(plugins=[okteto_plugin, Serving(self.registry)])
        collection = collect(config)
        keyring = Keyring(config, collection.graph, ContextIndex(config.root, None))
        comparisons = Comparisons(keyring, self.state, collection.naming, self.registry)
        yield Run(comparisons, keyring, self.state)
        config.plugins.unconfigure(config)

    def share(self, *addresses: str) -> None:
        """Have somebody build images and keep their records."""
        with self.run() as run:
            naming = collect(
                self.workspace.config(plugins=[okteto_plugin, Serving(self.registry)])
            ).naming
            for address in addresses:
                record = run.comparisons.full_record(address)
                tag = naming.shared(run.keyring.graph.image(address), record.key)
                descriptor = push_image(self.registry, tag, files={"key": record.key})
                made = Artifact(tag.with_tag("").with_digest(descriptor.digest), descriptor)
                publish_record(self.registry, made, address, record)


@pytest.fixture
def bench(workspace: Workspace) -> Iterator[Bench]:
    """Return a workspace of two images that nobody has built."""
    workspace.write(FILES)
    state = State.open(None)
    yield Bench(workspace, FakeRegistry(), state)
    state.close()


def texts(comparison: Comparison | None) -> list[str] | None:
    return None if comparison is None else [str(change) for change in comparison.changes]


def edit(bench: Bench, path: str, text: str = "changed\n") -> None:
    (bench.workspace.root / path).write_text(text)


# --------------------------------------------------------------------------------------------- here


def test_there_was_no_run(bench: Bench) -> None:
    with bench.run() as run:
        assert run.comparisons.here("base:base") is None


def test_nothing_changed_since_the_last_run(bench: Bench) -> None:
    with bench.run() as run:
        run.remember("base:base")
        found = run.comparisons.here("base:base")
    assert found is not None
    assert (found.origin, found.changes) == (HERE, ())


def test_what_changed_since_the_last_run(bench: Bench) -> None:
    with bench.run() as run:
        run.remember("base:base")
        run.remember("api:api")
    edit(bench, "base/data")
    with bench.run() as run:
        api = run.comparisons.here("api:api")
        assert api is not None
        assert texts(api) == ["dependency base:base changed"]
        assert texts(run.comparisons.below("base:base", api)) == ["data changed"]


# ----------------------------------------------------------------------------------------- elsewhere


def test_a_record_has_an_item_for_each_file(bench: Bench) -> None:
    with bench.run() as run:
        items = run.comparisons.full_record("base:base").items
    assert [item.name for item in items if item.kind == "file"] == ["data"]


def test_what_differs_from_the_registry(bench: Bench) -> None:
    bench.share("base:base")
    edit(bench, "base/data")
    with bench.run() as run:
        near = run.comparisons.elsewhere("base:base")
    assert [str(change) for change in near.changes] == ["data changed"]


def test_a_dependency_of_another_s_build(bench: Bench) -> None:
    bench.share("base:base", "api:api")
    edit(bench, "base/data")
    with bench.run() as run:
        near = run.comparisons.elsewhere("api:api")
        assert near.record is not None
        above = Comparison(REGISTRY, near.record, near.changes)
        assert above.key_of("base:base") != run.keyring.record("base:base").key
        assert texts(run.comparisons.below("base:base", above)) == ["data changed"]


def test_a_dependency_that_is_not_there_any_more(bench: Bench) -> None:
    bench.share("api:api")
    edit(bench, "base/data")
    with bench.run() as run:
        near = run.comparisons.elsewhere("api:api")
        assert near.record is not None
        above = Comparison(REGISTRY, near.record, near.changes)
        assert run.comparisons.below("base:base", above) is None
        assert above.key_of("nobody:nobody") == ""


# ------------------------------------------------------------------------------------------- reasons


@pytest.mark.parametrize("concurrency", [1, 4])
def test_the_reasons_of_a_plan(bench: Bench, concurrency: int) -> None:
    bench.registry.concurrency = concurrency
    bench.share("base:base")
    edit(bench, "base/data")
    with bench.run() as run:
        found = run.comparisons.reasons(["base:base", "api:api"])
    assert found == {"base:base": Reasons(("data changed",)), "api:api": Reasons(("new",))}


def test_a_dependency_that_changed_is_told_apart_if_nothing_else_did(bench: Bench) -> None:
    bench.share("base:base", "api:api")
    edit(bench, "base/data")
    with bench.run() as run:
        reasons = run.comparisons.reasons(["api:api"])["api:api"]
    assert reasons == Reasons(("dependency base:base changed",), ("base:base",))
    edit(bench, "api/data")
    with bench.run() as run:
        reasons = run.comparisons.reasons(["api:api"])["api:api"]
    assert reasons == Reasons(("data changed", "dependency base:base changed"))


def test_reasons_for_nothing_ask_nobody(bench: Bench) -> None:
    with bench.run() as run:
        bench.registry.calls.clear()
        assert run.comparisons.reasons([]) == {}
    assert bench.registry.calls == {}


def test_a_new_image_takes_one_request(bench: Bench) -> None:
    with bench.run() as run:
        bench.registry.calls.clear()
        run.comparisons.reasons(["base:base", "api:api"])
    assert bench.registry.calls == {"tags": 2}


def test_of_many_images_only_the_first_are_compared(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("okplug.comparison._MOST_IMAGES", 1)
    bench.share("base:base", "api:api")
    edit(bench, "base/data")
    with bench.run() as run:
        assert run.comparisons.reasons(["base:base", "api:api"]) == {
            "base:base": Reasons(("data changed",)),
            "api:api": Reasons(),
        }


def test_a_registry_that_fails_gives_no_reasons(bench: Bench) -> None:
    bench.registry.failures["tags"] = RegistryError("down")
    with bench.run() as run:
        assert run.comparisons.reasons(["base:base"]) == {"base:base": Reasons()}
