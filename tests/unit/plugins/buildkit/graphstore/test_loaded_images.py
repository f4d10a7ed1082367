"""Dependencies in an engine: there while somebody needs them, once for all who do."""

from __future__ import annotations

import gzip
import io
import threading
from typing import TYPE_CHECKING

import pytest

from okplug import BuildError, Reference, RegistryError
from okplug.testing import FakeRegistry, ImageView, push_image, push_index
from okplug_buildkit.graphstore.loading import LoadedImages, remove, temporary_name

if TYPE_CHECKING:
    from tests.fakeengine import FakeEngine

API = Reference("registry.test", "okteto/api")
AMD64 = "linux/amd64"


@pytest.fixture
def image(registry: FakeRegistry) -> Reference:
    """An image in the registry."""
    return push(registry, AMD64)


def push(registry: FakeRegistry, platform: str) -> Reference:
    pushed = push_image(registry, API, files={"a": platform}, platform=platform)
    return API.with_digest(pushed.digest)


def warn(message: str) -> None:
    pytest.fail(message)


def test_names_are_nobodys_and_no_two_are_the_same() -> None:
    names = {str(temporary_name("build")) for _ in range(50)}
    assert len(names) == 50
    assert all(name.startswith("okplug.invalid/build:") for name in names)


def test_it_is_there_while_it_is_needed(
    engine: FakeEngine, registry: FakeRegistry, image: Reference
) -> None:
    loaded = LoadedImages(engine.api)
    with loaded.loaded(registry, image, AMD64, warn) as name:
        found = engine.images[str(name)]
        config = ImageView.read(registry, image).manifest["config"]["digest"]
        assert found.id == config
    assert engine.images == {}


def test_the_layers_are_those_of_the_registry(
    engine: FakeEngine, registry: FakeRegistry, image: Reference
) -> None:
    (layer,) = ImageView.read(registry, image).manifest["layers"]
    with LoadedImages(engine.api).loaded(registry, image, AMD64, warn) as name:
        assert engine.images[str(name)].layers == [
            gzip.decompress(registry.repository(API).blobs[layer["digest"]])
        ]


def test_builds_at_once_share_it(
    engine: FakeEngine, registry: FakeRegistry, image: Reference
) -> None:
    loaded = LoadedImages(engine.api)
    with loaded.loaded(registry, image, AMD64, warn) as one:
        with loaded.loaded(registry, image, AMD64, warn) as two:
            assert one == two
        assert list(engine.images) == [str(one)]
    assert len(engine.asked("POST")) == len(engine.asked("DELETE")) == 1


def test_threads_wait_for_who_loads_it(
    engine: FakeEngine, registry: FakeRegistry, image: Reference
) -> None:
    loaded = LoadedImages(engine.api)
    meeting = threading.Barrier(4, timeout=30)
    seen: list[bool] = []

    def use() -> None:
        with loaded.loaded(registry, image, AMD64, warn) as name:
            seen.append(str(name) in engine.images)
            meeting.wait()

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert seen == [True] * 4
    assert len(engine.asked("POST")) == 1
    assert engine.images == {}


def test_later_it_is_loaded_again(
    engine: FakeEngine, registry: FakeRegistry, image: Reference
) -> None:
    loaded = LoadedImages(engine.api)
    for _ in range(2):
        with loaded.loaded(registry, image, AMD64, warn) as name:
            assert str(name) in engine.images
    assert len(engine.asked("POST")) == 2


@pytest.mark.parametrize("platform", [AMD64, "linux/arm64", "linux/arm/v7"])
def test_of_an_index_what_is_for_the_platform(
    engine: FakeEngine, registry: FakeRegistry, platform: str
) -> None:
    platforms = (AMD64, "linux/arm64", "linux/arm/v6", "linux/arm/v7")
    images = {name: push(registry, name) for name in platforms}
    children = {}
    for each, reference in images.items():
        found = registry.resolve(reference)
        assert found is not None
        children[each] = found
    index = push_index(registry, API.with_tag("all"), children)
    whole = API.with_digest(index.digest)
    with LoadedImages(engine.api).loaded(registry, whole, platform, warn) as name:
        config = ImageView.read(registry, images[platform]).manifest["config"]["digest"]
        assert engine.images[str(name)].id == config


def test_an_index_without_the_platform(engine: FakeEngine, registry: FakeRegistry) -> None:
    found = registry.resolve(push(registry, AMD64))
    assert found is not None
    index = push_index(registry, API.with_tag("all"), {AMD64: found})
    whole = API.with_digest(index.digest)
    with (
        pytest.raises(
            BuildError, match=r"^registry\.test/okteto/api@.* has no image for linux/s390x"
        ),
        LoadedImages(engine.api).loaded(registry, whole, "linux/s390x", warn),
    ):
        pass
    assert engine.requests == []


def test_an_image_that_is_not_there(engine: FakeEngine, registry: FakeRegistry) -> None:
    missing = API.with_digest(f"sha256:{0:064}")
    with (
        pytest.raises(RegistryError, match="is not there") as caught,
        LoadedImages(engine.api).loaded(registry, missing, AMD64, warn),
    ):
        pass
    assert caught.value.hint == "build it again"


def test_an_engine_that_does_not_take_it(
    engine: FakeEngine, registry: FakeRegistry, image: Reference
) -> None:
    engine.failures["POST"] = 500, b'{"message":"no space left on device"}'
    loaded = LoadedImages(engine.api)
    for _ in range(2):
        with (
            pytest.raises(BuildError, match="does not take the image: no space left on device"),
            loaded.loaded(registry, image, AMD64, warn),
        ):
            pass
    assert len(engine.asked("POST")) == 2, "a failure is not remembered"
    assert engine.asked("DELETE") == []


def test_what_cannot_be_removed_is_a_warning(engine: FakeEngine) -> None:
    engine.failures["DELETE"] = 409, b'{"message":"it is in use"}'
    warnings: list[str] = []
    name = temporary_name("build")
    remove(engine.api, name, warnings.append)
    assert warnings == [
        (
            f"{name} is left in the Docker engine: "
            f"the Docker engine at unix://{engine.path} says: it is in use"
        )
    ]


def test_a_build_that_fails_leaves_nothing(
    engine: FakeEngine, registry: FakeRegistry, image: Reference
) -> None:
    with (
        pytest.raises(BuildError, match=r"^wrong$"),
        LoadedImages(engine.api).loaded(registry, image, AMD64, warn),
    ):
        raise BuildError("wrong")
    assert engine.images == {}


def test_nothing_of_an_archive_is_kept_in_memory(
    engine: FakeEngine, registry: FakeRegistry, image: Reference
) -> None:
    api = engine.api
    handed: list[type] = []
    load = api.load

    def watched(archive: io.IOBase, size: int) -> None:
        handed.append(type(archive))
        load(archive, size)  # type: ignore[arg-type]  # it is what load is given

    api.load = watched  # type: ignore[method-assign,assignment]  # to look at what passes
    with LoadedImages(api).loaded(registry, image, AMD64, warn):
        assert handed
        assert io.BytesIO not in handed
