"""One step carried out: what is done in which order, and what is left behind when it fails."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from okplug import hookimpl
from okplug.backends import ROOT_ANNOTATION, Artifact
from okplug.canceltoken import CancelToken
from okplug.commands import build as build_command
from okplug.errors import BuildError, CancelledError, ContextChangedError, RegistryError
from okplug.executor import Building, Executor
from okplug.manifest import plugin as okteto_plugin
from okplug.reference import Reference
from okplug.session import keyed
from okplug.testing import FakeRegistry, push_image

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from okplug.backends import (
        BuildControl,
        BuildOutline,
        BuildRequest,
        Descriptor,
        Registry,
    )
    from okplug.errors import Location
    from okplug.planning import Planner
    from okplug.testing import Workspace

FILES = {
    "base/okteto.yaml": "build: {base: .}\n",
    "base/Dockerfile": "FROM scratch\nCOPY data /base\n",
    "base/data": "base\n",
    "api/okteto.yaml": "build: {api: {context: ., depends_on: 'base:base'}}\n",
    "api/Dockerfile": "ARG OKTETO_BUILD_BASE_IMAGE\nFROM ${OKTETO_BUILD_BASE_IMAGE}\n",
}


class NotingRegistry(FakeRegistry):
    """Notes what happens in order."""

    def __init__(self, notes: list[str]) -> None:
        super().__init__()
        self.notes = notes

    def resolve(self, reference: Reference) -> Descriptor | None:
        """Note who looks."""
        self.notes.append(f"resolve {reference.repository}{'@' if reference.digest else ':'}")
        return super().resolve(reference)

    def tag(self, source: Reference, target: Reference) -> Descriptor:
        """Note the tag."""
        self.notes.append(f"tag {target.repository}")
        return super().tag(source, target)


@dataclass
class Control:
    """Notes what a builder says."""

    notes: list[str]
    token: CancelToken = field(default_factory=CancelToken)

    def log(self, text: str, instruction: str = "") -> None:
        """Note the line."""
        self.notes.append(f"log {text} {instruction}".rstrip())

    def warn(self, message: str, location: Location | None = None) -> None:
        """Note the warning."""
        self.notes.append(f"warn {message}")
        assert location is None

    def progress(self, part: str, name: str, state: str, current: int = 0, total: int = 0) -> None:
        """Note how far a part is."""
        self.notes.append(f"progress {part} {name} {state} {current} {total}")

    @property
    def is_cancelled(self) -> bool:
        """Ask the token."""
        return self.token.is_cancelled

    def on_cancel(self, callback: Callable[[], None]) -> None:
        """Leave it to the token."""
        self.token.on_cancel(callback)


class Bench:
    """An executor with all that it needs, as a run makes it; it is the plugin and the builder."""

    name = "bench"
    jobs = 1

    def __init__(
        self,
        workspace: Workspace,
        stack: ExitStack,
        *,
        smart: bool = True,
        registry: NotingRegistry | None = None,
    ) -> None:
        self.registry = registry or NotingRegistry([])
        self.notes = self.registry.notes
        self.errors: list[Exception] = []
        self.requests: list[BuildRequest] = []
        self.control = Control(self.notes)
        config = workspace.config(
            plugins=[okteto_plugin, build_command, self],
            settings={"registry": "registry.test", "namespace": "cindy", "smart_builds": smart},
            options={"no_cache": False},
        )
        collection, self.planner = stack.enter_context(keyed(config))
        self.plan = self.planner.plan()
        building = Building(self, self._control_of)
        keyring, registries = self.planner.keyring, collection.registries
        self.executor = Executor(config, keyring, registries, self.plan, building)
        self.notes.clear()

    def _control_of(self, address: str) -> BuildControl:
        assert address in self.plan.steps
        return self.control

    @hookimpl
    def okplug_registry(self, host: str) -> Registry | None:
        """Serve one host."""
        return self.registry if host == "registry.test" else None

    @hookimpl
    def okplug_publish(self, artifact: Artifact) -> None:
        """Note it."""
        self.notes.append(f"publish {artifact.reference.repository}")

    @hookimpl
    def okplug_deliver(self, artifact: Artifact, control: BuildControl) -> None:
        """Note it."""
        assert control is self.control
        self.notes.append(f"deliver {artifact.reference.repository}")

    def describe(self) -> str:
        """Return the header's line."""
        return "bench"

    def check(self, outlines: Sequence[BuildOutline]) -> None:
        """Take everything."""

    def build(self, request: BuildRequest, registry: Registry, control: BuildControl) -> Artifact:
        """Raise the next error; store an empty image when there is none."""
        control.log("at work")
        self.requests.append(request)
        if self.errors:
            raise self.errors.pop(0)
        annotations = request.annotations
        descriptor = push_image(registry, request.repository, annotations=annotations)
        return Artifact(request.repository.with_digest(descriptor.digest), descriptor)

    def tags(self, repository: str) -> dict[str, str]:
        """Return tag -> digest of a repository."""
        return dict(self.registry.repository(Reference("registry.test", repository)).tags)


