"""Images in the registry that a build starts from or copies from."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from okplug import Reference, RegistryError
from okplug.oci import OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST
from okplug.testing import FakeRegistry, push_image, push_index
from okplug_embedded.failures import InstructionError
from okplug_embedded.images import Images, open_image, parse_name

BASE = Reference("registry.test", "base", "1")
HERE = "linux/amd64"


@pytest.fixture
def registry() -> FakeRegistry:
    """A registry without images."""
    return FakeRegistry()


def push_platforms(registry: FakeRegistry, *platforms: str) -> None:
    """Store an index of images, each with its platform as the command."""
    push_index(
        registry,
        BASE,
        {
            platform: push_image(
                registry, BASE.repository_only(), config={"Cmd": [platform]}, platform=platform
            )
            for platform in platforms
        },
    )


def write_manifest(registry: FakeRegistry, config: bytes, **fields: Any) -> Reference:
    """Store a manifest around a configuration, as it is."""
    blob = registry.write_blob(BASE, io.BytesIO(config), OCI_CONFIG)
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {"mediaType": OCI_CONFIG, "digest": blob.digest, "size": blob.size},
        "layers": [],
        **fields,
    }
    data = json.dumps(manifest).encode()
    written = registry.write_manifest(BASE.repository_only(), OCI_MANIFEST, data)
    return BASE.repository_only().with_digest(written.digest)


# ------------------------------------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("alpine", "docker.io/library/alpine:latest"),
        ("alpine:3", "docker.io/library/alpine:3"),
        ("ghcr.io/a/b@sha256:" + "0" * 64, "ghcr.io/a/b@sha256:" + "0" * 64),
    ],
)
def test_a_name_that_the_workspace_does_not_know(text: str, expected: str) -> None:
    assert str(parse_name(text, {})) == expected


def test_a_name_that_the_workspace_knows_means_its_image() -> None:
    assert parse_name("no reference!", {"no reference!": BASE}) is BASE


def test_a_name_that_is_no_reference() -> None:
    with pytest.raises(InstructionError, match="is no image reference") as caught:
        parse_name("Base:::1", {})
    assert caught.value.near == "Base:::1"
    assert caught.value.hint


# ------------------------------------------------------------------------------------------ images


def test_an_image_by_tag_is_known_by_its_digest(registry: FakeRegistry) -> None:
    pushed = push_image(registry, BASE, files=[{"a": "1"}, {"b": "2"}], config={"User": "9"})
    image = open_image(registry, BASE, HERE)
    assert image.reference == BASE.with_tag("").with_digest(pushed.digest)
    assert (image.runtime, image.platform, len(image.layers)) == ({"User": "9"}, HERE, 2)


def test_a_variant_is_part_of_the_platform(registry: FakeRegistry) -> None:
    push_image(registry, BASE, platform="linux/arm/v7")
    assert open_image(registry, BASE, HERE).platform == "linux/arm/v7"


@pytest.mark.parametrize("config", [{}, {"config": None}])
def test_an_image_that_says_nothing_of_containers(
    registry: FakeRegistry, config: dict[str, Any]
) -> None:
    document = {"os": "linux", "rootfs": {"type": "layers", "diff_ids": None}, **config}
    image = open_image(registry, write_manifest(registry, json.dumps(document).encode()), HERE)
    assert (image.runtime, image.platform, image.layers) == ({}, "linux", ())


def test_an_image_that_is_not_there(registry: FakeRegistry) -> None:
    with pytest.raises(
        InstructionError, match=r"^the registry has no image registry.test/base:1$"
    ) as caught:
        open_image(registry, BASE, HERE)
    assert registry.describe() in caught.value.hint
    assert "BUILDKIT_HOST" in caught.value.hint


@pytest.mark.parametrize("config", [b"", b"[]", b"null", b"{}", b'{"rootfs": 1}', b"\xff"])
def test_a_configuration_that_is_none(registry: FakeRegistry, config: bytes) -> None:
    reference = write_manifest(registry, config)
    with pytest.raises(RegistryError, match=r"^the configuration of .* is no image's$"):
        open_image(registry, reference, HERE)


def test_an_image_that_contradicts_itself(registry: FakeRegistry) -> None:
    config = json.dumps({"rootfs": {"diff_ids": [f"sha256:{'0' * 64}"]}}).encode()
    reference = write_manifest(registry, config)
    with pytest.raises(RegistryError, match=r"contradicts itself: 0 layers and 1 diff_ids$"):
        open_image(registry, reference, HERE)


def test_layers_that_are_kept_elsewhere(registry: FakeRegistry) -> None:
    """Nobody but a daemon would fetch them."""
    foreign = {
        "mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        "digest": f"sha256:{'0' * 64}",
        "size": 3,
        "urls": ["https://example.com/layer"],
    }
    reference = write_manifest(registry, b"{}", layers=[foreign])
    with pytest.raises(InstructionError, match=r"has layers that are kept elsewhere$") as caught:
        open_image(registry, reference, HERE)
    assert "BuildKit" in caught.value.hint


# --------------------------------------------------------------------------------------- platforms


@pytest.mark.parametrize(
    ("platforms", "wanted", "chosen"),
    [
        (["linux/amd64", "linux/arm64"], "linux/arm64", "linux/arm64"),
        (["linux/arm64"], "linux/arm64/v8", "linux/arm64"),
        (["linux/arm64/v8"], "linux/arm64", "linux/arm64/v8"),
        (["linux/arm/v5", "linux/arm/v6", "linux/arm/v7"], "linux/arm/v6", "linux/arm/v6"),
        (["linux/arm/v5", "linux/arm/v6", "linux/arm/v7"], "linux/arm", "linux/arm/v7"),
        (["linux/arm/v5"], "linux/arm/v7", "linux/arm/v5"),
        (["linux/amd64", "linux/amd64/v3"], "linux/amd64", "linux/amd64"),
        (["linux/amd64", "linux/amd64/v3"], "linux/amd64/v4", "linux/amd64/v3"),
        (["linux/amd64", "linux/amd64/v3"], "linux/amd64/v2", "linux/amd64"),
        (["windows/amd64", "linux/amd64"], "linux/amd64", "linux/amd64"),
        (["linux/riscv64"], "linux/riscv64", "linux/riscv64"),
        (["linux/mips/softfloat", "linux/mips"], "linux/mips/softfloat", "linux/mips/softfloat"),
    ],
)
def test_the_best_image_of_an_index(
    registry: FakeRegistry, platforms: list[str], wanted: str, chosen: str
) -> None:
    """A machine runs what is made for a lower variant, and takes the highest of these."""
    push_platforms(registry, *platforms)
    assert open_image(registry, BASE, wanted).runtime == {"Cmd": [chosen]}


@pytest.mark.parametrize(
    ("platforms", "wanted", "hint"),
    [
        (["linux/arm64", "linux/amd64"], "linux/s390x", "it is for linux/amd64, linux/arm64"),
        (["linux/arm/v7"], "linux/arm/v6", "it is for linux/arm/v7"),
        (["unknown/unknown"], "linux/amd64", "its index names no platform"),
        (["linux/mips"], "linux/mips/softfloat", "it is for linux/mips"),
    ],
)
def test_an_index_without_a_suitable_image(
    registry: FakeRegistry, platforms: list[str], wanted: str, hint: str
) -> None:
    push_platforms(registry, *platforms)
    with pytest.raises(InstructionError, match=rf"has nothing for {wanted}$") as caught:
        open_image(registry, BASE, wanted)
    assert caught.value.hint == hint


def test_an_index_whose_images_have_no_platform(registry: FakeRegistry) -> None:
    image = push_image(registry, BASE.repository_only())
    entry = {"mediaType": OCI_MANIFEST, "digest": image.digest, "size": image.size}
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry]}
    written = registry.write_manifest(BASE.repository_only(), OCI_INDEX, json.dumps(index).encode())
    with pytest.raises(InstructionError) as caught:
        open_image(registry, BASE.repository_only().with_digest(written.digest), HERE)
    assert caught.value.hint == "its index names no platform"


def test_an_index_in_an_index(registry: FakeRegistry) -> None:
    push_platforms(registry, HERE)
    inner = registry.resolve(BASE)
    assert inner is not None
    push_index(registry, BASE, {HERE: inner})
    assert open_image(registry, BASE, HERE).runtime == {"Cmd": [HERE]}


# ------------------------------------------------------------------------------------------- trees


def test_a_tree_is_read_once_and_copied_for_each_who_asks(registry: FakeRegistry) -> None:
    push_image(registry, BASE, files={"a": "1"})
    image = open_image(registry, BASE, HERE)
    images, checks = Images(), []
    first = images.tree(image, lambda: checks.append(1))
    first.remove(("a",))
    count = len(checks)
    second = images.tree(image, lambda: checks.append(1))
    assert len(checks) == count
    assert second.get(("a",)) is not None
    assert second.take_changes().entries == ()


def test_trees_that_were_not_asked_for_of_late_are_read_again(registry: FakeRegistry) -> None:
    """So that a run over thousands of images does not keep them all."""
    images, checks = Images(), []
    opened = []
    for number in range(17):
        push_image(registry, BASE, files={"a": str(number)})
        opened.append(open_image(registry, BASE, HERE))
    images.tree(opened[0], lambda: None)
    images.tree(opened[1], lambda: None)
    images.tree(opened[0], lambda: None)
    for image in opened[2:]:
        images.tree(image, lambda: None)
    images.tree(opened[0], lambda: checks.append("kept"))
    assert checks == []
    images.tree(opened[1], lambda: checks.append("read again"))
    assert checks


def test_a_layer_that_is_gone(registry: FakeRegistry) -> None:
    push_image(registry, BASE, files={"a": "1"})
    image = open_image(registry, BASE, HERE)
    registry.repository(BASE).blobs.pop(image.layers[0].descriptor.digest)
    with pytest.raises(RegistryError):
        Images().tree(image, lambda: None)


def test_the_layer_of_an_image_is_opened_as_it_is(registry: FakeRegistry) -> None:
    blob = registry.write_blob(BASE, io.BytesIO(b"no archive"), OCI_LAYER)
    layer = {"mediaType": OCI_LAYER, "digest": blob.digest, "size": blob.size}
    config = json.dumps({"rootfs": {"diff_ids": [blob.digest]}}).encode()
    image = open_image(registry, write_manifest(registry, config, layers=[layer]), HERE)
    with image.layers[0].open() as stream:
        assert stream.read_exactly(10) == b"no archive"
    with pytest.raises(InstructionError):
        Images().tree(image, lambda: None)
