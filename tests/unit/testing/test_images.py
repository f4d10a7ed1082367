"""Small images: what is pushed is what is read, with whiteouts as the specification has them."""

from __future__ import annotations

import gzip
import io
import json

import pytest

from okplug.backends import Descriptor
from okplug.oci import OCI_CONFIG, OCI_LAYER, OCI_LAYER_GZIP, OCI_MANIFEST
from okplug.reference import Reference
from okplug.testing import FakeRegistry, ImageView, Node, push_image, push_index
from okplug.testing.images import layer_tar

API = Reference("registry.test", "okteto/api", "1.0")


def tree(*layers: dict[str, str | bytes | Node]) -> dict[str, Node]:
    registry = FakeRegistry()
    push_image(registry, API, files=layers)
    return ImageView.read(registry, API).tree()


def test_files_folders_and_links() -> None:
    assert tree(
        {
            "bin/": "",
            "bin/run": Node(mode=0o755, uid=1, gid=2, content=b"#!/bin/sh\n"),
            "bin/go": Node("link", 0o777, content="run"),
            "etc/name": "größe",
            "pipe": Node("fifo", 0o600, content=""),
        }
    ) == {
        "bin": ("directory", 0o755, 0, 0, ""),
        "bin/go": ("link", 0o777, 0, 0, "run"),
        "bin/run": ("file", 0o755, 1, 2, b"#!/bin/sh\n"),
        "etc/name": ("file", 0o644, 0, 0, "größe".encode()),
        "pipe": ("fifo", 0o600, 0, 0, ""),
    }


@pytest.mark.parametrize(
    ("upper", "paths"),
    [
        ({}, ["a", "a/b", "a/b/c", "a/d", "e"]),
        ({".wh.e": ""}, ["a", "a/b", "a/b/c", "a/d"]),
        ({"a/.wh.b": ""}, ["a", "a/d", "e"]),
        ({"a/.wh.d": "", "a/d": "new"}, ["a", "a/b", "a/b/c", "a/d", "e"]),
        ({"a/b/new": "1", "a/b/.wh..wh..opq": ""}, ["a", "a/b", "a/b/new", "a/d", "e"]),
        ({".wh..wh..opq": "", "f": "1"}, ["f"]),
        ({"a": "now a file"}, ["a", "e"]),
        ({"a/": ""}, ["a", "a/b", "a/b/c", "a/d", "e"]),
        ({"./a/x": "1", "/y": ""}, ["a", "a/b", "a/b/c", "a/d", "a/x", "e", "y"]),
        ({".wh.absent": ""}, ["a", "a/b", "a/b/c", "a/d", "e"]),
    ],
)
def test_a_layer_over_another(upper: dict[str, str | bytes | Node], paths: list[str]) -> None:
    lower: dict[str, str | bytes | Node] = {
        "a/": "",
        "a/b/": "",
        "a/b/c": "1",
        "a/d": "2",
        "e": "3",
    }
    assert list(tree(lower, upper)) == paths


def test_the_upper_layer_wins() -> None:
    found = tree({"a": "old", "b": "old"}, {"a": Node("link", 0o777, content="b")})
    assert found == {"a": ("link", 0o777, 0, 0, "b"), "b": ("file", 0o644, 0, 0, b"old")}


def test_equal_images_have_equal_digests() -> None:
    one = push_image(FakeRegistry(), API, files={"a": "1"}, config={"Cmd": ["x"]})
    two = push_image(FakeRegistry(), API, files={"a": "1"}, config={"Cmd": ["x"]})
    assert one == two != push_image(FakeRegistry(), API, files={"a": "1"})


def test_the_parts_can_be_looked_at() -> None:
    registry = FakeRegistry()
    descriptor = push_image(
        registry,
        API,
        files=[{"a": "1"}, {"b": "2", "c/": ""}],
        config={"Env": ["A=1"]},
        platform="linux/arm64/v8",
        annotations={"x": "y"},
    )
    view = ImageView.read(registry, API)
    assert view.descriptor == descriptor
    assert view.manifest["annotations"] == {"x": "y"}
    assert [layer["mediaType"] for layer in view.manifest["layers"]] == [OCI_LAYER_GZIP] * 2
    assert view.config["config"] == {"Env": ["A=1"]}
    assert view.config["variant"] == "v8"
    assert view.members(1) == ("b", "c")


