"""What refers to images in layouts: where it is written, what finds it, and when it goes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from okplug.errors import RegistryError
from okplug.oci import OCI_MANIFEST
from okplug.testing import push_image
from okplug.testing.content import by_digest, push_artifact
from okplug_layout.registry import LayoutRegistry

if TYPE_CHECKING:
    from pathlib import Path

    from okplug.backends import Descriptor
    from okplug.reference import Reference


def index_file(folder: Path, reference: Reference) -> Path:
    return folder / reference.registry / reference.repository / "index.json"


def entries(folder: Path, reference: Reference) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(index_file(folder, reference).read_bytes())[
        "manifests"
    ]
    return found


def blobs_left(folder: Path, reference: Reference) -> int:
    path = index_file(folder, reference).parent / "blobs" / "sha256"
    return len(list(path.iterdir()))


@pytest.fixture
def strict(folder: Path) -> LayoutRegistry:
    """Return a registry that keeps no garbage for a while."""
    return LayoutRegistry(folder, grace=0)


def test_it_is_an_entry_without_a_tag(
    registry: LayoutRegistry, folder: Path, api: Reference
) -> None:
    image = push_image(registry, api, files={"a": "1"})
    note = push_artifact(registry, api, image, b"a note")
    assert entries(folder, api)[1:] == [
        {
            "mediaType": OCI_MANIFEST,
            "digest": note.digest,
            "size": note.size,
            "artifactType": "application/x.note",
            "annotations": {"dev.okplug.subject": image.digest},
        }
    ]


def test_it_is_there_before_its_image_has_a_tag(strict: LayoutRegistry, api: Reference) -> None:
    image = push_image(strict, api.with_tag(""), files={"a": "1"})
    note = push_artifact(strict, api, image, b"a note")
    strict.tag(by_digest(api, image), api)
    assert [found.digest for found in strict.referrers(api)] == [note.digest]


def test_it_comes_with_its_annotations(registry: LayoutRegistry, api: Reference) -> None:
    image = push_image(registry, api, files={"a": "1"})
    push_artifact(registry, api, image, b"a note")
    assert registry.referrers(api)[0].annotations == {"about": "a"}


def test_an_entry_of_another_tool_counts(
    registry: LayoutRegistry, folder: Path, api: Reference
) -> None:
    image = push_image(registry, api, files={"a": "1"})
    note = push_artifact(registry, api, image, b"a note")
    path = index_file(folder, api)
    document = json.loads(path.read_bytes())
    del document["manifests"][1]["annotations"]
    path.write_text(json.dumps(document))
    assert [found.digest for found in registry.referrers(api)] == [note.digest]
    assert list(registry.tags(api)) == ["1.0"]


def test_one_whose_manifest_is_gone_is_passed_over(
    registry: LayoutRegistry, folder: Path, api: Reference
) -> None:
    image = push_image(registry, api, files={"a": "1"})
    note = push_artifact(registry, api, image, b"a note")
    blobs = index_file(folder, api).parent / "blobs/sha256"
    (blobs / note.digest.removeprefix("sha256:")).unlink()
    assert registry.referrers(api) == ()


def test_it_goes_with_the_last_tag(strict: LayoutRegistry, folder: Path, api: Reference) -> None:
    image = push_image(strict, api, files={"a": "1"})
    other = push_image(strict, api.with_tag("other"), files={"a": "2"})
    strict.tag(api, api.with_tag("too"))
    push_artifact(strict, api, image, b"gone")
    stays = push_artifact(strict, api, other, b"stays")
    strict.delete(api)
    assert len(strict.referrers(api.with_tag("too"))) == 1
    strict.delete(api.with_tag("too"))
    assert [found.digest for found in strict.referrers(api.with_tag("other"))] == [stays.digest]
    assert len(entries(folder, api)) == 2
    assert blobs_left(folder, api) == 3 + 3  # an image, and a note with its empty configuration


def test_what_refers_to_it_in_turn_goes_as_well(
    strict: LayoutRegistry, folder: Path, api: Reference
) -> None:
    image = push_image(strict, api, files={"a": "1"})
    note = push_artifact(strict, api, image, b"a note")
    push_artifact(strict, api, note, b"a signature of the note")
    push_image(strict, api.with_tag("other"), files={"a": "2"})
    strict.delete(api.with_tag("other"))
    assert len(strict.referrers(by_digest(api, note))) == 1
    strict.delete(api)
    assert entries(folder, api) == []
    assert blobs_left(folder, api) == 0


def test_a_writer_s_image_without_tag_keeps_it(folder: Path, api: Reference) -> None:
    """Another deletes something while the tag is still to come."""
    registry = LayoutRegistry(folder)
    push_image(registry, api.with_tag("old"), files={"a": "0"})
    image = push_image(registry, api.with_tag(""), files={"a": "1"})
    push_artifact(registry, api, image, b"a note")
    registry.delete(api.with_tag("old"))
    registry.tag(by_digest(api, image), api)
    assert len(registry.referrers(api)) == 1


def test_it_can_be_deleted_by_itself(strict: LayoutRegistry, folder: Path, api: Reference) -> None:
    image = push_image(strict, api, files={"a": "1"})
    note = push_artifact(strict, api, image, b"a note")
    assert strict.delete(by_digest(api, note)) is True
    assert strict.referrers(api) == ()
    assert blobs_left(folder, api) == 3


def test_nothing_is_listed_whose_parts_are_missing(
    registry: LayoutRegistry, folder: Path, api: Reference
) -> None:
    image: Descriptor = push_image(registry, api, files={"a": "1"})
    data = {
        "mediaType": OCI_MANIFEST,
        "config": {"mediaType": "a/b", "digest": f"sha256:{'0' * 64}", "size": 2},
        "layers": [],
        "subject": {"mediaType": OCI_MANIFEST, "digest": image.digest, "size": image.size},
    }
    with pytest.raises(RegistryError):
        registry.write_manifest(api, OCI_MANIFEST, json.dumps(data).encode())
    assert len(entries(folder, api)) == 1


def test_a_tag_elsewhere_leaves_it_behind(registry: LayoutRegistry, api: Reference) -> None:
    image = push_image(registry, api, files={"a": "1"})
    push_artifact(registry, api, image, b"a note")
    other = api.with_tag("okteto")
    registry.tag(api, other)
    assert len(registry.referrers(other)) == 1  # the same repository
    elsewhere = type(api)(api.registry, "cindy/api", "okteto")
    registry.tag(api, elsewhere)
    assert registry.referrers(elsewhere) == ()
