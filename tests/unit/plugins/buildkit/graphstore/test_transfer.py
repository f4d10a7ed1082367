"""Images from an engine in a registry."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace

import pytest

from okplug import BuildError, CancelledError, Reference, RegistryError
from okplug.oci import (
    DOCKER_MANIFEST,
    OCI_CONFIG,
    OCI_LAYER,
    OCI_LAYER_GZIP,
    OCI_MANIFEST,
)
from okplug.testing import FakeRegistry, ImageView
from okplug_buildkit.graphstore.transfer import Form, Transfer
from okplug_buildkit.solve.options import SolveOptions
from tests.fakeengine import EngineImage, FakeEngine, digest_of, layer_of

TARGET = Reference("registry.test", "okteto/api")
NAME = "okplug.invalid/build:1"
IMAGE = EngineImage([layer_of(a="1"), layer_of(b="2")])


@pytest.fixture
def transfer(engine: FakeEngine, registry: FakeRegistry) -> Transfer:
    """From an engine with one image."""
    engine.images[NAME] = IMAGE
    return transfer_of(engine, registry, SolveOptions())


def transfer_of(engine: FakeEngine, registry: FakeRegistry, options: SolveOptions) -> Transfer:
    form = Form.of(options)
    return Transfer(engine.api, registry, TARGET, form, form.known_layers())


def test_an_image(transfer: Transfer, registry: FakeRegistry) -> None:
    artifact = transfer.run(NAME, IMAGE.id, {"b": "2", "a": "1"})
    assert artifact.reference == TARGET.with_digest(artifact.descriptor.digest)
    view = ImageView.read(registry, artifact.reference)
    assert {name: node.content for name, node in view.tree().items()} == {"a": b"1", "b": b"2"}
    assert view.manifest["mediaType"] == OCI_MANIFEST
    assert list(view.manifest["annotations"].items()) == [("a", "1"), ("b", "2")]
    assert [layer["mediaType"] for layer in view.manifest["layers"]] == [OCI_LAYER_GZIP] * 2
    assert list(registry.tags(TARGET)) == []


def test_the_configuration_is_the_engines_own(transfer: Transfer, registry: FakeRegistry) -> None:
    artifact = transfer.run(NAME, IMAGE.id, {})
    view = ImageView.read(registry, artifact.reference)
    assert view.manifest["config"] == {
        "mediaType": OCI_CONFIG,
        "digest": IMAGE.id,
        "size": len(IMAGE.config),
    }
    assert "annotations" not in view.manifest


def test_what_was_stored_is_not_stored_again(transfer: Transfer, registry: FakeRegistry) -> None:
    first = transfer.run(NAME, IMAGE.id, {})
    registry.calls.clear()
    assert transfer.run(NAME, IMAGE.id, {}) == first
    assert registry.calls["write_blob"] == 1, "the configuration"


def test_another_image_of_the_run_has_its_layers_mounted(
    transfer: Transfer, engine: FakeEngine, registry: FakeRegistry
) -> None:
    transfer.run(NAME, IMAGE.id, {})
    other = EngineImage([*IMAGE.layers, layer_of(c="3")])
    engine.images["other"] = other
    registry.calls.clear()
    web = replace(transfer, target=Reference("registry.test", "okteto/web"))
    artifact = web.run("other", other.id, {})
    assert set(ImageView.read(registry, artifact.reference).tree()) == {"a", "b", "c"}
    assert registry.calls["write_blob"] == 2, "the configuration, and what is new"
    assert registry.calls["mount_blob"] == 2


def test_a_layer_that_comes_twice(
    transfer: Transfer, engine: FakeEngine, registry: FakeRegistry
) -> None:
    twice = EngineImage([layer_of(a="1"), layer_of(b="2"), layer_of(a="1")])
    engine.images[NAME] = twice
    artifact = transfer.run(NAME, twice.id, {})
    layers = ImageView.read(registry, artifact.reference).manifest["layers"]
    assert len(layers) == 3
    assert layers[0] == layers[2]


@pytest.mark.parametrize(
    ("options", "manifest", "layer"),
    [
        (SolveOptions(), OCI_MANIFEST, OCI_LAYER_GZIP),
        (SolveOptions(compression="uncompressed"), OCI_MANIFEST, OCI_LAYER),
        (
            SolveOptions(oci_mediatypes=False),
            DOCKER_MANIFEST,
            "application/vnd.docker.image.rootfs.diff.tar.gzip",
        ),
        (
            SolveOptions(oci_mediatypes=False, compression="uncompressed"),
            DOCKER_MANIFEST,
            "application/vnd.docker.image.rootfs.diff.tar",
        ),
    ],
)
def test_forms(
    engine: FakeEngine, registry: FakeRegistry, options: SolveOptions, manifest: str, layer: str
) -> None:
    engine.images[NAME] = IMAGE
    artifact = transfer_of(engine, registry, options).run(NAME, IMAGE.id, {})
    assert artifact.descriptor.media_type == manifest
    document = ImageView.read(registry, artifact.reference).manifest
    assert document["mediaType"] == manifest
    assert [each["mediaType"] for each in document["layers"]] == [layer] * 2
    first = registry.repository(TARGET).blobs[document["layers"][0]["digest"]]
    data = gzip.decompress(first) if layer.endswith("gzip") else first
    assert data == IMAGE.layers[0]


def test_the_level_of_gzip(engine: FakeEngine, registry: FakeRegistry) -> None:
    image = EngineImage([layer_of(a="abc" * 10_000 + "".join(map(str, range(5000))))])
    engine.images[NAME] = image
    sizes = []
    for level in ("1", "9"):
        options = SolveOptions(level=level)
        artifact = transfer_of(engine, registry, options).run(NAME, image.id, {})
        (layer,) = ImageView.read(registry, artifact.reference).manifest["layers"]
        sizes.append(layer["size"])
    assert sizes[0] != sizes[1]


# --------------------------------------------------------------------------------------- failures


def test_an_image_without_layers(transfer: Transfer, engine: FakeEngine) -> None:
    empty = EngineImage([])
    engine.images[NAME] = empty
    with pytest.raises(BuildError, match="hands out no image that has no layers") as caught:
        transfer.run(NAME, empty.id, {})
    assert "containerd-snapshotter" in caught.value.hint


def test_an_image_that_is_not_there(transfer: Transfer) -> None:
    with pytest.raises(BuildError, match="says: No such image: none"):
        transfer.run("none", IMAGE.id, {})


def test_an_engine_that_saves_in_another_form(transfer: Transfer, engine: FakeEngine) -> None:
    engine.saved = lambda data: data.replace(b"blobs/sha256/", b"old_form/256/")
    with pytest.raises(BuildError, match=r"(broken archive|not hand out all)"):
        transfer.run(NAME, IMAGE.id, {})


def test_an_engine_that_leaves_something_out(transfer: Transfer, engine: FakeEngine) -> None:
    partial = EngineImage(IMAGE.layers[:1], IMAGE.config)
    engine.saved = lambda _: partial.save()
    with pytest.raises(BuildError, match="does not hand out all of what it built") as caught:
        transfer.run(NAME, IMAGE.id, {})
    assert caught.value.hint


def test_another_configuration_than_was_built(transfer: Transfer) -> None:
    with pytest.raises(BuildError, match="does not hand out all of what it built"):
        transfer.run(NAME, digest_of(b"other"), {})


@pytest.mark.parametrize("rest", [b"", b"no archive" * 100])
def test_an_archive_that_is_none(transfer: Transfer, engine: FakeEngine, rest: bytes) -> None:
    engine.saved = lambda _: rest
    with pytest.raises(BuildError, match="hands out a broken archive: "):
        transfer.run(NAME, IMAGE.id, {})


def test_an_archive_that_ends_too_early(transfer: Transfer, engine: FakeEngine) -> None:
    engine.saved = lambda data: data[: len(data) // 3]
    with pytest.raises((BuildError, RegistryError)):
        transfer.run(NAME, IMAGE.id, {})


def test_a_layer_with_wrong_bytes_is_not_stored(
    transfer: Transfer, engine: FakeEngine, registry: FakeRegistry
) -> None:
    wrong = IMAGE.layers[0].replace(b"a\0", b"x\0", 1)
    engine.saved = lambda data: data.replace(IMAGE.layers[0], wrong)
    with pytest.raises(RegistryError, match="wrong bytes"):
        transfer.run(NAME, IMAGE.id, {})
    stored = [
        blob for blob in registry.repository(TARGET).blobs.values() if blob[:2] == b"\x1f\x8b"
    ]
    assert wrong not in [gzip.decompress(blob) for blob in stored]
    assert not registry.repository(TARGET).manifests


def test_a_registry_that_does_not_take_it(transfer: Transfer, registry: FakeRegistry) -> None:
    registry.failures["write_blob"] = RegistryError("full")
    with pytest.raises(RegistryError, match=r"^full$"):
        transfer.run(NAME, IMAGE.id, {})


def test_an_interruption(transfer: Transfer, registry: FakeRegistry) -> None:
    stopped = replace(transfer, is_cancelled=lambda: True)
    with pytest.raises(CancelledError):
        stopped.run(NAME, IMAGE.id, {})
    assert not registry.repository(TARGET).manifests


def test_a_manifest_is_the_same_each_time(transfer: Transfer, registry: FakeRegistry) -> None:
    artifacts = {
        transfer.run(NAME, IMAGE.id, annotations).descriptor.digest
        for annotations in ({"a": "1", "b": "2"}, {"b": "2", "a": "1"})
    }
    (digest,) = artifacts
    document = json.loads(registry.repository(TARGET).blobs[digest])
    assert document["schemaVersion"] == 2
