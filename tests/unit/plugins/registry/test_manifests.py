"""Manifests: looked up, read and written, with every digest verified."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from okplug.backends import ROOT_ANNOTATION, Descriptor
from okplug.errors import RegistryError
from okplug.oci import DOCKER_MANIFEST, OCI_MANIFEST
from okplug_registry.failures import StatusError
from okplug_registry.manifests import find_manifest, move_tag, read_manifest, write_manifest
from tests.unit.plugins.registry.fakehost import Answer, Host, digest_of, found, manifest, refused

if TYPE_CHECKING:
    from okplug.reference import Reference
    from okplug_registry.server import Server

DATA = manifest()
OTHER = manifest(annotations={"other": "1"})
TAG = "/v2/okteto/api/manifests/1.0"
BY_DIGEST = f"/v2/okteto/api/manifests/{digest_of(DATA)}"
FOUND = Descriptor(OCI_MANIFEST, digest_of(DATA), len(DATA))


def by_digest(api: Reference, data: bytes = DATA) -> Reference:
    return api.with_tag("").with_digest(digest_of(data))


# ------------------------------------------------------------------------------------------ look-up


def test_a_look_up_is_one_head(host: Host, server: Server, api: Reference) -> None:
    host.on(f"HEAD {TAG}", found(DATA))
    assert find_manifest(server, api) == FOUND
    assert host.lines() == [f"HEAD {TAG}"]
    accepted = host.asked[-1].headers["accept"].split(", ")
    assert len(accepted) == 4
    assert OCI_MANIFEST in accepted
    assert DOCKER_MANIFEST in accepted


def test_a_digest_counts_more_than_a_tag(host: Host, server: Server, api: Reference) -> None:
    host.on(f"HEAD {BY_DIGEST}", found(DATA))
    assert find_manifest(server, api.with_digest(digest_of(DATA))) == FOUND


def test_nothing_is_there(server: Server, api: Reference) -> None:
    assert find_manifest(server, api) is None
    assert read_manifest(server, api) is None


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": OCI_MANIFEST},
        {"Docker-Content-Digest": digest_of(DATA)},
        {"Content-Type": "application/json", "Docker-Content-Digest": digest_of(DATA)},
    ],
)
def test_a_head_that_says_too_little_is_followed_by_a_get(
    host: Host, server: Server, api: Reference, headers: dict[str, str]
) -> None:
    host.on(f"HEAD {TAG}", Answer(200, headers={**headers, "Content-Length": str(len(DATA))}))
    host.on(f"GET {TAG}", Answer(200, DATA, {"Content-Type": OCI_MANIFEST}))
    assert find_manifest(server, api) == FOUND
    assert host.lines() == [f"HEAD {TAG}", f"GET {TAG}"]


def test_a_tag_that_goes_between_head_and_get(host: Host, server: Server, api: Reference) -> None:
    host.on(f"HEAD {TAG}", Answer(200))
    assert find_manifest(server, api) is None


def test_a_head_about_something_else(host: Host, server: Server, api: Reference) -> None:
    host.on(f"HEAD {BY_DIGEST}", found(OTHER))
    with pytest.raises(RegistryError) as raised:
        find_manifest(server, by_digest(api))
    assert str(raised.value) == (
        f"{host.host}/okteto/api gave wrong bytes for {digest_of(DATA)}: theirs is "
        f"{digest_of(OTHER)}\n  hint: its storage, or a cache before it, is damaged: remove it "
        "there and build again"
    )


def test_a_refusal_is_not_absence(host: Host, server: Server, api: Reference) -> None:
    host.on(f"HEAD {TAG}", refused(403))
    with pytest.raises(StatusError, match=r"before you may read the tag 1\.0 in"):
        find_manifest(server, api)


# ------------------------------------------------------------------------------------------ reading


def test_a_manifest_comes_with_its_bytes(host: Host, server: Server, api: Reference) -> None:
    host.on(f"GET {TAG}", found(DATA))
    assert read_manifest(server, api) == (FOUND, DATA)


def test_a_manifest_without_digest_header_is_hashed(
    host: Host, server: Server, api: Reference
) -> None:
    host.on(f"GET {TAG}", Answer(200, DATA, {"Content-Type": f"{OCI_MANIFEST}; charset=utf-8"}))
    assert read_manifest(server, api) == (FOUND, DATA)


def test_a_manifest_of_another_digest_than_it_says(
    host: Host, server: Server, api: Reference
) -> None:
    headers = {"Content-Type": OCI_MANIFEST, "Docker-Content-Digest": digest_of(OTHER)}
    host.on(f"GET {TAG}", Answer(200, DATA, headers))
    with pytest.raises(RegistryError, match=f"gave wrong bytes for {digest_of(OTHER)}"):
        read_manifest(server, api)


def test_a_manifest_of_another_digest_than_was_asked_for(
    host: Host, server: Server, api: Reference
) -> None:
    host.on(f"GET {BY_DIGEST}", found(OTHER))
    with pytest.raises(RegistryError, match=f"gave wrong bytes for {digest_of(DATA)}"):
        read_manifest(server, by_digest(api))


def test_a_manifest_that_is_cut_off_is_read_again(
    host: Host, server: Server, api: Reference
) -> None:
    whole = found(DATA)
    host.on(f"GET {TAG}", Answer(200, DATA, whole.headers, sent=20), whole)
    assert read_manifest(server, api) == (FOUND, DATA)


def test_other_digests_are_verified_too(host: Host, server: Server, api: Reference) -> None:
    digest = f"sha512:{hashlib.sha512(DATA).hexdigest()}"
    host.on(f"GET /v2/okteto/api/manifests/{digest}", Answer(200, DATA))
    read = read_manifest(server, api.with_digest(digest))
    assert read is not None
    assert read[0].digest == digest


def test_a_digest_that_cannot_be_verified(host: Host, server: Server, api: Reference) -> None:
    host.on(f"GET {TAG}", Answer(200, DATA, {"Docker-Content-Digest": "crc:1"}))
    with pytest.raises(RegistryError, match=r"crc:1 is no digest that can be verified$"):
        read_manifest(server, api)


def test_the_root_comes_along(host: Host, server: Server, api: Reference) -> None:
    data = manifest(annotations={ROOT_ANNOTATION: "ab" * 32, "more": "x"})
    host.on(f"GET {TAG}", found(data))
    read = read_manifest(server, api)
    assert read is not None
    assert read[0].annotations == {ROOT_ANNOTATION: "ab" * 32}


@pytest.mark.parametrize("data", [b"", b"<html>", b"[]", b'{"mediaType": "text/plain"}'])
def test_what_is_no_manifest(host: Host, server: Server, api: Reference, data: bytes) -> None:
    host.on(f"GET {TAG}", Answer(200, data, {"Content-Type": "text/html"}))
    with pytest.raises(RegistryError, match=f"^{host.host}/okteto/api: "):
        read_manifest(server, api)


def test_a_manifest_that_is_too_large(host: Host, server: Server, api: Reference) -> None:
    host.on(f"GET {TAG}", Answer(200, b" " * (4 * 1024 * 1024 + 1)))
    with pytest.raises(RegistryError, match="gave a manifest of 4194305 bytes"):
        read_manifest(server, api)


# ------------------------------------------------------------------------------------------ writing


def test_a_manifest_is_put_with_its_type(host: Host, server: Server, api: Reference) -> None:
    host.on(f"PUT {BY_DIGEST}", Answer(201))
    write_manifest(server, by_digest(api), OCI_MANIFEST, DATA)
    assert host.asked[-1].body == DATA
    assert host.asked[-1].headers["content-type"] == OCI_MANIFEST


def test_a_registry_that_stores_something_else(host: Host, server: Server, api: Reference) -> None:
    host.on(f"PUT {TAG}", Answer(201, headers={"Docker-Content-Digest": digest_of(OTHER)}))
    with pytest.raises(RegistryError, match=f"gave wrong bytes for {digest_of(DATA)}"):
        write_manifest(server, api, OCI_MANIFEST, DATA)


def test_blobs_that_are_missing_are_named(host: Host, server: Server, api: Reference) -> None:
    host.on(f"PUT {TAG}", refused(404, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry"))
    with pytest.raises(StatusError) as raised:
        write_manifest(server, api, OCI_MANIFEST, DATA)
    assert raised.value.codes == ("MANIFEST_BLOB_UNKNOWN",)
    assert "write the tag 1.0" in raised.value.message
    assert "blob unknown to registry" in raised.value.message


def test_a_busy_registry_is_tried_again(host: Host, server: Server, api: Reference) -> None:
    host.on(f"PUT {TAG}", refused(500), refused(503), Answer(201))
    write_manifest(server, api, OCI_MANIFEST, DATA)
    assert [asked.body for asked in host.asked if asked.method == "PUT"] == [DATA] * 3


def test_a_registry_that_stumbles_over_another_writer_is_tried_again(
    host: Host, server: Server, api: Reference
) -> None:
    host.on(f"PUT {BY_DIGEST}", refused(400, "DIGEST_INVALID"), Answer(201))
    write_manifest(server, by_digest(api), OCI_MANIFEST, DATA)
    assert [asked.body for asked in host.asked if asked.method == "PUT"] == [DATA] * 2


def test_a_registry_that_goes_on_to_stumble_is_given_up(
    host: Host, server: Server, api: Reference
) -> None:
    host.on(f"PUT {BY_DIGEST}", *[refused(400, "DIGEST_INVALID")] * 9)
    with pytest.raises(StatusError, match="DIGEST_INVALID"):
        write_manifest(server, by_digest(api), OCI_MANIFEST, DATA)
    assert len(host.asked) < 9


# --------------------------------------------------------------------------------- immutable tags


IMMUTABLE = [
    refused(400, "TAG_INVALID", "The image tag already exists and cannot be overwritten"),
    refused(403, "DENIED", "the tag is immutable"),
    refused(405, "UNSUPPORTED", "tag is locked"),
    refused(409, "TAG_IMMUTABLE", "tag exists"),
    refused(412, "PRECONDITION", "configured as immutable"),
]


@pytest.mark.parametrize("answer", IMMUTABLE, ids=lambda answer: answer.status)
def test_an_immutable_tag_that_points_there_is_fine(
    host: Host, server: Server, api: Reference, answer: Answer
) -> None:
    host.on(f"PUT {TAG}", answer)
    host.on(f"HEAD {TAG}", found(DATA))
    move_tag(server, api, OCI_MANIFEST, DATA)


@pytest.mark.parametrize("answer", IMMUTABLE, ids=lambda answer: answer.status)
def test_an_immutable_tag_that_points_elsewhere_is_said_to_be_one(
    host: Host, server: Server, api: Reference, answer: Answer
) -> None:
    host.on(f"PUT {TAG}", answer)
    host.on(f"HEAD {TAG}", found(OTHER))
    with pytest.raises(RegistryError) as raised:
        move_tag(server, api, OCI_MANIFEST, DATA)
    assert raised.value.message.startswith(
        f"{api} points at {digest_of(OTHER)}, and {host.host} does not let it be moved to "
        f"{digest_of(DATA)}: "
    )
    assert raised.value.hint == (
        "if its tags are immutable, allow this one to move, or write another one"
    )


def test_a_refusal_to_write_a_new_tag_has_another_reason(
    host: Host, server: Server, api: Reference
) -> None:
    host.on(f"PUT {TAG}", refused(403, "DENIED", "no"))
    with pytest.raises(StatusError, match=r"before you may write the tag 1\.0 in"):
        move_tag(server, api, OCI_MANIFEST, DATA)


def test_other_failures_stay_what_they_are(host: Host, server: Server, api: Reference) -> None:
    host.on(f"PUT {TAG}", refused(413))
    with pytest.raises(StatusError, match="takes nothing that large"):
        move_tag(server, api, OCI_MANIFEST, DATA)
    assert f"HEAD {TAG}" not in host.lines()
