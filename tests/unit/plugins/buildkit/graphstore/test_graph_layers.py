"""Layers that come from an engine, and those that the registry has already."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug import CancelledError, Reference, RegistryError
from okplug.oci import OCI_CONFIG, OCI_LAYER, OCI_LAYER_GZIP, OCI_MANIFEST
from okplug.testing import FakeRegistry, ImageView, push_image, push_index
from okplug_buildkit.graphstore.layers import KnownLayers, open_layer

if TYPE_CHECKING:
    from okplug import Descriptor

API = Reference("registry.test", "okteto/api")
WEB = Reference("registry.test", "okteto/web")
DOCKER_GZIP = "application/vnd.docker.image.rootfs.diff.tar.gzip"
LARGE = bytes(range(256)) * 10_000


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def never() -> bool:
    return False


# ----------------------------------------------------------------------------------------- streams


@pytest.mark.parametrize("data", [b"", b"a", LARGE])
@pytest.mark.parametrize("level", [1, 6, 9])
def test_gzip(data: bytes, level: int) -> None:
    with open_layer(io.BytesIO(data), digest_of(data), level, never) as stream:
        assert gzip.decompress(stream.read()) == data


def test_the_same_layer_is_compressed_to_the_same_bytes() -> None:
    one, two = (open_layer(io.BytesIO(LARGE), digest_of(LARGE), 6, never).read() for _ in range(2))
    assert one == two
    assert one[4:8] == bytes(4), "the header has no time"


@given(st.binary(max_size=300), st.integers(1, 70))
def test_no_compression_in_any_pieces(data: bytes, size: int) -> None:
    stream = open_layer(io.BytesIO(data), digest_of(data), None, never)
    pieces = []
    while piece := stream.read(size):
        assert len(piece) <= size
        pieces.append(piece)
    assert b"".join(pieces) == data


@pytest.mark.parametrize("level", [None, 6])
def test_wrong_bytes(level: int | None) -> None:
    stream = open_layer(io.BytesIO(b"wrong"), digest_of(b"right"), level, never)
    with pytest.raises(RegistryError, match="hands out wrong bytes for the layer sha256:"):
        stream.read()


def test_an_interruption() -> None:
    answers = iter([False, True])
    stream = open_layer(io.BytesIO(LARGE), digest_of(LARGE), None, lambda: next(answers))
    with pytest.raises(CancelledError):
        stream.read()


# ------------------------------------------------------------------------------------------- known


@pytest.fixture
def known() -> KnownLayers:
    return KnownLayers({OCI_LAYER_GZIP: OCI_LAYER_GZIP, DOCKER_GZIP: OCI_LAYER_GZIP})


def push(registry: FakeRegistry, reference: Reference = API) -> tuple[Reference, list[str]]:
    """Return an image of two layers, and their digests without compression."""
    pushed = push_image(registry, reference, files=[{"a": "1"}, {"b": "2"}])
    image = reference.with_digest(pushed.digest)
    return image, ImageView.read(registry, image).config["rootfs"]["diff_ids"]


def bring(known: KnownLayers, registry: FakeRegistry, digest: str) -> Descriptor:
    found = known.bring(registry, digest, WEB)
    assert found is not None
    return found


def test_the_layers_of_an_image_are_mounted(registry: FakeRegistry, known: KnownLayers) -> None:
    image, digests = push(registry)
    layers = ImageView.read(registry, image).manifest["layers"]
    known.learn(registry, image)
    found = [bring(known, registry, digest) for digest in digests]
    assert [
        {"mediaType": one.media_type, "digest": one.digest, "size": one.size} for one in found
    ] == layers
    assert set(registry.repository(WEB).blobs) == {layer["digest"] for layer in layers}


def test_an_image_is_read_once(registry: FakeRegistry, known: KnownLayers) -> None:
    image, _ = push(registry)
    registry.calls.clear()
    known.learn(registry, image)
    known.learn(registry, image)
    assert registry.calls["read_manifest"] == 1


def test_what_is_there_is_not_mounted(registry: FakeRegistry, known: KnownLayers) -> None:
    image, digests = push(registry)
    known.learn(registry, image)
    bring(known, registry, digests[0])
    registry.calls.clear()
    bring(known, registry, digests[0])
    assert registry.calls["mount_blob"] == 0


def test_what_nobody_knows(registry: FakeRegistry, known: KnownLayers) -> None:
    assert known.bring(registry, digest_of(b"x"), WEB) is None
    assert not registry.calls


def test_what_cannot_be_mounted(registry: FakeRegistry, known: KnownLayers) -> None:
    image, digests = push(registry)
    known.learn(registry, image)
    registry.repository(API).blobs.clear()
    assert known.bring(registry, digests[0], WEB) is None


def test_a_layer_of_several_repositories(registry: FakeRegistry, known: KnownLayers) -> None:
    for reference in (API, API.repository_only(), Reference("registry.test", "okteto/base")):
        image, digests = push(registry, reference)
        known.learn(registry, image)
    registry.repository(API).blobs.clear()
    bring(known, registry, digests[1])


def test_dockers_layers_are_given_the_type_of_the_manifest(
    registry: FakeRegistry, known: KnownLayers
) -> None:
    image, digests = push(registry)
    layer = ImageView.read(registry, image).manifest["layers"][0]
    stored = registry.write_blob(
        API, io.BytesIO(registry.repository(API).blobs[layer["digest"]]), DOCKER_GZIP
    )
    known.add(digests[0], stored, API)
    assert bring(known, registry, digests[0]).media_type == OCI_LAYER_GZIP


@pytest.mark.parametrize("media_type", [OCI_LAYER, f"{OCI_LAYER}+zstd"])
def test_layers_of_other_forms_do_not_count(
    registry: FakeRegistry, known: KnownLayers, media_type: str
) -> None:
    stored = registry.write_blob(API, io.BytesIO(b"layer"), media_type)
    known.add(digest_of(b"layer"), stored, API)
    assert known.bring(registry, digest_of(b"layer"), WEB) is None


def test_an_index_tells_of_no_layers(registry: FakeRegistry, known: KnownLayers) -> None:
    pushed = push_image(registry, API, files={"a": "1"})
    index = push_index(registry, API.with_tag("1"), {"linux/amd64": pushed})
    known.learn(registry, API.with_digest(index.digest))
    assert registry.calls["open_blob"] == 0


def test_an_image_that_is_not_there(registry: FakeRegistry, known: KnownLayers) -> None:
    known.learn(registry, API.with_digest(digest_of(b"none")))
    assert registry.calls["open_blob"] == 0


@pytest.mark.parametrize("config", [b"", b"[]", b"{}", b'{"rootfs": {}}', b'{"rootfs": 1}'])
def test_a_configuration_that_tells_of_no_layers(
    registry: FakeRegistry, known: KnownLayers, config: bytes
) -> None:
    parts = registry.write_blob(API, io.BytesIO(config), OCI_CONFIG)
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {"mediaType": OCI_CONFIG, "digest": parts.digest, "size": parts.size},
        "layers": [],
    }
    data = json.dumps(manifest).encode()
    stored = registry.write_manifest(API, OCI_MANIFEST, data)
    known.learn(registry, API.with_digest(stored.digest))
    assert known.bring(registry, digest_of(b""), WEB) is None