@pytest.fixture
def benches(workspace: Workspace) -> Iterator[Callable[..., Bench]]:
    """Return what makes a bench; its history is closed at the end of the test."""
    workspace.write(FILES)
    with ExitStack() as stack:
        yield lambda **settings: Bench(workspace, stack, **settings)


@pytest.fixture
def bench(benches: Callable[..., Bench]) -> Bench:
    """A bench with an empty registry."""
    return benches()


def test_an_image_is_seen_in_the_registry_before_it_is_tagged_the_user_s_tag_last(
    bench: Bench,
) -> None:
    bench.executor("base:base")
    assert bench.notes == [
        "log at work",
        "resolve okteto/base@",
        "tag okteto/base",
        "tag cindy/base",
        "publish okteto/base",
        "deliver okteto/base",
    ]


def test_what_was_built_is_kept_for_the_dependants(bench: Bench) -> None:
    base = bench.executor("base:base")
    assert bench.executor.artifacts == {"base:base": base}
    bench.executor("api:api")
    (text,) = bench.requests[1].images
    assert text == str(base.reference)
    assert bench.requests[1].images[text] == base.reference
    assert set(bench.executor.artifacts) == {"base:base", "api:api"}


def test_without_smart_builds_only_the_user_s_own_repository_is_written(
    benches: Callable[..., Bench],
) -> None:
    bench = benches(smart=False)
    bench.executor("base:base")
    assert bench.notes == [
        "log at work",
        "resolve cindy/base@",
        "tag cindy/base",
        "publish cindy/base",
        "deliver cindy/base",
    ]
    assert bench.tags("okteto/base") == {}


def test_who_may_not_share_keeps_what_is_built_under_its_key(bench: Bench) -> None:
    bench.registry.read_only.add("okteto")
    built = bench.executor("base:base")
    key = bench.executor.steps["base:base"].key
    assert str(bench.requests[0].repository) == "registry.test/cindy/base"
    assert bench.tags("cindy/base") == dict.fromkeys(("okteto", key), built.reference.digest)
    assert bench.tags("okteto/base") == {}


def test_what_is_kept_under_its_key_is_found_again_in_every_checkout(
    bench: Bench, benches: Callable[..., Bench]
) -> None:
    bench.registry.read_only.add("okteto")
    built = bench.executor("base:base")
    again = benches(registry=bench.registry).plan.steps["base:base"]
    assert (again.verdict, again.artifact) == ("reuse", built)


class Fixed(NotingRegistry):
    """A registry where somebody was quicker, and tags stay."""

    def tag(self, source: Reference, target: Reference) -> Descriptor:
        """Refuse to move what is there."""
        present = self.repository(target).tags.get(target.tag)
        if present not in (None, source.digest):
            raise RegistryError(f"{target} stays")
        return super().tag(source, target)


