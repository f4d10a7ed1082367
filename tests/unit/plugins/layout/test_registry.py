"""What layouts promise beyond the contract: what is on the disk, damage, foreign content."""

from __future__ import annotations

import io
import json
import os
import time
from typing import TYPE_CHECKING, Any

import pytest

from okplug.backends import ROOT_ANNOTATION, Descriptor
from okplug.errors import RegistryError
from okplug.oci import DOCKER_MANIFEST, OCI_CONFIG, OCI_LAYER, OCI_MANIFEST
from okplug.reference import Reference
from okplug.testing import ImageView, push_image, push_index
from okplug_layout.registry import LayoutRegistry
from tests.processortime import processor_time

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

OTHER = Reference("localhost", "cindy/api", "okteto")
ROOT = {ROOT_ANNOTATION: "ab" * 32}


def by_digest(reference: Reference, descriptor: Descriptor) -> Reference:
    return reference.with_tag("").with_digest(descriptor.digest)


def blob_path(folder: Path, reference: Reference, digest: str) -> Path:
    layout = folder / reference.registry / reference.repository
    return layout / "blobs" / "sha256" / digest.removeprefix("sha256:")


def index_of(folder: Path, reference: Reference) -> dict[str, Any]:
    path = folder / reference.registry / reference.repository / "index.json"
    document: dict[str, Any] = json.loads(path.read_bytes())
    return document


# -------------------------------------------------------------------------------------- on the disk


def test_a_repository_is_an_oci_image_layout(
    registry: LayoutRegistry, folder: Path, api: Reference
) -> None:
    pushed = push_image(registry, api, files={"a": "1"}, annotations=ROOT)
    layout = folder / "localhost" / "okteto" / "api"
    assert sorted(path.name for path in layout.iterdir()) == ["blobs", "index.json", "oci-layout"]
    assert json.loads((layout / "oci-layout").read_bytes()) == {"imageLayoutVersion": "1.0.0"}
    assert index_of(folder, api) == {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [
            {
                "mediaType": OCI_MANIFEST,
                "digest": pushed.digest,
                "size": pushed.size,
                "annotations": {"org.opencontainers.image.ref.name": "1.0", **ROOT},
            }
        ],
    }
    assert len(list((layout / "blobs" / "sha256").iterdir())) == 3
    assert list((folder / ".incoming").iterdir()) == []


def test_a_layout_is_one_before_its_first_tag(
    registry: LayoutRegistry, folder: Path, api: Reference
) -> None:
    registry.write_blob(api, io.BytesIO(b"x"), OCI_LAYER)
    assert (folder / "localhost/okteto/api/oci-layout").is_file()
    assert index_of(folder, api)["manifests"] == []


def test_a_layout_that_a_loss_of_power_left_empty_is_made_again(
    registry: LayoutRegistry, folder: Path, api: Reference
) -> None:
    layout = folder / "localhost/okteto/api"
    layout.mkdir(parents=True)
    (layout / "index.json").touch()
    (layout / "oci-layout").touch()
    assert registry.resolve(api) is None
    pushed = push_image(registry, api, files={"a": "1"})
    assert registry.resolve(api) == pushed
    assert json.loads((layout / "oci-layout").read_bytes()) == {"imageLayoutVersion": "1.0.0"}


def test_a_layout_with_images_but_no_version_keeps_them(
    registry: LayoutRegistry, folder: Path, api: Reference
) -> None:
    push_image(registry, api, files={"a": "1"})
    (folder / "localhost/okteto/api/oci-layout").unlink()
    push_image(registry, api.with_tag("2.0"), files={"a": "2"})
    assert list(registry.tags(api)) == ["1.0", "2.0"]


