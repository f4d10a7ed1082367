"""What repositories hold: sizes, manifests and ages."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from typing import Any, BinaryIO

import pytest

from okplug.backends import Descriptor
from okplug.errors import RegistryError
from okplug.reference import Reference
from okplug.storedimages import CREATED, read_images
from okplug.testing import FakeRegistry, push_image, push_index

API = Reference("registry.test", "okteto/api")
TIME = "2026-01-02T03:04:05Z"


class Telling(FakeRegistry):
    """A registry whose images say what a test wants.

    :param config: the bytes of every configuration.
    :param notes: what refers to every image.
    """

    config = b""
    notes: tuple[Descriptor, ...] = ()

    def open_blob(self, reference: Reference, digest: str) -> BinaryIO:
        """Open a configuration."""
        right = super().open_blob(reference, digest)
        return io.BytesIO(self.config) if self.config else right

    def referrers(self, reference: Reference, artifact_type: str = "") -> tuple[Descriptor, ...]:
        """Return the notes."""
        assert (reference.tag, artifact_type) == ("1", "") or not self.notes
        return self.notes


@pytest.fixture
def registry() -> Telling:
    """An empty registry."""
    return Telling()


def push(registry: FakeRegistry, tag: str = "1", **arguments: Any) -> Descriptor:
    return push_image(registry, API.with_tag(tag), **arguments)


def created(registry: FakeRegistry) -> datetime | None:
    (image,) = read_images(registry, [API])
    return image.created


def test_every_tag_of_every_repository(registry: FakeRegistry) -> None:
    web = Reference("registry.test", "okteto/web")
    for tag in ("b", "a"):
        push(registry, tag, files={"x": tag})
    push_image(registry, web.with_tag("c"), files={"x": "c"})
    found = read_images(registry, [web, API, Reference("registry.test", "okteto/none")])
    assert [str(image.tag) for image in found] == [
        "registry.test/okteto/web:c",
        "registry.test/okteto/api:a",
        "registry.test/okteto/api:b",
    ]


def test_the_parts_of_an_image(registry: FakeRegistry) -> None:
    pushed = push(registry, files=[{"x": "1"}, {"y": "22"}])
    (image,) = read_images(registry, [API])
    blobs = registry.repository(API).blobs
    assert image.digest == pushed.digest
    assert image.manifests == (pushed.digest,)
    assert dict(image.parts) == {digest: len(data) for digest, data in blobs.items()}
    assert len(image.parts) == 4


def test_the_parts_of_an_index(registry: FakeRegistry) -> None:
    children = {
        platform: push_image(registry, API, files={"x": platform}, platform=platform)
        for platform in ("linux/amd64", "linux/arm64")
    }
    index = push_index(registry, API.with_tag("1"), children)
    (image,) = read_images(registry, [API])
    assert image.manifests == (index.digest, *(child.digest for child in children.values()))
    assert image.parts.keys() == registry.repository(API).blobs.keys()


def test_an_index_whose_part_is_gone_is_what_is_left(registry: FakeRegistry) -> None:
    child = push_image(registry, API, files={"x": "1"})
    index = push_index(registry, API.with_tag("1"), {"linux/amd64": child})
    del registry.repository(API).manifests[child.digest]
    (image,) = read_images(registry, [API])
    assert image.manifests == (index.digest,)


def test_a_tag_that_finds_nothing_is_left_out(registry: FakeRegistry) -> None:
    pushed = push(registry, files={"x": "1"})
    del registry.repository(API).manifests[pushed.digest]
    assert read_images(registry, [API]) == []


def test_a_registry_that_cannot_be_read(registry: FakeRegistry) -> None:
    push(registry)
    registry.failures["read_manifest"] = RegistryError("it is down")
    with pytest.raises(RegistryError, match="it is down"):
        read_images(registry, [API])


# --------------------------------------------------------------------------------------------- ages


@pytest.mark.parametrize(
    ("annotation", "config", "expected"),
    [
        (TIME, "", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("", TIME, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2025-06-01T00:00:00Z", TIME, datetime(2025, 6, 1, tzinfo=UTC)),
        ("yesterday", TIME, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("", "2026-01-02T03:04:05.123456789+00:00", datetime(2026, 1, 2, 3, 4, 5, 123456, UTC)),
        ("", "2026-01-02T03:04:05", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("1970-01-01T00:00:00Z", "1980-01-01T00:00:00Z", None),
        ("", "0001-01-01T00:00:00Z", None),
        ("", "soon", None),
        ("", "", None),
    ],
)
def test_what_an_image_says_of_its_age(
    registry: Telling, annotation: str, config: str, expected: datetime | None
) -> None:
    push(registry, annotations={CREATED: annotation} if annotation else {})
    if config:
        registry.config = json.dumps({"created": config}).encode()
    assert created(registry) == expected


def test_the_newest_part_of_an_index_counts(registry: FakeRegistry) -> None:
    children = {
        f"linux/{name}": push_image(
            registry,
            API,
            files={"x": name},
            platform=f"linux/{name}",
            annotations={CREATED: f"202{number}-01-01T00:00:00Z"},
        )
        for number, name in enumerate(("amd64", "arm64", "riscv64"))
    }
    push_index(registry, API.with_tag("1"), children)
    assert created(registry) == datetime(2022, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("own", [{}, {CREATED: "2020-01-01T00:00:00Z"}])
def test_what_refers_to_an_image_may_tell_its_age(registry: Telling, own: dict[str, str]) -> None:
    push(registry, annotations=own)
    times: tuple[dict[str, str], ...] = ({CREATED: "2024-01-01T00:00:00Z"}, {CREATED: TIME}, {})
    registry.notes = tuple(Descriptor("t", f"sha256:{'0' * 64}", 1, time) for time in times)
    assert created(registry) == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize("config", [b"[]", b"no JSON", b'{"created": 7}', b"\xff"])
def test_a_configuration_that_is_none_tells_no_age(registry: Telling, config: bytes) -> None:
    push(registry)
    registry.config = config
    assert created(registry) is None


def test_what_refers_to_an_image_may_be_older(registry: Telling) -> None:
    push(registry, annotations={CREATED: TIME})
    registry.notes = (Descriptor("t", f"sha256:{'0' * 64}", 1, {CREATED: "2024-01-01T00:00:00Z"}),)
    assert created(registry) == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_a_configuration_that_cannot_be_read_tells_no_age(registry: FakeRegistry) -> None:
    push(registry)
    registry.failures["open_blob"] = RegistryError("it is gone")
    assert created(registry) is None


def test_tags_of_result_keys_are_left_out_unasked(registry: FakeRegistry) -> None:
    image = push(registry)
    registry.tag(API.with_digest(image.digest), API.with_tag("result-" + "0" * 32))
    registry.calls.clear()
    assert [image.tag.tag for image in read_images(registry, [API])] == ["1"]
    assert registry.calls["read_manifest"] == 1
