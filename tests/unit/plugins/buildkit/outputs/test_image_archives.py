"""Images as one archive, read back as other programs read them."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from typing import Any

import pytest

from okplug import Artifact, Reference, RegistryError
from okplug.testing import FakeRegistry, push_image, push_index
from okplug_buildkit.outputs.archives import write_archive

NAMES = (
    Reference.parse("registry.test/cindy/api:okteto"),
    Reference.parse("registry.test/cindy/api:v1"),
)
HERE = Reference("registry.test", "okteto/api")


class Written:
    """An archive that was written."""

    def __init__(self, registry: FakeRegistry, artifact: Artifact) -> None:
        buffer = io.BytesIO()
        write_archive(registry, artifact, NAMES, buffer)
        self.data = buffer.getvalue()
        with tarfile.open(fileobj=io.BytesIO(self.data), mode="r|") as archive:
            self.files = {
                member.name: (archive.extractfile(member) or io.BytesIO()).read()
                for member in archive
            }

    def read(self, name: str) -> Any:
        """Return a document."""
        return json.loads(self.files[name])

    def blob(self, digest: str) -> bytes:
        """Return a blob whose digest is right."""
        data = self.files[f"blobs/{digest.replace(':', '/')}"]
        assert digest == f"sha256:{hashlib.sha256(data).hexdigest()}"
        return data


@pytest.fixture
def registry() -> FakeRegistry:
    """A registry in memory."""
    return FakeRegistry()


@pytest.fixture
def image(registry: FakeRegistry) -> Artifact:
    """An image of two layers."""
    descriptor = push_image(registry, HERE, files=[{"a": "1"}, {"b": "2"}], config={"Cmd": ["/a"]})
    return Artifact(HERE.with_digest(descriptor.digest), descriptor)


@pytest.fixture
def index(registry: FakeRegistry) -> Artifact:
    """Images of two platforms that share a layer."""
    images = {
        platform: push_image(registry, HERE, files=[{"a": "1"}, {"b": platform}], platform=platform)
        for platform in ("linux/amd64", "linux/arm64")
    }
    descriptor = push_index(registry, HERE, images)
    return Artifact(HERE.with_digest(descriptor.digest), descriptor)


def test_it_is_an_image_layout(registry: FakeRegistry, image: Artifact) -> None:
    written = Written(registry, image)
    assert written.read("oci-layout") == {"imageLayoutVersion": "1.0.0"}
    index = written.read("index.json")
    assert index["schemaVersion"] == 2
    assert index["mediaType"] == "application/vnd.oci.image.index.v1+json"
    assert [entry["annotations"] for entry in index["manifests"]] == [
        {
            "io.containerd.image.name": "registry.test/cindy/api:okteto",
            "org.opencontainers.image.ref.name": "okteto",
        },
        {
            "io.containerd.image.name": "registry.test/cindy/api:v1",
            "org.opencontainers.image.ref.name": "v1",
        },
    ]
    assert {entry["digest"] for entry in index["manifests"]} == {image.descriptor.digest}
    manifest = json.loads(written.blob(image.descriptor.digest))
    for part in (manifest["config"], *manifest["layers"]):
        assert len(written.blob(part["digest"])) == part["size"]


def test_older_engines_find_their_way(registry: FakeRegistry, image: Artifact) -> None:
    written = Written(registry, image)
    manifest = json.loads(written.blob(image.descriptor.digest))
    (entry,) = written.read("manifest.json")
    assert entry["RepoTags"] == ["registry.test/cindy/api:okteto", "registry.test/cindy/api:v1"]
    assert json.loads(written.files[entry["Config"]])["config"] == {"Cmd": ["/a"]}
    assert [written.files[layer] for layer in entry["Layers"]] == [
        written.blob(layer["digest"]) for layer in manifest["layers"]
    ]


def test_all_platforms_are_there_and_what_they_share_once(
    registry: FakeRegistry, index: Artifact
) -> None:
    written = Written(registry, index)
    children = json.loads(written.blob(index.descriptor.digest))["manifests"]
    layers = [json.loads(written.blob(child["digest"]))["layers"] for child in children]
    assert layers[0][0] == layers[1][0]
    # an index, two manifests, two configurations, three layers and three other files
    assert len(written.files) == 1 + 2 + 2 + 3 + 3
    (entry,) = written.read("manifest.json")
    assert json.loads(written.files[entry["Config"]])["architecture"] == "amd64"


def test_equal_images_give_equal_archives(registry: FakeRegistry, image: Artifact) -> None:
    assert Written(registry, image).data == Written(registry, image).data


def test_an_image_that_is_gone(registry: FakeRegistry, image: Artifact) -> None:
    registry.delete(image.reference)
    with pytest.raises(RegistryError) as caught:
        Written(registry, image)
    assert str(caught.value) == (f"{image.reference} is not there any more\n  hint: build it again")


def test_a_layer_that_is_spoilt(registry: FakeRegistry, image: Artifact) -> None:
    blobs = registry.repository(image.reference).blobs
    layer = json.loads(blobs[image.descriptor.digest])["layers"][1]["digest"]
    blobs[layer] = b"x" * len(blobs[layer])
    with pytest.raises(RegistryError):
        Written(registry, image)


class LateCheck(FakeRegistry):
    """A registry whose streams tell at their end that they were wrong."""

    def open_blob(self, reference: Reference, digest: str) -> Any:
        """Open a blob."""

        class Stream(io.BytesIO):
            def read(self, size: int | None = -1, /) -> bytes:
                data = super().read(size)
                if not data:
                    raise RegistryError("its bytes are wrong")
                return data

        return Stream(super().open_blob(reference, digest).read())


def test_the_end_of_a_stream_is_read_too() -> None:
    registry = LateCheck()
    descriptor = push_image(registry, HERE, files={"a": "1"})
    with pytest.raises(RegistryError, match="its bytes are wrong"):
        Written(registry, Artifact(HERE.with_digest(descriptor.digest), descriptor))
