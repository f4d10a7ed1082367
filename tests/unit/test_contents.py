"""The digest of what an image is to those that are built from it."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug.contents import content_digest, read_config
from okplug.errors import RegistryError
from okplug.oci import (
    OCI_CONFIG,
    OCI_INDEX,
    OCI_LAYER,
    OCI_LAYER_GZIP,
    OCI_MANIFEST,
    read_document,
)
from okplug.reference import Reference
from okplug.testing import FakeRegistry, push_image, push_index

BASE = Reference("registry.test", "okteto/base")
CONFIG: dict[str, Any] = {
    "architecture": "amd64",
    "os": "linux",
    "config": {"Env": ["A=1"], "Labels": {"a": "b"}},
    "rootfs": {"type": "layers", "diff_ids": ["sha256:" + "1" * 64]},
    "created": "2026-01-02T03:04:05Z",
    "history": [{"created": "2026-01-02T03:04:05Z", "created_by": "COPY"}],
}


def store(registry: FakeRegistry, config: object, kind: str = OCI_LAYER) -> Reference:
    """Store an image of one layer with a configuration, and return it by its digest."""
    layer = registry.write_blob(BASE, io.BytesIO(b"layer"), kind)
    data = config if isinstance(config, bytes) else json.dumps(config).encode()
    parts = [
        {"mediaType": part.media_type, "digest": part.digest, "size": part.size}
        for part in (registry.write_blob(BASE, io.BytesIO(data), OCI_CONFIG), layer)
    ]
    manifest = {"schemaVersion": 2, "config": parts[0], "layers": parts[1:]}
    text = json.dumps(manifest).encode()
    return BASE.with_digest(registry.write_manifest(BASE, OCI_MANIFEST, text).digest)


def digest(config: object, kind: str = OCI_LAYER) -> str | None:
    registry = FakeRegistry()
    return content_digest(registry, store(registry, config, kind))


def test_it_is_a_digest() -> None:
    found = digest(CONFIG)
    assert found is not None
    assert found.startswith("sha256:")
    assert len(found) == len("sha256:") + 64


@pytest.mark.parametrize(
    "change",
    [
        {"created": "2027-01-01T00:00:00Z"},
        {"history": []},
        {"moby.buildkit.cache.v0": "AAAA"},
        {"moby.buildkit.buildinfo.v1": "AAAA"},
    ],
)
def test_how_an_image_came_about_does_not_count(change: dict[str, object]) -> None:
    assert digest(CONFIG | change) == digest(CONFIG)


def test_that_it_says_nothing_of_that_does_not_count() -> None:
    bare = {name: CONFIG[name] for name in CONFIG if name not in ("created", "history")}
    assert digest(bare) == digest(CONFIG)


@pytest.mark.parametrize(
    "change",
    [
        {"architecture": "arm64"},
        {"os": "windows"},
        {"variant": "v8"},
        {"os.version": "10"},
        {"author": "cindy"},
        {"config": {"Env": ["A=2"], "Labels": {"a": "b"}}},
        {"config": {"Env": ["A=1"]}},
        {"config": CONFIG["config"] | {"OnBuild": ["COPY . /"]}},
        {"rootfs": {"type": "layers", "diff_ids": ["sha256:" + "2" * 64]}},
        {"rootfs": {"type": "layers", "diff_ids": ["sha256:" + "1" * 64] * 2}},
        {"what-nobody-knows": 1},
    ],
)
def test_all_else_counts(change: dict[str, object]) -> None:
    found = digest(CONFIG | change)
    assert found is not None
    assert found != digest(CONFIG)


_VALUES = st.dictionaries(st.sampled_from("abcd"), st.text("xy", max_size=2) | st.integers(0, 2))


@given(_VALUES, _VALUES)
def test_it_differs_exactly_if_the_configuration_does(
    one: dict[str, object], other: dict[str, object]
) -> None:
    found = [digest(CONFIG | {"config": config}) for config in (one, other)]
    assert (found[0] == found[1]) == (one == other)


def test_the_order_of_fields_does_not_count() -> None:
    assert digest(dict(reversed(CONFIG.items()))) == digest(CONFIG)


def test_neither_compression_nor_annotations_count() -> None:
    assert digest(CONFIG, OCI_LAYER_GZIP) == digest(CONFIG)
    registry = FakeRegistry()
    images = [
        BASE.with_digest(push_image(registry, BASE, files={"a": "a"}, annotations=notes).digest)
        for notes in ({"root": "1"}, {"root": "2"})
    ]
    assert images[0] != images[1]
    assert content_digest(registry, images[0]) == content_digest(registry, images[1]) is not None


def test_layers_are_told_apart_by_what_they_hold() -> None:
    registry = FakeRegistry()
    found = {
        content_digest(
            registry, BASE.with_digest(push_image(registry, BASE, files={"a": text}).digest)
        )
        for text in ("a", "b")
    }
    assert len(found) == 2


@pytest.mark.parametrize(
    "config",
    [
        b"no JSON",
        b"[]",
        b"{}",
        b"[" * 100_000,
        {**CONFIG, "rootfs": None},
        {**CONFIG, "rootfs": {}},
        {**CONFIG, "rootfs": []},
    ],
    ids=["text", "list", "empty", "deep", "no-rootfs", "no-layers", "rootfs-list"],
)
def test_what_is_no_image_has_none(config: object) -> None:
    assert digest(config) is None


def test_a_huge_configuration_is_not_read() -> None:
    registry = FakeRegistry()
    image = store(registry, {**CONFIG, "author": "x" * (4 * 1024 * 1024)})
    assert content_digest(registry, image) is None
    assert registry.calls["open_blob"] == 0


def test_what_is_not_there_has_none() -> None:
    assert content_digest(FakeRegistry(), BASE.with_digest("sha256:" + "0" * 64)) is None


def test_it_takes_two_requests() -> None:
    registry = FakeRegistry()
    image = store(registry, CONFIG)
    registry.calls.clear()
    content_digest(registry, image)
    assert registry.calls == {"read_manifest": 1, "open_blob": 1}


def test_a_registry_that_fails() -> None:
    registry = FakeRegistry()
    image = store(registry, CONFIG)
    registry.failures["open_blob"] = RegistryError("down")
    with pytest.raises(RegistryError, match="down"):
        content_digest(registry, image)


# ------------------------------------------------------------------------------- several platforms


def index(registry: FakeRegistry, *entries: tuple[str, str], **files: str) -> Reference:
    """Store an index of images, each a platform and what its file holds."""
    images = {
        platform: push_image(registry, BASE, files={"a": text}, platform=platform)
        for platform, text in entries
    }
    return BASE.with_digest(push_index(registry, BASE, images, annotations=files).digest)


AMD, ARM = "linux/amd64", "linux/arm64"


def test_every_platform_counts() -> None:
    registry = FakeRegistry()
    found = [
        content_digest(registry, index(registry, *entries))
        for entries in (
            ((AMD, "a"), (ARM, "a")),
            ((AMD, "a"), (ARM, "b")),
            ((AMD, "b"), (ARM, "a")),
            ((AMD, "a"),),
        )
    ]
    assert None not in found
    assert len(set(found)) == 4


def test_the_order_of_platforms_does_not_count() -> None:
    registry = FakeRegistry()
    one = index(registry, (AMD, "a"), (ARM, "b"))
    other = index(registry, (ARM, "b"), (AMD, "a"), note="x")
    assert one != other
    assert content_digest(registry, one) == content_digest(registry, other)


def test_an_index_of_one_image_is_that_image() -> None:
    registry = FakeRegistry()
    alone = BASE.with_digest(push_image(registry, BASE, files={"a": "a"}).digest)
    assert content_digest(registry, index(registry, (AMD, "a"))) == content_digest(registry, alone)


def test_attestations_do_not_count() -> None:
    registry = FakeRegistry()
    image = index(registry, (AMD, "a"))
    found = registry.read_manifest(image)
    assert found is not None
    document = json.loads(found[1])
    other = push_image(registry, BASE, files={"provenance": "2026"})
    document["manifests"].append(
        {
            "mediaType": other.media_type,
            "digest": other.digest,
            "size": other.size,
            "annotations": {"vnd.docker.reference.type": "attestation-manifest"},
        }
    )
    text = json.dumps(document).encode()
    attested = BASE.with_digest(registry.write_manifest(BASE, OCI_INDEX, text).digest)
    assert content_digest(registry, attested) == content_digest(registry, image)


def test_an_index_that_is_not_whole_has_none() -> None:
    registry = FakeRegistry()
    image = index(registry, (AMD, "a"), (ARM, "b"))
    found = registry.read_manifest(image)
    assert found is not None
    gone = read_document(found[1]).manifests[0].digest
    del registry.repository(BASE).manifests[gone]
    assert content_digest(registry, image) is None


def test_an_empty_index_has_none() -> None:
    registry = FakeRegistry()
    assert content_digest(registry, index(registry)) is None


# ---------------------------------------------------------------------------------- configurations


def test_the_configuration_of_a_manifest() -> None:
    registry = FakeRegistry()
    found = registry.read_manifest(store(registry, CONFIG))
    assert found is not None
    assert read_config(registry, BASE, read_document(found[1])) == CONFIG


def test_an_index_has_no_configuration() -> None:
    registry = FakeRegistry()
    found = registry.read_manifest(index(registry, (AMD, "a")))
    assert found is not None
    assert read_config(registry, BASE, read_document(found[1])) is None
