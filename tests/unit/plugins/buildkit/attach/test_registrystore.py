"""Registries as stores: images that a daemon reads, and one that it writes."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
from typing import TYPE_CHECKING, BinaryIO

import pytest

from okplug.errors import RegistryError
from okplug.oci import OCI_CONFIG, OCI_INDEX, OCI_LAYER_GZIP, OCI_MANIFEST
from okplug.reference import Reference
from okplug.testing import FakeRegistry, ImageView, push_image, push_index
from okplug_buildkit.attach.registrystore import RegistrySink, RegistryStore
from okplug_buildkit.attach.stores import SequentialReads
from okplug_buildkit.rpc import Code, RpcError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from okplug.backends import Descriptor

API = Reference("registry.test", "okteto/api", "1")
WEB = Reference("registry.test", "okteto/web", "1")


def by_digest(reference: Reference, descriptor: Descriptor) -> Reference:
    return reference.with_tag("").with_digest(descriptor.digest)


@pytest.fixture
def registry() -> FakeRegistry:
    return FakeRegistry()


def whole(store: RegistryStore, digest: str) -> bytes:
    size = store.size(digest)
    assert size is not None
    return b"".join(store.read(digest, 0, size))


# ------------------------------------------------------------------------------------------ reading


def test_an_image_with_all_its_parts(registry: FakeRegistry) -> None:
    pushed = push_image(registry, API, files=[{"a": "1"}, {"b": "2"}])
    store = RegistryStore(registry, [by_digest(API, pushed)])
    manifest = json.loads(whole(store, pushed.digest))
    blobs = registry.repository(API).blobs
    for part in (manifest["config"], *manifest["layers"]):
        assert store.size(part["digest"]) == part["size"]
        assert whole(store, part["digest"]) == blobs[part["digest"]]
    store.close()


def test_a_blob_may_be_asked_for_before_its_manifest(registry: FakeRegistry) -> None:
    pushed = push_image(registry, API, files={"a": "1"})
    layer = ImageView.read(registry, API).manifest["layers"][0]["digest"]
    store = RegistryStore(registry, [by_digest(API, pushed)])
    assert store.size(layer) is not None


def test_images_of_several_repositories(registry: FakeRegistry) -> None:
    pushed = {
        reference: push_image(registry, reference, files={"a": str(reference)})
        for reference in (API, WEB)
    }
    store = RegistryStore(registry, [by_digest(*pair) for pair in pushed.items()])
    for reference, descriptor in pushed.items():
        assert hashlib.sha256(whole(store, descriptor.digest)).hexdigest() in descriptor.digest
        layer = ImageView.read(registry, reference).manifest["layers"][0]["digest"]
        assert whole(store, layer) == registry.repository(reference).blobs[layer]


def test_an_index_with_the_platforms_that_are_there(registry: FakeRegistry) -> None:
    one = push_image(registry, API.with_tag(""), files={"a": "1"})
    two = push_image(registry, API.with_tag(""), files={"a": "2"}, platform="linux/arm64")
    index = push_index(registry, API, {"linux/amd64": one, "linux/arm64": two})
    registry.repository(API).manifests.pop(two.digest)
    store = RegistryStore(registry, [by_digest(API, index)])
    assert store.size(one.digest) == one.size
    assert store.size(two.digest) is None
    layer = ImageView.read(registry, by_digest(API, one)).manifest["layers"][0]
    assert store.size(layer["digest"]) == layer["size"]


def test_what_is_no_part_of_the_images_is_not_there(registry: FakeRegistry) -> None:
    pushed = push_image(registry, API, files={"a": "1"})
    other = push_image(registry, API, files={"a": "2"})
    store = RegistryStore(registry, [by_digest(API, pushed)])
    assert store.size(other.digest) is None
    assert store.size("sha256:" + "0" * 64) is None


def test_an_image_that_has_gone_is_an_error(registry: FakeRegistry) -> None:
    reference = API.with_tag("").with_digest("sha256:" + "0" * 64)
    store = RegistryStore(registry, [reference])
    with pytest.raises(RegistryError, match=rf"^{reference} is not there\n  hint: build it again"):
        store.size(reference.digest)


def test_each_manifest_is_read_once(registry: FakeRegistry) -> None:
    pushed = push_image(registry, API, files={"a": "1"})
    store = RegistryStore(registry, [by_digest(API, pushed)])
    for _ in range(3):
        whole(store, pushed.digest)
        store.size("sha256:" + "0" * 64)
    assert registry.calls["read_manifest"] == 1


def test_a_manifest_in_parts(registry: FakeRegistry) -> None:
    pushed = push_image(registry, API, files={"a": "1"})
    store = RegistryStore(registry, [by_digest(API, pushed)])
    data = whole(store, pushed.digest)
    assert b"".join(store.read(pushed.digest, 5, 20)) == data[5:25]


def test_the_daemon_cannot_write_what_it_reads(registry: FakeRegistry) -> None:
    store = RegistryStore(registry, [])
    assert not store.has("layer-x", "sha256:x")
    with pytest.raises(RpcError) as caught:
        store.write("layer-x", io.BytesIO())
    assert caught.value.code == Code.PERMISSION_DENIED


# ------------------------------------------------------------------- blobs, read by one call after another


class Blob(io.BytesIO):
    """A stream that can only be read, and that tells at its end whether it was right."""

    def __init__(self, data: bytes, error: Exception | None) -> None:
        super().__init__(data)
        self._error = error

    def seekable(self) -> bool:
        """Tell that it can only be read."""
        return False

    def read(self, size: int | None = -1, /) -> bytes:
        """Read, and fail at the end."""
        data = super().read(size)
        if not data and size and self._error:
            raise self._error
        return data


class Opener:
    """Opens one blob and keeps what it has opened."""

    def __init__(self, data: bytes, error: Exception | None = None) -> None:
        self.data = data
        self.error = error
        self.opened: list[Blob] = []

    def __call__(self, digest: str) -> BinaryIO:
        """Open the blob."""
        assert digest == "d"
        self.opened.append(Blob(self.data, self.error))
        return self.opened[-1]


def joined(reads: SequentialReads, start: int, size: int, total: int = 10) -> bytes:
    return b"".join(reads.read("d", start, size, total))


def test_a_call_goes_on_where_the_last_one_ended() -> None:
    opener = Opener(b"0123456789")
    reads = SequentialReads(opener)
    assert [joined(reads, start, 3) for start in (0, 3, 6)] == [b"012", b"345", b"678"]
    assert joined(reads, 9, 1) == b"9"
    assert [stream.closed for stream in opener.opened] == [True]


def test_a_call_may_go_on_anywhere() -> None:
    opener = Opener(b"0123456789")
    reads = SequentialReads(opener)
    assert joined(reads, 5, 3) == b"567"
    assert joined(reads, 0, 2) == b"01"
    assert joined(reads, 8, 2) == b"89"
    assert len(opener.opened) == 2
    reads.close()
    assert all(stream.closed for stream in opener.opened)


def test_two_that_read_the_same_do_not_meet() -> None:
    opener = Opener(b"0123456789")
    reads = SequentialReads(opener)
    one, two = reads.read("d", 0, 10, 10), reads.read("d", 0, 10, 10)
    assert (next(one), next(two)) == (b"0123456789", b"0123456789")
    assert list(one) == list(two) == []
    assert [stream.closed for stream in opener.opened] == [True, True]


def test_few_streams_are_kept() -> None:
    opener = Opener(b"x" * 1000)
    reads = SequentialReads(opener)
    for start in range(0, 900, 30):
        joined(reads, start + 1, 5, 1000)
    assert sum(not stream.closed for stream in opener.opened) == 8
    for _ in range(2):
        joined(reads, 0, 7, 1000)
    reads.close()
    assert all(stream.closed for stream in opener.opened)


def test_the_last_bytes_come_when_all_have_proved_right() -> None:
    opener = Opener(b"0123456789", RegistryError("wrong bytes"))
    reads = SequentialReads(opener)
    assert joined(reads, 0, 9) == b"012345678"
    pieces: Iterator[bytes] = reads.read("d", 9, 1, 10)
    with pytest.raises(RegistryError, match="wrong bytes"):
        next(pieces)
    assert opener.opened[0].closed


def test_a_blob_that_ends_too_early() -> None:
    opener = Opener(b"01234")
    with pytest.raises(RpcError, match=r"content d ends too early") as caught:
        joined(SequentialReads(opener), 0, 10)
    assert caught.value.code == Code.DATA_LOSS
    assert opener.opened[0].closed


def test_who_stops_reading_leaves_nothing_open() -> None:
    opener = Opener(b"x" * (3 << 20))
    pieces = SequentialReads(opener).read("d", 0, 3 << 20, 3 << 20)
    assert len(next(iter(pieces))) == 1 << 20
    getattr(pieces, "close")()  # noqa: B009  # only generators have it
    assert opener.opened[0].closed


# ------------------------------------------------------------------------------------------ writing


def write(sink: RegistrySink, ref: str, data: bytes) -> str:
    digest, size = sink.write(ref, io.BytesIO(data))
    assert (digest, size) == (f"sha256:{hashlib.sha256(data).hexdigest()}", len(data))
    return digest


def image(sink: RegistrySink, content: str) -> tuple[str, bytes]:
    """Write a small image as a daemon does, and return its digest and manifest."""
    layer = gzip.compress(content.encode())
    config = json.dumps({"x": content}).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor(OCI_CONFIG, write(sink, "config-x", config), config),
        "layers": [descriptor(OCI_LAYER_GZIP, write(sink, "layer-x", layer), layer)],
    }
    data = json.dumps(manifest).encode()
    return write(sink, "manifest-x", data), data


def descriptor(media_type: str, digest: str, data: bytes) -> dict[str, object]:
    return {"mediaType": media_type, "digest": digest, "size": len(data)}


def test_an_image_is_written_by_its_digest(registry: FakeRegistry) -> None:
    sink = RegistrySink(registry, API)
    digest, data = image(sink, "1")
    assert sink.written[digest].media_type == OCI_MANIFEST
    assert registry.resolve(API.with_tag("").with_digest(digest)) == sink.written[digest]
    assert registry.repository(API).blobs[digest] == data
    assert registry.repository(API).tags == {}


def test_an_index_after_its_images(registry: FakeRegistry) -> None:
    sink = RegistrySink(registry, API)
    parts = [descriptor(OCI_MANIFEST, *image(sink, text)) for text in "12"]
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": parts}
    digest = write(sink, "index-x", json.dumps(index).encode())
    assert sink.written[digest].media_type == OCI_INDEX
    assert len(sink.written) == 3


def test_a_manifest_before_its_parts_is_refused(registry: FakeRegistry) -> None:
    _, data = image(RegistrySink(registry, API), "1")
    with pytest.raises(RegistryError, match=r"okteto/web has not sha256:"):
        RegistrySink(registry, WEB).write("manifest-x", io.BytesIO(data))


def test_what_the_repository_has_need_not_be_written(registry: FakeRegistry) -> None:
    digest, data = image(RegistrySink(registry, API), "1")
    sink = RegistrySink(registry, API)
    config = json.loads(data)["config"]["digest"]
    assert sink.has("config-x", config)
    assert not sink.has("config-x", "sha256:" + "0" * 64)
    assert sink.has("manifest-x", digest)
    assert list(sink.written) == [digest]


def test_a_manifest_that_is_only_a_blob_is_written(registry: FakeRegistry) -> None:
    digest, _ = image(RegistrySink(registry, API), "1")
    registry.repository(API).manifests.clear()
    assert not RegistrySink(registry, API).has("manifest-x", digest)


def test_blobs_of_other_repositories_are_mounted(registry: FakeRegistry) -> None:
    _, data = image(RegistrySink(registry, API), "1")
    layer = json.loads(data)["layers"][0]["digest"]
    assert not RegistrySink(registry, WEB).has("layer-x", layer)
    assert RegistrySink(registry, WEB, [WEB, API]).has("layer-x", layer)
    assert layer in registry.repository(WEB).blobs
    assert not RegistrySink(registry, WEB, [API]).has("layer-x", "sha256:" + "0" * 64)


def test_the_daemon_cannot_read_what_it_writes(registry: FakeRegistry) -> None:
    digest, _ = image(RegistrySink(registry, API), "1")
    sink = RegistrySink(registry, API)
    assert sink.size(digest) is None
    with pytest.raises(RpcError) as caught:
        sink.read(digest, 0, 1)
    assert caught.value.code == Code.NOT_FOUND


@pytest.mark.parametrize("data", [b"{", b"[]", b'{"layers": []', b" " * (5 << 20)])
def test_a_manifest_that_is_none(registry: FakeRegistry, data: bytes) -> None:
    with pytest.raises(RegistryError, match=r"a manifest"):
        RegistrySink(registry, API).write("manifest-x", io.BytesIO(data))


def test_a_registry_that_fails(registry: FakeRegistry) -> None:
    registry.failures["write_blob"] = RegistryError("no room")
    with pytest.raises(RegistryError, match="no room"):
        RegistrySink(registry, API).write("layer-x", io.BytesIO(b"1"))
