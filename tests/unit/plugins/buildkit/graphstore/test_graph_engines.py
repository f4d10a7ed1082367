"""Which daemons are engines with graph drivers, and what one build has there."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from okplug import BuildError, CancelledError, Reference
from okplug.testing import FakeRegistry, ImageView, RecordingControl, push_image
from okplug.testing.requests import BuildCase
from okplug_buildkit.connect.addresses import parse_address
from okplug_buildkit.daemon import Worker
from okplug_buildkit.graphstore.engines import Engine, Engines, keeps_by_driver
from okplug_buildkit.solve.contexts import contexts_of
from okplug_buildkit.solve.options import SolveOptions
from tests.fakeengine import EngineImage, FakeEngine, layer_of

if TYPE_CHECKING:
    from pathlib import Path

    from okplug import BuildRequest
    from okplug_buildkit.daemon import Daemon

SNAPSHOTTER = {"org.mobyproject.buildkit.worker.snapshotter": "overlayfs"}
BASE = Reference("registry.test", "okteto/base")


def daemon(address: str, labels: dict[str, str] | None = None) -> Any:
    """Return a daemon that counts how often it is asked."""
    asked: list[int] = []

    def workers() -> tuple[Worker, ...]:
        asked.append(1)
        return (Worker("w", labels or {}, ("linux/amd64",)),)

    return SimpleNamespace(address=parse_address(address), workers=workers, asked=asked)


@pytest.mark.parametrize(
    ("address", "labels", "expected"),
    [
        ("docker://", {}, True),
        ("docker:///d.sock", {"other": "x"}, True),
        ("docker://", SNAPSHOTTER, False),
        ("tcp://a:1", {}, False),
        ("unix:///bk.sock", SNAPSHOTTER, False),
    ],
)
def test_they_are_told_apart_by_a_label(
    address: str, labels: dict[str, str], *, expected: bool
) -> None:
    assert keeps_by_driver(daemon(address, labels)) is expected


def test_only_engines_are_asked() -> None:
    other = daemon("tcp://a:1")
    assert not keeps_by_driver(other)
    assert other.asked == []


def test_each_is_asked_once() -> None:
    engines = Engines({}, SolveOptions())
    one, two = daemon("docker:///one.sock"), daemon("docker:///two.sock", SNAPSHOTTER)
    found = [engines.find(cast("Daemon", each)) for each in (one, two, one, two)]
    assert found[0] is not None
    assert found[0] is found[2]
    assert found[0].address == "docker:///one.sock"
    assert found[1] is found[3] is None
    assert (len(one.asked), len(two.asked)) == (1, 1)


# -------------------------------------------------------------------------------------- one build


@pytest.fixture
def request_(tmp_path: Path, registry: FakeRegistry) -> BuildRequest:
    """A build on a dependency."""
    (tmp_path / "Dockerfile").write_text("FROM base.example.com/base:1\nCOPY a /\n")
    (tmp_path / "a").write_text("1")
    pushed = push_image(registry, BASE, files={"base": "1"})
    images = {"base.example.com/base:1": BASE.with_digest(pushed.digest)}
    return BuildCase(tmp_path, images=images, annotations={"x": "1"}).request()


@pytest.fixture
def there(engine: FakeEngine) -> Engine:
    return Engine("docker://", engine.api, SolveOptions())


def test_a_build(
    engine: FakeEngine, there: Engine, registry: FakeRegistry, request_: BuildRequest
) -> None:
    control = RecordingControl()
    named = contexts_of(request_, registry)
    with there.build(request_, registry, named, control) as build:
        ((name, source),) = build.contexts.values.items()
        assert name == "base.example.com/base:1"
        loaded = source.removeprefix("docker-image://")
        assert list(engine.images) == [loaded]
        assert build.contexts.images == {}
        exporter = build.exporter
        assert exporter.type == "moby"
        built = EngineImage([*engine.images[loaded].layers, layer_of(a="1")])
        engine.images[exporter.attributes["name"]] = built
        artifact = build.fetch({"containerimage.config.digest": built.id})
    view = ImageView.read(registry, artifact.reference)
    assert set(view.tree()) == {"base", "a"}
    assert view.manifest["annotations"] == {"x": "1"}
    assert (
        view.manifest["layers"][0]
        == (ImageView.read(registry, next(iter(request_.images.values()))).manifest["layers"][0])
    )
    assert artifact.reference.repository == request_.repository.repository
    assert engine.images == {}


def test_what_others_serve_stays_as_it_is(
    engine: FakeEngine, there: Engine, registry: FakeRegistry, request_: BuildRequest
) -> None:
    registry.is_remote = True
    named = contexts_of(request_, registry)
    with there.build(request_, registry, named, RecordingControl()) as build:
        assert build.contexts.values == named.values
    assert engine.asked("POST") == []


def test_a_build_that_fails_leaves_nothing(
    engine: FakeEngine, there: Engine, registry: FakeRegistry, request_: BuildRequest
) -> None:
    named = contexts_of(request_, registry)

    def fail() -> None:
        with there.build(request_, registry, named, RecordingControl()) as build:
            engine.images[build.exporter.attributes["name"]] = EngineImage([layer_of(a="1")])
            raise BuildError("wrong")

    with pytest.raises(BuildError, match=r"^wrong$"):
        fail()
    assert engine.images == {}


def test_an_interruption_is_no_failure(
    engine: FakeEngine, there: Engine, registry: FakeRegistry, request_: BuildRequest
) -> None:
    control = RecordingControl()
    named = contexts_of(request_, registry)

    def interrupt() -> None:
        with there.build(request_, registry, named, control) as build:
            engine.images[build.exporter.attributes["name"]] = EngineImage([layer_of(a="1")])
            control.cancel()
            build.fetch({})

    with pytest.raises(CancelledError):
        interrupt()
    assert engine.images == {}
    assert engine.asked("GET") == []


def test_what_cannot_be_removed_is_warned_of(
    engine: FakeEngine, there: Engine, registry: FakeRegistry, request_: BuildRequest
) -> None:
    engine.failures["DELETE"] = 409, b""
    control = RecordingControl()
    with there.build(request_, registry, contexts_of(request_, registry), control):
        pass
    assert len(control.warnings) == 2
    assert all("is left in the Docker engine" in str(warning) for warning in control.warnings)


def test_what_cannot_be_built_is_refused(there: Engine, request_: BuildRequest) -> None:
    engine = Engine("docker://", there._api, SolveOptions(compression="zstd"))
    with pytest.raises(BuildError, match="compression=zstd"):
        engine.check(request_, [])
    there.check(request_, [])
