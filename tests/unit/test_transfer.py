"""A tag comes to point at an image, within one registry and from one to another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from okplug.errors import RegistryError
from okplug.reference import Reference
from okplug.testing import FakeRegistry, ImageView, push_image, push_index
from okplug.transfer import point

if TYPE_CHECKING:
    from okplug.backends import Descriptor

HERE = Reference("here.test", "okteto/api")
THERE = Reference("there.test", "cindy/api", "1.0")
PLATFORMS = ("linux/amd64", "linux/arm64")


def by_digest(descriptor: Descriptor) -> Reference:
    return HERE.with_digest(descriptor.digest)


@pytest.fixture
def source() -> FakeRegistry:
    return FakeRegistry("here.test")


@pytest.fixture
def target() -> FakeRegistry:
    return FakeRegistry("there.test")


def push_two_platforms(registry: FakeRegistry) -> Descriptor:
    """Write an index whose two images share their lower layer."""
    images = {
        platform: push_image(
            registry, HERE, files=[{"etc/os": "shop"}, {"bin/x": platform}], platform=platform
        )
        for platform in PLATFORMS
    }
    return push_index(registry, HERE, images, annotations={"a": "b"})


def test_within_one_registry_only_the_tag_is_written(source: FakeRegistry) -> None:
    image = push_image(source, HERE, files={"a": "a"})
    tag = Reference("here.test", "okteto/api", "1.0")
    source.calls.clear()
    assert point(source, by_digest(image), source, tag) == image
    assert source.calls == {"tag": 1}
    assert source.repository(tag).tags == {"1.0": image.digest}


def test_an_image_is_copied_to_another_registry(source: FakeRegistry, target: FakeRegistry) -> None:
    image = push_image(source, HERE, files={"a": "a"}, config={"Cmd": ["/a"]})
    assert point(source, by_digest(image), target, THERE).digest == image.digest
    view = ImageView.read(target, THERE)
    assert view.descriptor.digest == image.digest
    assert view.tree()["a"].content == b"a"
    assert view.config["config"] == {"Cmd": ["/a"]}


def test_every_platform_of_an_index_is_copied(source: FakeRegistry, target: FakeRegistry) -> None:
    index = push_two_platforms(source)
    point(source, by_digest(index), target, THERE)
    assert target.repository(THERE).tags == {"1.0": index.digest}
    for platform in PLATFORMS:
        view = ImageView.read(target, THERE, platform)
        assert view.tree()["bin/x"].content == platform.encode()


def test_no_blob_is_copied_twice(source: FakeRegistry, target: FakeRegistry) -> None:
    index = push_two_platforms(source)
    point(source, by_digest(index), target, THERE)
    assert target.calls["write_blob"] == 5, "a shared layer, two layers, two configurations"
    assert source.calls["open_blob"] == 5
    point(source, by_digest(index), target, THERE.with_tag("2.0"))
    assert target.calls["write_blob"] == 5
    assert set(target.repository(THERE).tags) == {"1.0", "2.0"}


def test_a_tag_that_points_there_already_is_not_written(
    source: FakeRegistry, target: FakeRegistry
) -> None:
    image = push_image(source, HERE, files={"a": "a"})
    point(source, by_digest(image), target, THERE)
    tags = dict(target.repository(THERE).tags)
    point(source, by_digest(image), target, THERE)
    assert target.repository(THERE).tags == tags
    assert target.calls["write_blob"] == 2


def test_an_image_that_is_gone(source: FakeRegistry, target: FakeRegistry) -> None:
    image = push_image(source, HERE, files={"a": "a"})
    source.delete(by_digest(image))
    with pytest.raises(RegistryError) as raised:
        point(source, by_digest(image), target, THERE)
    assert str(raised.value) == (
        f"here.test/okteto/api@{image.digest} is not there any more\n  hint: build it again"
    )
    assert target.writes == 0


@pytest.mark.parametrize("method", ["has_blob", "write_blob", "write_manifest", "tag"])
def test_a_copy_that_fails_leaves_no_tag(
    source: FakeRegistry, target: FakeRegistry, method: str
) -> None:
    index = push_two_platforms(source)
    target.failures[method] = RegistryError("disk full")
    with pytest.raises(RegistryError, match="disk full"):
        point(source, by_digest(index), target, THERE)
    assert target.repository(THERE).tags == {}
    target.failures.clear()
    point(source, by_digest(index), target, THERE)
    assert target.repository(THERE).tags == {"1.0": index.digest}


def test_a_spoiled_blob_is_not_copied(source: FakeRegistry, target: FakeRegistry) -> None:
    image = push_image(source, HERE, files={"a": "a"})
    blobs = source.repository(HERE).blobs
    layer = next(digest for digest, data in blobs.items() if data.startswith(b"\x1f\x8b"))
    blobs[layer] = b"spoiled"
    with pytest.raises(RegistryError, match="are wrong"):
        point(source, by_digest(image), target, THERE)
    assert target.repository(THERE).tags == {}
