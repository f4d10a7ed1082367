"""Records of keys as artifacts: what is written, what is read back, and what is not understood."""

from __future__ import annotations

import hashlib
import io
import json
import random
import zlib
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug.backends import Artifact
from okplug.errors import RegistryError
from okplug.keys import KeyItem, KeyRecord
from okplug.oci import OCI_EMPTY, OCI_MANIFEST
from okplug.recordartifact import (
    COMPRESSED_TYPE,
    RECORD_TYPE,
    lists_files,
    publish_record,
    read_record,
    without_files,
)
from okplug.reference import Reference
from okplug.testing import FakeRegistry, push_image, push_index

REPOSITORY = Reference("registry.test", "okteto/api")
ITEMS = (
    KeyItem("arg", "VERSION", "1"),
    KeyItem("files", "", "ab" * 16, "cd" * 32),
    KeyItem("file", "src/a", "file 00ff", "ef" * 32),
    KeyItem("dependency", "", "12" * 16, "34" * 32, "base:base"),
)
RECORD = KeyRecord("01" * 16, "23" * 32, ITEMS)


@pytest.fixture
def registry() -> FakeRegistry:
    return FakeRegistry()


@pytest.fixture
def image(registry: FakeRegistry) -> Artifact:
    descriptor = push_image(registry, REPOSITORY, files={"a": "1"})
    return Artifact(REPOSITORY.with_digest(descriptor.digest), descriptor)


def sorted_items(record: KeyRecord) -> KeyRecord:
    return KeyRecord(record.key, record.root, tuple(sorted(record.items)))


def many_files(number: int) -> KeyRecord:
    """Return a record whose files cannot be compressed."""
    digits = random.Random(1)
    files = (KeyItem("file", f"f{n}", digits.randbytes(500).hex()) for n in range(number))
    return KeyRecord(RECORD.key, RECORD.root, (*ITEMS, *files))


def manifest_of(registry: FakeRegistry, image: Artifact) -> dict[str, Any]:
    (record,) = registry.referrers(image.reference, RECORD_TYPE)
    found = registry.read_manifest(REPOSITORY.with_digest(record.digest))
    assert found is not None
    document: dict[str, Any] = json.loads(found[1])
    return document


def test_the_manifest(registry: FakeRegistry, image: Artifact) -> None:
    publish_record(registry, image, "src/api:api", RECORD)
    document = manifest_of(registry, image)
    created = datetime.fromisoformat(
        document["annotations"].pop("org.opencontainers.image.created")
    )
    assert created.tzinfo is not None
    (layer,) = document.pop("layers")
    with registry.open_blob(REPOSITORY, layer["digest"]) as stream:
        text = stream.read()
    assert document == {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": "application/vnd.okplug.record.v1+json",
        "config": {
            "mediaType": OCI_EMPTY,
            "digest": f"sha256:{hashlib.sha256(b'{}').hexdigest()}",
            "size": 2,
        },
        "subject": {
            "mediaType": OCI_MANIFEST,
            "digest": image.descriptor.digest,
            "size": image.descriptor.size,
        },
        "annotations": {
            "dev.okplug.address": "src/api:api",
            "dev.okplug.key": "01" * 16,
            "dev.okplug.record": hashlib.sha256(text).hexdigest(),
            "dev.okplug.root": "23" * 32,
        },
    }
    assert layer["mediaType"] == RECORD_TYPE
    assert json.loads(text)["key"] == "01" * 16


def test_a_round_trip(registry: FakeRegistry, image: Artifact) -> None:
    publish_record(registry, image, "api:api", RECORD)
    assert read_record(registry, image.reference) == sorted_items(RECORD)


def test_an_index_has_its_record_too(registry: FakeRegistry, image: Artifact) -> None:
    index = push_index(registry, REPOSITORY, {"linux/amd64": image.descriptor})
    both = Artifact(REPOSITORY.with_digest(index.digest), index)
    publish_record(registry, both, "api:api", RECORD)
    assert read_record(registry, both.reference) == sorted_items(RECORD)
    assert read_record(registry, image.reference) is None


def test_the_order_of_items_does_not_matter(registry: FakeRegistry, image: Artifact) -> None:
    for items in (ITEMS, ITEMS[::-1]):
        publish_record(registry, image, "api:api", KeyRecord(RECORD.key, RECORD.root, items))
    layers = {
        json.loads(registry.repository(REPOSITORY).blobs[found.digest])["layers"][0]["digest"]
        for found in registry.referrers(image.reference, RECORD_TYPE)
    }
    assert len(layers) == 1