def test_an_image_without_layers() -> None:
    registry = FakeRegistry()
    push_image(registry, API)
    assert ImageView.read(registry, API).tree() == {}


def test_a_hard_link_is_the_file() -> None:
    registry = FakeRegistry()
    layer = io.BytesIO(layer_tar({"a": "1"}))
    import tarfile

    with tarfile.open(fileobj=layer, mode="a") as archive:
        member = tarfile.TarInfo("b")
        member.type, member.linkname = tarfile.LNKTYPE, "a"
        archive.addfile(member)
    push_layer(registry, layer.getvalue(), OCI_LAYER)
    assert ImageView.read(registry, API).tree()["b"] == ("file", 0o644, 0, 0, b"1")


def push_layer(registry: FakeRegistry, data: bytes, media_type: str) -> None:
    import hashlib

    plain = gzip.decompress(data) if media_type == OCI_LAYER_GZIP else data
    diff_id = f"sha256:{hashlib.sha256(plain).hexdigest()}"
    config = {"rootfs": {"type": "layers", "diff_ids": [diff_id]}}
    push_manifest(registry, config, registry.write_blob(API, io.BytesIO(data), media_type))


def push_manifest(registry: FakeRegistry, config: object, *layers: Descriptor) -> None:
    written = registry.write_blob(API, io.BytesIO(json.dumps(config).encode()), OCI_CONFIG)
    blobs = [
        {"mediaType": blob.media_type, "digest": blob.digest, "size": blob.size}
        for blob in (written, *layers)
    ]
    data = json.dumps({"schemaVersion": 2, "config": blobs[0], "layers": blobs[1:]}).encode()
    manifest = registry.write_manifest(API, OCI_MANIFEST, data)
    registry.tag(API.with_tag("").with_digest(manifest.digest), API)


def test_layers_that_contradict_the_configuration_are_noticed() -> None:
    registry = FakeRegistry()
    layer = registry.write_blob(API, io.BytesIO(layer_tar({"a": "1"})), OCI_LAYER)
    push_manifest(registry, {"rootfs": {"diff_ids": [f"sha256:{'0' * 64}"]}}, layer)
    with pytest.raises(AssertionError, match="diff_ids are not those of the layers"):
        ImageView.read(registry, API)


def test_layers_that_are_not_read_are_noticed() -> None:
    registry = FakeRegistry()
    layer = registry.write_blob(API, io.BytesIO(b"\x28\xb5\x2f\xfd"), OCI_LAYER)
    push_manifest(registry, {"rootfs": {"diff_ids": [f"sha256:{'0' * 64}"]}}, layer)
    with pytest.raises(AssertionError, match="compressed with zstd"):
        ImageView.read(registry, API)


def test_a_wrong_size_is_noticed() -> None:
    registry = FakeRegistry()
    layer = registry.write_blob(API, io.BytesIO(b"1"), OCI_LAYER)
    push_manifest(registry, {"rootfs": {"diff_ids": []}}, Descriptor(OCI_LAYER, layer.digest, 7))
    with pytest.raises(AssertionError, match=f"the size of {layer.digest} is wrong"):
        ImageView.read(registry, API)


def test_each_platform_of_an_index() -> None:
    registry = FakeRegistry()
    images = {
        platform: push_image(registry, API, files={"arch": platform}, platform=platform)
        for platform in ("linux/amd64", "linux/arm64")
    }
    push_index(registry, API, images, annotations={"a": "b"})
    for platform in images:
        view = ImageView.read(registry, API, platform)
        assert view.config["architecture"] == platform.partition("/")[2]
    assert ImageView.read(registry, API).descriptor == images["linux/amd64"]
    with pytest.raises(AssertionError, match="the index has no image for linux/s390x"):
        ImageView.read(registry, API, "linux/s390x")


def test_what_is_not_there() -> None:
    with pytest.raises(AssertionError, match=r"^registry\.test/okteto/api:1\.0 is not there"):
        ImageView.read(FakeRegistry(), API)