def test_what_must_survive_is_brought_to_the_disk_before_its_name(
    registry: LayoutRegistry, folder: Path, api: Reference, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every blob, and an index that has a tag."""
    synced: set[int] = set()
    plain = os.fsync

    def fsync(file: int) -> None:
        synced.add(os.fstat(file).st_ino)
        plain(file)

    monkeypatch.setattr(os, "fsync", fsync)
    push_image(registry, api, files={"a": "1"})
    registry.tag(api, OTHER)
    for repository in ("okteto/api", "cindy/api"):
        layout = folder / "localhost" / repository
        files = [layout / "index.json", *(layout / "blobs" / "sha256").iterdir()]
        assert {path.stat().st_ino for path in files} <= synced


def test_reading_makes_nothing(registry: LayoutRegistry, folder: Path, api: Reference) -> None:
    absent = api.with_tag("").with_digest(f"sha256:{'0' * 64}")
    assert registry.resolve(api) is None
    assert registry.read_manifest(absent) is None
    assert list(registry.tags(api)) == []
    assert registry.delete(api) is False
    assert not registry.mount_blob(api, OTHER, absent.digest)
    with pytest.raises(RegistryError, match="is not there"):
        registry.tag(api, OTHER)
    assert not folder.exists()


def test_a_tag_copies_no_data(registry: LayoutRegistry, folder: Path, api: Reference) -> None:
    push_image(registry, api, files={"a": "1" * 1000})
    registry.tag(api, OTHER)
    for path in (folder / "localhost/cindy/api/blobs/sha256").iterdir():
        assert path.samefile(folder / "localhost/okteto/api/blobs/sha256" / path.name)
        assert path.samefile(folder / ".blobs/sha256" / path.name)
        assert path.stat().st_nlink == 3


def test_equal_blobs_of_repositories_are_one_file(
    registry: LayoutRegistry, folder: Path, api: Reference
) -> None:
    one = registry.write_blob(api, io.BytesIO(b"same"), OCI_LAYER)
    registry.write_blob(OTHER, io.BytesIO(b"same"), OCI_LAYER)
    assert blob_path(folder, api, one.digest).samefile(blob_path(folder, OTHER, one.digest))


def test_the_root_comes_with_the_tag_and_the_digest(
    registry: LayoutRegistry, api: Reference
) -> None:
    pushed = push_image(registry, api, files={"a": "1"}, annotations={**ROOT, "other": "x"})
    assert pushed.annotations == ROOT
    for reference in (api, by_digest(api, pushed)):
        assert registry.resolve(reference) == pushed
    assert registry.tag(api, OTHER) == registry.resolve(OTHER) == pushed


def test_another_process_sees_it_at_once(
    registry: LayoutRegistry, folder: Path, api: Reference
) -> None:
    other = LayoutRegistry(folder)
    for number in range(20):
        pushed = push_image(registry, api, files={"a": str(number)})
        assert other.resolve(api) == pushed


def test_a_thousand_look_ups_are_quick(
    registry: LayoutRegistry, folder: Path, api: Reference
) -> None:
    pushed = push_image(registry, api, files={"a": "1"}, annotations=ROOT)
    path = folder / "localhost/okteto/api/index.json"
    document = index_of(folder, api)
    entry = document["manifests"][0]
    document["manifests"] = [
        {**entry, "annotations": {**ROOT, "org.opencontainers.image.ref.name": f"{n:032x}"}}
        for n in range(1000)
    ]
    path.write_text(json.dumps(document))

    def look_up() -> None:
        for number in range(1000):
            assert registry.resolve(api.with_tag(f"{number:032x}")) == pushed

    assert processor_time(look_up) < 2  # it is 0.03; reading the index each time takes 3


# ------------------------------------------------------------------------------------------- damage


def test_a_damaged_blob_is_noticed_and_replaced(
    registry: LayoutRegistry, folder: Path, api: Reference
) -> None:
    written = registry.write_blob(api, io.BytesIO(b"right"), OCI_LAYER)
    path = blob_path(folder, api, written.digest)
    path.write_bytes(b"wrong")  # in the pool too, which has the same inode
    with (
        registry.open_blob(api, written.digest) as stream,
        pytest.raises(RegistryError, match=f"^{path} is damaged: "),
    ):
        stream.read()
    registry.write_blob(api, io.BytesIO(b"right"), OCI_LAYER)
    assert path.read_bytes() == b"right"
    assert (folder / ".blobs/sha256" / path.name).read_bytes() == b"right"


def test_a_damaged_blob_of_the_pool_spreads_no_further(
    registry: LayoutRegistry, folder: Path, api: Reference
) -> None:
    written = registry.write_blob(api, io.BytesIO(b"right"), OCI_LAYER)
    blob_path(folder, api, written.digest).write_bytes(b"wr")
    registry.write_blob(OTHER, io.BytesIO(b"right"), OCI_LAYER)
    assert blob_path(folder, OTHER, written.digest).read_bytes() == b"right"


def test_a_manifest_that_was_cut_short_is_a_miss_and_heals(
    registry: LayoutRegistry, folder: Path, api: Reference
) -> None:
    pushed = push_image(registry, api, files={"a": "1"})
    path = blob_path(folder, api, pushed.digest)
    os.truncate(path, 10)
    assert registry.resolve(api) is None
    with pytest.raises(RegistryError, match="is damaged"):
        registry.read_manifest(api)
    with pytest.raises(RegistryError, match="is damaged"):
        registry.resolve(by_digest(api, pushed))
    assert push_image(registry, api, files={"a": "1"}) == pushed
    assert registry.resolve(api) == pushed


def test_a_manifest_that_was_removed_is_a_miss(
    registry: LayoutRegistry, folder: Path, api: Reference
) -> None:
    pushed = push_image(registry, api, files={"a": "1"})
    blob_path(folder, api, pushed.digest).unlink()
    assert registry.resolve(api) is None
    assert registry.read_manifest(api) is None
    assert registry.delete(api) is True
    assert list(registry.tags(api)) == []


@pytest.mark.parametrize("damage", ["cut", "removed"])
def test_an_image_that_lacks_a_layer_is_not_tagged(
    registry: LayoutRegistry, folder: Path, api: Reference, damage: str
) -> None:
    pushed = push_image(registry, api, files={"a": "1"})
    layer = ImageView.read(registry, api).manifest["layers"][0]["digest"]
    path = blob_path(folder, api, layer)
    message = "is damaged" if damage == "cut" else f"has not {layer}, which a manifest refers to"
    if damage == "cut":
        os.truncate(path, 3)
    else:
        path.unlink()
    for target in (OTHER, api.with_tag("2.0")):
        with pytest.raises(RegistryError, match=message):
            registry.tag(by_digest(api, pushed), target)
        assert registry.resolve(target) is None
    data = blob_path(folder, api, pushed.digest).read_bytes()
    with pytest.raises(RegistryError, match=message):
        registry.write_manifest(api, OCI_MANIFEST, data)


def test_a_cut_copy_in_the_target_is_replaced(
    registry: LayoutRegistry, folder: Path, api: Reference
) -> None:
    push_image(registry, api, files={"a": "1"})
    layer = ImageView.read(registry, api).manifest["layers"][0]["digest"]
    registry.write_blob(OTHER, io.BytesIO(b"x"), OCI_LAYER)
    blob_path(folder, OTHER, layer).write_bytes(b"half")
    registry.tag(api, OTHER)
    assert set(ImageView.read(registry, OTHER).tree()) == {"a"}


# ------------------------------------------------------------------------------------------ foreign


@pytest.mark.parametrize("content", [b" ", b"{", b"[]", b'{"manifests": 1}'])
def test_a_foreign_index_is_named_and_kept(
    registry: LayoutRegistry, folder: Path, api: Reference, content: bytes
) -> None:
    pushed = push_image(registry, api, files={"a": "1"})
    path = folder / "localhost/okteto/api/index.json"
    path.write_bytes(content)
    calls: list[Callable[[], object]] = [
        lambda: registry.resolve(api),
        lambda: registry.read_manifest(api),
        lambda: list(registry.tags(api)),
        lambda: registry.delete(api),
        lambda: registry.tag(by_digest(api, pushed), api),
    ]
    for call in calls:
        with pytest.raises(RegistryError) as caught:
            call()
        assert caught.value.message.startswith(f"{path} is not the index of an OCI image layout: ")
        assert caught.value.hint.endswith(f"move {path.parent} away and build its images again")
    assert path.read_bytes() == content


def test_digests_of_other_kinds_are_not_here(registry: LayoutRegistry, api: Reference) -> None:
    push_image(registry, api, files={"a": "1"})
    for digest in (f"sha512:{'0' * 128}", "sha256:../../../index.json", "x"):
        assert registry.resolve(api.with_digest(digest)) is None
        assert registry.has_blob(api, digest) is False
        assert registry.mount_blob(api, OTHER, digest) is False
        assert registry.delete(api.with_digest(digest)) is False
        with pytest.raises(RegistryError, match=r"^expected a digest sha256:"):
            registry.open_blob(api, digest)


def test_a_layer_is_no_manifest(registry: LayoutRegistry, api: Reference) -> None:
    written = registry.write_blob(api, io.BytesIO(b"x" * 100), OCI_LAYER)
    huge = registry.write_blob(api, io.BytesIO(bytes(5 * 1024 * 1024)), OCI_LAYER)
    for blob in (written, huge):
        assert registry.resolve(by_digest(api, blob)) is None
        assert registry.read_manifest(by_digest(api, blob)) is None
        assert registry.delete(by_digest(api, blob)) is False
        assert registry.has_blob(api, blob.digest)


def test_a_manifest_says_itself_what_it_is(registry: LayoutRegistry, api: Reference) -> None:
    config = registry.write_blob(api, io.BytesIO(b"{}"), OCI_CONFIG)
    document = {
        "schemaVersion": 2,
        "config": {"mediaType": OCI_CONFIG, "digest": config.digest, "size": 2},
        "layers": [],
    }
    data = json.dumps(document).encode()
    written = registry.write_manifest(api, OCI_MANIFEST, data)
    assert registry.resolve(by_digest(api, written)) == written
    with pytest.raises(RegistryError, match=r"^a document without mediaType cannot be a "):
        registry.write_manifest(api, DOCKER_MANIFEST, data)
    with pytest.raises(RegistryError, match=r"^expected an image's manifest or index"):
        registry.write_manifest(api, "text/plain", data)


def test_only_tags_can_be_pointed(registry: LayoutRegistry, api: Reference) -> None:
    pushed = push_image(registry, api, files={"a": "1"})
    for target in (api.with_tag(""), by_digest(api, pushed), api.with_digest(pushed.digest)):
        with pytest.raises(RegistryError, match=r"^expected a tag to set, not "):
            registry.tag(api, target)


def test_what_is_of_an_unknown_kind_is_left_alone(
    registry: LayoutRegistry, folder: Path, api: Reference
) -> None:
    push_image(registry, api, files={"a": "1"})
    blob = registry.write_blob(api, io.BytesIO(b"chart"), "application/x-chart")
    path = folder / "localhost/okteto/api/index.json"
    document = index_of(folder, api)
    document["manifests"].append(
        {
            "mediaType": "application/x-chart",
            "digest": blob.digest,
            "size": blob.size,
            "annotations": {"org.opencontainers.image.ref.name": "chart"},
        }
    )
    path.write_text(json.dumps(document))
    with pytest.raises(RegistryError, match="something of a kind that okplug does not know"):
        registry.tag(api.with_tag("chart"), OTHER)
    with pytest.raises(RegistryError, match="something of a kind that okplug does not know"):
        registry.delete(api)
    assert registry.resolve(api) is not None
    assert registry.delete(api.with_tag("chart")) is True
    assert registry.delete(api) is True


def test_an_image_of_another_tool_is_found(
    registry: LayoutRegistry, folder: Path, api: Reference
) -> None:
    """Its entry lacks what okplug adds; a tag for it gets that from the manifest."""
    pushed = push_image(registry, api, files={"a": "1"}, annotations=ROOT)
    path = folder / "localhost/okteto/api/index.json"
    document = index_of(folder, api)
    del document["manifests"][0]["annotations"][ROOT_ANNOTATION]
    path.write_text(json.dumps(document))
    found = registry.resolve(api)
    assert found is not None
    assert found.annotations == {}
    registry.tag(by_digest(api, pushed), OTHER)
    assert registry.resolve(OTHER) == pushed


# ------------------------------------------------------------------------------------------- delete


def blobs_left(folder: Path, reference: Reference = OTHER) -> int:
    path = folder / reference.registry / reference.repository / "blobs" / "sha256"
    return len(list(path.iterdir()))


def test_garbage_goes_with_the_last_tag(folder: Path, api: Reference) -> None:
    registry = LayoutRegistry(folder, grace=0)
    push_image(registry, api, files=[{"a": "1"}, {"b": "1"}])
    push_image(registry, api.with_tag("2.0"), files=[{"a": "1"}, {"b": "2"}])
    assert blobs_left(folder, api) == 7
    registry.delete(api)
    assert blobs_left(folder, api) == 4
    assert set(ImageView.read(registry, api.with_tag("2.0")).tree()) == {"a", "b"}
    registry.delete(api.with_tag("2.0"))
    assert blobs_left(folder, api) == 0
    assert list((folder / ".blobs/sha256").iterdir()) == []


def test_other_repositories_keep_what_they_share(folder: Path, api: Reference) -> None:
    registry = LayoutRegistry(folder, grace=0)
    push_image(registry, api, files={"a": "1"})
    registry.tag(api, OTHER)
    registry.delete(api)
    assert blobs_left(folder, api) == 0
    assert len(list((folder / ".blobs/sha256").iterdir())) == blobs_left(folder, OTHER) == 3
    assert set(ImageView.read(registry, OTHER).tree()) == {"a"}


def test_what_a_writer_just_stored_is_kept(folder: Path, api: Reference) -> None:
    """Its manifest is still to come."""
    registry = LayoutRegistry(folder)
    push_image(registry, api, files={"a": "1"})
    fresh = registry.write_blob(api, io.BytesIO(b"of an image to come"), OCI_LAYER)
    assert registry.delete(api) is True
    assert registry.has_blob(api, fresh.digest)
    assert blobs_left(folder, api) == 4
    assert LayoutRegistry(folder, grace=0).delete(api) is False
    assert blobs_left(folder, api) == 4


def test_a_question_for_a_blob_keeps_it(folder: Path, api: Reference) -> None:
    registry = LayoutRegistry(folder, grace=2)
    old = registry.write_blob(api, io.BytesIO(b"old"), OCI_LAYER)
    asked = registry.write_blob(api, io.BytesIO(b"asked for"), OCI_LAYER)
    written = registry.write_blob(api, io.BytesIO(b"written again"), OCI_LAYER)
    push_image(registry, api, files={"a": "1"})
    time.sleep(2.1)
    assert registry.has_blob(api, asked.digest)
    registry.write_blob(api, io.BytesIO(b"written again"), OCI_LAYER)
    registry.delete(api)
    assert [registry.has_blob(api, blob.digest) for blob in (old, asked, written)] == [
        *(False, True, True),
    ]


def test_a_manifest_goes_at_once_and_its_layers_later(
    registry: LayoutRegistry, folder: Path, api: Reference
) -> None:
    pushed = push_image(registry, api, files={"a": "1"})
    assert registry.delete(by_digest(api, pushed)) is True
    assert blobs_left(folder, api) == 2


def test_a_manifest_without_tag_can_be_deleted(registry: LayoutRegistry, api: Reference) -> None:
    pushed = push_image(registry, api.with_tag(""), files={"a": "1"})
    assert registry.delete(by_digest(api, pushed)) is True
    assert registry.resolve(by_digest(api, pushed)) is None


def test_a_part_of_an_index_stays(folder: Path, api: Reference) -> None:
    registry = LayoutRegistry(folder, grace=0)
    child = push_image(registry, api.with_tag(""), files={"a": "1"})
    index = push_index(registry, api, {"linux/amd64": child})
    with pytest.raises(RegistryError) as caught:
        registry.delete(by_digest(api, child))
    assert str(caught.value) == (
        f"localhost/okteto/api@{child.digest} is part of an index\n"
        "  hint: delete the index, which takes its parts along"
    )
    assert set(ImageView.read(registry, api, "linux/amd64").tree()) == {"a"}
    assert registry.delete(by_digest(api, index)) is True
    assert blobs_left(folder, api) == 0


def test_an_index_whose_part_is_missing_can_be_deleted(folder: Path, api: Reference) -> None:
    registry = LayoutRegistry(folder, grace=0)
    child = push_image(registry, api.with_tag(""), files={"a": "1"})
    push_index(registry, api, {"linux/amd64": child})
    push_index(registry, api.with_tag("2.0"), {"linux/arm64": child})
    blob_path(folder, api, child.digest).unlink()
    assert registry.delete(api) is True
    assert list(registry.tags(api)) == ["2.0"]


@pytest.mark.parametrize("is_allowed", [True, False])
def test_the_folder_that_is_there_tells_who_may_write(
    registry: LayoutRegistry,
    folder: Path,
    api: Reference,
    monkeypatch: pytest.MonkeyPatch,
    *,
    is_allowed: bool,
) -> None:
    asked: list[Path] = []

    def access(path: Path, mode: int) -> bool:
        asked.append(path)
        return is_allowed and mode == os.W_OK | os.X_OK

    monkeypatch.setattr(os, "access", access)
    assert registry.is_writable(api) is is_allowed
    push_image(registry, api, files={"a": "1"})
    assert registry.is_writable(api) is is_allowed
    assert registry.is_writable(OTHER) is is_allowed
    existing = folder if folder.is_dir() else folder.parent
    assert asked[1:] == [folder / "localhost/okteto/api", folder / "localhost"]
    assert existing.is_relative_to(asked[0])