@pytest.mark.parametrize("is_same", [True, False])
def test_a_key_that_stays_counts_if_it_was_made_of_the_same(
    benches: Callable[..., Bench], *, is_same: bool
) -> None:
    bench = benches(registry=Fixed([]))
    step = bench.executor.steps["base:base"]
    annotations = {ROOT_ANNOTATION: step.record.root if is_same else "0" * 64}
    files = {"made": "by somebody else"}
    theirs = push_image(bench.registry, step.shared, files=files, annotations=annotations)
    if is_same:
        assert bench.executor("base:base").descriptor.digest == theirs.digest
        assert bench.tags("cindy/base") == {"okteto": theirs.digest}
    else:
        with pytest.raises(RegistryError, match=r"stays$"):
            bench.executor("base:base")
        assert bench.tags("cindy/base") == {}


def test_a_reused_image_gets_the_user_s_tag_and_nothing_else(
    bench: Bench, benches: Callable[..., Bench]
) -> None:
    artifact = bench.executor("base:base")
    bench.registry.delete(Reference("registry.test", "cindy/base", "okteto"))
    again = benches(registry=bench.registry)
    assert again.executor("base:base") == artifact
    assert again.notes == ["tag cindy/base", "deliver okteto/base"]
    assert again.requests == []
    assert again.tags("cindy/base") == {"okteto": artifact.reference.digest}


def test_nothing_starts_after_an_interruption(bench: Bench) -> None:
    bench.control.token.cancel()
    with pytest.raises(CancelledError):
        bench.executor("base:base")
    assert bench.notes == []
    assert bench.executor.artifacts == {}


@pytest.mark.parametrize("error", [CancelledError(), BuildError("no"), RegistryError("no")])
def test_a_build_that_ends_early_is_not_tried_again_and_leaves_no_tag(
    bench: Bench, error: Exception
) -> None:
    bench.errors = [error]
    with pytest.raises(type(error)):
        bench.executor("base:base")
    assert bench.notes == ["log at work"]
    assert bench.executor.artifacts == {}


def changed(planner: Planner) -> Exception:
    """Change the file of base, and return what a builder raises when it sees that."""
    path = planner.keyring.context("base:base").root / "data"
    path.write_text(path.read_text() + "more\n")
    return ContextChangedError("the file changed", hint="leave it alone")


def test_files_that_change_once_give_a_new_key_and_a_second_build(bench: Bench) -> None:
    before = bench.executor.steps["base:base"]
    bench.errors = [changed(bench.planner)]
    bench.executor("base:base")
    after = bench.executor.steps["base:base"]
    assert bench.notes[:3] == [
        "log at work",
        "warn the file changed; it is hashed and built again",
        "log at work",
    ]
    assert before.key != after.key == bench.requests[1].key
    assert list(bench.tags("okteto/base")) == [after.key]
    assert after.shared == before.shared.with_tag(after.key)


def test_a_dependant_is_keyed_again_when_its_turn_comes(bench: Bench) -> None:
    before = bench.executor.steps["api:api"]
    bench.errors = [changed(bench.planner)]
    bench.executor("base:base")
    assert bench.executor.steps["api:api"] == before
    bench.executor("api:api")
    after = bench.executor.steps["api:api"]
    assert after.key != before.key
    assert after.result is not None
    assert set(bench.tags("okteto/api")) == {after.key, f"result-{after.result.key}"}


def test_files_that_change_twice_fail(bench: Bench) -> None:
    bench.errors = [ContextChangedError("first"), ContextChangedError("second")]
    with pytest.raises(ContextChangedError, match="second"):
        bench.executor("base:base")
    assert bench.tags("okteto/base") == bench.tags("cindy/base") == {}
    assert len(bench.requests) == 2


def test_a_false_alarm_keeps_the_key(bench: Bench) -> None:
    before = bench.executor.steps["base:base"]
    bench.errors = [ContextChangedError("a false alarm")]
    bench.executor("base:base")
    assert bench.executor.steps["base:base"] == before


def test_a_source_that_is_gone_after_a_change_is_told(bench: Bench, workspace: Workspace) -> None:
    (workspace.root / "base/data").unlink()
    bench.errors = [ContextChangedError("it is gone")]
    with pytest.raises(BuildError) as raised:
        bench.executor("base:base")
    assert raised.value.message == "data is not in the context"
    assert raised.value.source == ("COPY data /base",)
    assert len(bench.requests) == 1