def test_a_large_record_is_compressed(registry: FakeRegistry, image: Artifact) -> None:
    record = many_files(50)
    publish_record(registry, image, "api:api", record)
    (layer,) = manifest_of(registry, image)["layers"]
    assert layer["mediaType"] == COMPRESSED_TYPE
    assert layer["size"] < 50 * 1000
    assert read_record(registry, image.reference) == sorted_items(record)


def test_too_many_files_are_left_out_and_that_is_said(
    registry: FakeRegistry, image: Artifact
) -> None:
    record = many_files(9000)
    publish_record(registry, image, "api:api", record)
    found = read_record(registry, image.reference)
    assert found is not None
    assert lists_files(record)
    assert not lists_files(found)
    assert not [item for item in found.items if item.kind == "file"]
    assert found == sorted_items(without_files(RECORD))


def test_what_is_too_large_even_so_is_not_written(registry: FakeRegistry, image: Artifact) -> None:
    value = random.Random(1).randbytes(5 * 1024 * 1024).hex()
    record = KeyRecord(RECORD.key, RECORD.root, (KeyItem("arg", "A", value),))
    publish_record(registry, image, "api:api", record)
    assert registry.referrers(image.reference) == ()


def test_nothing_is_there(registry: FakeRegistry, image: Artifact) -> None:
    assert read_record(registry, image.reference) is None
    assert read_record(registry, REPOSITORY.with_tag("none")) is None


def write(registry: FakeRegistry, image: Artifact, layer: bytes, media_type: str) -> None:
    """Write what others may have written."""

    def plain(data: bytes, media_type: str) -> dict[str, object]:
        found = registry.write_blob(REPOSITORY, io.BytesIO(data), media_type)
        return {"mediaType": media_type, "digest": found.digest, "size": found.size}

    manifest = {
        "mediaType": OCI_MANIFEST,
        "artifactType": RECORD_TYPE,
        "config": plain(b"{}", OCI_EMPTY),
        "layers": [plain(layer, media_type)],
        "subject": {
            "mediaType": image.descriptor.media_type,
            "digest": image.descriptor.digest,
            "size": image.descriptor.size,
        },
    }
    registry.write_manifest(REPOSITORY, OCI_MANIFEST, json.dumps(manifest).encode())


@pytest.mark.parametrize(
    ("layer", "media_type"),
    [
        (b"no JSON", RECORD_TYPE),
        (b"[]", RECORD_TYPE),
        (b'{"scheme": "another"}', RECORD_TYPE),
        (b"not compressed", COMPRESSED_TYPE),
        (zlib.compress(b"x" * 5000, wbits=31)[:-20], COMPRESSED_TYPE),
        (b"{}", "application/else"),
        (b"x" * (4 * 1024 * 1024 + 1), RECORD_TYPE),
    ],
    ids=["text", "list", "scheme", "plain", "cut", "type", "large"],
)
def test_what_is_no_record_is_passed_over(
    registry: FakeRegistry, image: Artifact, layer: bytes, media_type: str
) -> None:
    write(registry, image, layer, media_type)
    assert read_record(registry, image.reference) is None
    publish_record(registry, image, "api:api", RECORD)
    assert read_record(registry, image.reference) == sorted_items(RECORD)


def test_a_bomb_is_not_unpacked(registry: FakeRegistry, image: Artifact) -> None:
    bomb = zlib.compress(b" " * (70 * 1024 * 1024), wbits=31)
    write(registry, image, bomb, COMPRESSED_TYPE)
    assert read_record(registry, image.reference) is None


def test_wrong_bytes_are_an_error(registry: FakeRegistry, image: Artifact) -> None:
    publish_record(registry, image, "api:api", RECORD)
    (layer,) = manifest_of(registry, image)["layers"]
    registry.repository(REPOSITORY).blobs[layer["digest"]] += b" "
    with pytest.raises(RegistryError, match="wrong"):
        read_record(registry, image.reference)


texts = st.text(st.characters(), max_size=8) | st.just("\udcff")


@given(st.lists(st.builds(KeyItem, texts, texts, texts, texts, texts), max_size=5))
def test_every_record_comes_back(items: list[KeyItem]) -> None:
    registry = FakeRegistry()
    descriptor = push_image(registry, REPOSITORY, files={})
    image = Artifact(REPOSITORY.with_digest(descriptor.digest), descriptor)
    record = KeyRecord("a" * 32, "b" * 64, tuple(items))
    publish_record(registry, image, "api:api", record)
    assert read_record(registry, image.reference) == sorted_items(record)
