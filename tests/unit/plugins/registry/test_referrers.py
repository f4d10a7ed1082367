"""What refers to an image, with registries that know of that and with those that do not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from okplug.backends import Descriptor
from okplug.errors import RegistryError
from okplug.oci import OCI_INDEX, OCI_MANIFEST
from tests.unit.plugins.registry.fakehost import Answer, Asked, Host, digest_of, found, manifest

if TYPE_CHECKING:
    from okplug.reference import Reference
    from okplug_registry.registry import HttpRegistry

IMAGE = manifest()
SUBJECT = {"mediaType": OCI_MANIFEST, "digest": digest_of(IMAGE), "size": len(IMAGE)}
SIGNATURE = manifest(subject=SUBJECT, artifactType="application/signature", annotations={"a": "b"})
RECORD = manifest(subject=SUBJECT)
LIST = f"/v2/okteto/api/referrers/{digest_of(IMAGE)}"
FALLBACK = f"/v2/okteto/api/manifests/{digest_of(IMAGE).replace(':', '-')}"


def entry(data: bytes, artifact_type: str) -> dict[str, object]:
    return {
        "mediaType": OCI_MANIFEST,
        "digest": digest_of(data),
        "size": len(data),
        "artifactType": artifact_type,
    }


def index(*entries: object) -> bytes:
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": list(entries)}
    return json.dumps(document).encode()


BOTH = (entry(SIGNATURE, "application/signature"), entry(RECORD, "application/record"))


@pytest.fixture
def image(api: Reference) -> Reference:
    """Return the reference of the image by digest."""
    return api.with_tag("").with_digest(digest_of(IMAGE))


class Tag:
    """The index under the tag that stands for the list."""

    def __init__(self, host: Host) -> None:
        self.data = b""
        host.on(f"GET {FALLBACK}", self._read)
        host.on(f"PUT {FALLBACK}", self._write)
        for data in (SIGNATURE, RECORD):
            host.on(f"PUT /v2/okteto/api/manifests/{digest_of(data)}", Answer(201))

    def _read(self, asked: Asked) -> Answer:
        del asked
        return found(self.data, OCI_INDEX) if self.data else Answer(404)

    def _write(self, asked: Asked) -> Answer:
        self.data = asked.body
        return Answer(201)

    @property
    def entries(self) -> list[dict[str, object]]:
        """What is listed."""
        listed: list[dict[str, object]] = json.loads(self.data)["manifests"]
        return listed


def test_the_registrys_list(host: Host, registry: HttpRegistry, image: Reference) -> None:
    host.on(f"GET {LIST}", Answer(200, index(*BOTH)))
    assert registry.referrers(image) == (
        Descriptor(OCI_MANIFEST, digest_of(SIGNATURE), len(SIGNATURE)),
        Descriptor(OCI_MANIFEST, digest_of(RECORD), len(RECORD)),
    )


def test_a_list_of_several_pages(host: Host, registry: HttpRegistry, image: Reference) -> None:
    link = {"Link": f'<{LIST}?page=2>; rel="next"'}
    host.on(f"GET {LIST}", Answer(200, index(BOTH[0]), link), Answer(200, index(BOTH[1])))
    assert len(registry.referrers(image)) == 2


def test_one_kind_only(host: Host, registry: HttpRegistry, image: Reference) -> None:
    host.on(f"GET {LIST}", Answer(200, index(*BOTH)))
    (record,) = registry.referrers(image, "application/record")
    assert record.digest == digest_of(RECORD)


def test_of_a_tag(host: Host, registry: HttpRegistry, api: Reference) -> None:
    host.on("GET /v2/okteto/api/manifests/1.0", found(IMAGE))
    host.on(f"GET {LIST}", Answer(200, index(BOTH[0])))
    assert len(registry.referrers(api)) == 1


def test_of_nothing(registry: HttpRegistry, api: Reference, image: Reference) -> None:
    assert registry.referrers(api) == ()
    assert registry.referrers(image) == ()


def test_the_tag_in_place_of_the_list(host: Host, registry: HttpRegistry, image: Reference) -> None:
    Tag(host).data = index(*BOTH)
    host.on(f"GET {FALLBACK}", found(index(*BOTH), OCI_INDEX))
    assert len(registry.referrers(image)) == 2


def test_a_tag_that_is_no_index_lists_nothing(
    host: Host, registry: HttpRegistry, image: Reference
) -> None:
    host.on(f"GET {FALLBACK}", found(IMAGE))
    assert registry.referrers(image) == ()


def test_an_entry_that_is_no_descriptor(
    host: Host, registry: HttpRegistry, image: Reference
) -> None:
    host.on(f"GET {LIST}", Answer(200, index({"digest": "x"})))
    with pytest.raises(RegistryError, match="descriptor"):
        registry.referrers(image)


# ------------------------------------------------------------------------------------------ writing


def test_a_registry_that_lists_by_itself(
    host: Host, registry: HttpRegistry, api: Reference
) -> None:
    path = f"/v2/okteto/api/manifests/{digest_of(SIGNATURE)}"
    host.on(f"PUT {path}", Answer(201, headers={"OCI-Subject": digest_of(IMAGE)}))
    registry.write_manifest(api, OCI_MANIFEST, SIGNATURE)
    assert host.lines() == [f"PUT {path}"]


def test_a_registry_that_does_not_gets_an_index(
    host: Host, registry: HttpRegistry, api: Reference, image: Reference
) -> None:
    tag = Tag(host)
    registry.write_manifest(api, OCI_MANIFEST, SIGNATURE)
    assert tag.entries == [{**BOTH[0], "annotations": {"a": "b"}}]
    registry.write_manifest(api, OCI_MANIFEST, RECORD)
    assert [listed["digest"] for listed in tag.entries] == [
        digest_of(SIGNATURE),
        digest_of(RECORD),
    ]
    assert tag.entries[1]["artifactType"] == "application/vnd.oci.image.config.v1+json"
    assert len(registry.referrers(image, "application/signature")) == 1


def test_what_is_listed_is_not_listed_again(
    host: Host, registry: HttpRegistry, api: Reference
) -> None:
    tag = Tag(host)
    for _ in range(2):
        registry.write_manifest(api, OCI_MANIFEST, SIGNATURE)
    assert len(tag.entries) == 1


def test_a_writer_who_is_overtaken_writes_again(
    host: Host, registry: HttpRegistry, api: Reference
) -> None:
    tag = Tag(host)

    def overtaken(asked: Asked) -> Answer:
        del asked
        tag.data = index(BOTH[1])
        return Answer(201)

    host.on(f"PUT {FALLBACK}", overtaken, tag._write)
    registry.write_manifest(api, OCI_MANIFEST, SIGNATURE)
    assert [listed["digest"] for listed in tag.entries] == [
        digest_of(RECORD),
        digest_of(SIGNATURE),
    ]


def test_a_writer_who_is_always_overtaken(
    host: Host, registry: HttpRegistry, api: Reference, image: Reference
) -> None:
    tag = Tag(host)
    tag.data = index(BOTH[1])
    host.on(f"PUT {FALLBACK}", Answer(201))
    with pytest.raises(RegistryError) as raised:
        registry.write_manifest(api, OCI_MANIFEST, SIGNATURE)
    assert str(raised.value) == (
        f"{image}: too many write to the list of what refers to it\n  hint: run again"
    )


def test_a_manifest_without_subject_is_not_listed(
    host: Host, registry: HttpRegistry, api: Reference
) -> None:
    tag = Tag(host)
    host.on(f"PUT /v2/okteto/api/manifests/{digest_of(IMAGE)}", Answer(201))
    registry.write_manifest(api, OCI_MANIFEST, IMAGE)
    assert tag.data == b""


@pytest.mark.parametrize("status", [400, 404, 405, 501])
def test_a_registry_that_does_not_know_the_list(
    host: Host, registry: HttpRegistry, image: Reference, status: int
) -> None:
    host.on(f"GET {LIST}", Answer(status))
    host.on(f"GET {FALLBACK}", found(index(*BOTH), OCI_INDEX))
    assert len(registry.referrers(image)) == 2


def test_a_list_that_may_not_be_read(host: Host, registry: HttpRegistry, image: Reference) -> None:
    host.on(f"GET {LIST}", Answer(403))
    with pytest.raises(RegistryError, match="list what refers to"):
        registry.referrers(image)


# ----------------------------------------------------------------------------------- tags, deletion


def test_tags_that_stand_for_lists_are_no_tags(
    host: Host, registry: HttpRegistry, api: Reference
) -> None:
    names = [f"sha256-{'a' * 64}", "sha256-old", f"sha256-{'A' * 64}", "1.0"]
    host.on("GET /v2/okteto/api/tags/list", Answer(200, json.dumps({"tags": names}).encode()))
    assert list(registry.tags(api)) == ["1.0", f"sha256-{'A' * 64}", "sha256-old"]


def serve_deletion(host: Host, *manifests: bytes) -> None:
    """Let manifests be found and deleted."""
    for data in manifests:
        path = f"/v2/okteto/api/manifests/{digest_of(data)}"
        kind = OCI_INDEX if b'"manifests"' in data else OCI_MANIFEST
        host.on(f"HEAD {path}", found(data, kind))
        host.on(f"DELETE {path}", Answer(202))


def deleted(host: Host) -> list[str]:
    """Return the digests that were deleted."""
    return [line.rpartition("/")[2] for line in host.lines() if line.startswith("DELETE ")]


def test_what_refers_to_an_image_goes_with_it(
    host: Host, registry: HttpRegistry, image: Reference
) -> None:
    host.on(f"GET {LIST}", Answer(200, index(*BOTH)))
    serve_deletion(host, IMAGE, SIGNATURE, RECORD)
    assert registry.delete(image) is True
    assert deleted(host) == [digest_of(data) for data in (IMAGE, SIGNATURE, RECORD)]


def test_the_tag_in_place_of_the_list_goes_as_well(
    host: Host, registry: HttpRegistry, image: Reference
) -> None:
    listing = index(*BOTH)
    host.on(f"GET {FALLBACK}", found(listing, OCI_INDEX))
    host.on(f"HEAD {FALLBACK}", found(listing, OCI_INDEX))
    serve_deletion(host, IMAGE, SIGNATURE, RECORD, listing)
    assert registry.delete(image) is True
    assert deleted(host) == [digest_of(data) for data in (IMAGE, SIGNATURE, RECORD, listing)]


def test_an_image_that_is_not_there_takes_nothing_along(
    host: Host, registry: HttpRegistry, image: Reference
) -> None:
    host.on(f"GET {LIST}", Answer(200, index(*BOTH)))
    serve_deletion(host, SIGNATURE, RECORD)
    assert registry.delete(image) is False
    assert deleted(host) == []
