"""The registry as okplug uses it: tags across repositories, mirrors, no request too many."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import pytest

from okplug.backends import ROOT_ANNOTATION
from okplug.credentials import Credentials
from okplug.errors import RegistryError
from okplug.oci import OCI_INDEX, OCI_LAYER, OCI_MANIFEST
from okplug_registry.registry import HttpRegistry
from okplug_registry.server import Address, Server
from tests.unit.plugins.registry.fakehost import (
    Answer,
    Host,
    Uploads,
    digest_of,
    found,
    manifest,
    refused,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from okplug.reference import Reference
    from okplug_registry.transport import Transport

LAYER = b"the bytes of a layer"
IMAGE = manifest(
    layers=[{"mediaType": OCI_LAYER, "digest": digest_of(LAYER), "size": len(LAYER)}],
    annotations={ROOT_ANNOTATION: "ab" * 32},
)
CONFIG = b"{}"
INDEX = json.dumps(
    {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [{"mediaType": OCI_MANIFEST, "digest": digest_of(IMAGE), "size": len(IMAGE)}],
    }
).encode()

SOURCE = "/v2/okteto/api/manifests"
TARGET = "/v2/cindy/api/manifests"
MOUNT = "POST /v2/cindy/api/blobs/uploads/"


@pytest.fixture
def mine(api: Reference) -> Reference:
    """Return a tag in another repository."""
    from okplug.reference import Reference

    return Reference(api.registry, "cindy/api", "okteto")


@pytest.fixture
def image(host: Host) -> None:
    """Have an image in the first repository, by tag and by digest."""
    for name in ("1.0", digest_of(IMAGE)):
        host.on(f"GET {SOURCE}/{name}", found(IMAGE))
        host.on(f"HEAD {SOURCE}/{name}", found(IMAGE))


# -------------------------------------------------------------------------------------------- tags


@pytest.mark.usefixtures("image")
def test_a_tag_elsewhere_mounts_every_blob_and_sends_none(
    host: Host, registry: HttpRegistry, api: Reference, mine: Reference
) -> None:
    host.on(MOUNT, Answer(201))
    host.on(f"PUT {TARGET}/okteto", Answer(201))
    assert registry.tag(api, mine).digest == digest_of(IMAGE)
    assert host.lines() == [
        f"HEAD {TARGET}/okteto",
        f"GET {SOURCE}/1.0",
        MOUNT,
        MOUNT,
        f"PUT {TARGET}/okteto",
    ]
    assert host.asked[-1].body == IMAGE


@pytest.mark.usefixtures("image")
def test_a_tag_beside_it_is_one_write(host: Host, registry: HttpRegistry, api: Reference) -> None:
    host.on(f"PUT {SOURCE}/latest", Answer(201))
    registry.tag(api.with_tag("").with_digest(digest_of(IMAGE)), api.with_tag("latest"))
    assert host.lines() == [
        f"HEAD {SOURCE}/latest",
        f"GET {SOURCE}/{digest_of(IMAGE)}",
        f"PUT {SOURCE}/latest",
    ]


def test_a_tag_that_points_there_costs_one_request(
    host: Host, registry: HttpRegistry, api: Reference, mine: Reference
) -> None:
    host.on(f"HEAD {TARGET}/okteto", found(IMAGE))
    registry.tag(api.with_tag("").with_digest(digest_of(IMAGE)), mine)
    assert host.lines() == [f"HEAD {TARGET}/okteto"]


@pytest.mark.usefixtures("image")
def test_a_tag_by_tag_that_points_there_is_not_written(
    host: Host, registry: HttpRegistry, api: Reference, mine: Reference
) -> None:
    host.on(f"HEAD {TARGET}/okteto", found(IMAGE))
    registry.tag(api, mine)
    assert host.lines() == [f"HEAD {TARGET}/okteto", f"GET {SOURCE}/1.0"]


@pytest.mark.usefixtures("image")
def test_where_nothing_is_mounted_blobs_are_copied(
    host: Host, registry: HttpRegistry, api: Reference, mine: Reference
) -> None:
    uploads = Uploads(host, "cindy/api")
    for data in (LAYER, CONFIG):
        host.on(f"GET /v2/okteto/api/blobs/{digest_of(data)}", Answer(200, data))
    host.on(f"PUT {TARGET}/okteto", Answer(201))
    registry.tag(api, mine)
    assert set(uploads.blobs.values()) == {LAYER, CONFIG}
    assert host.lines()[-1] == f"PUT {TARGET}/okteto"


@pytest.mark.usefixtures("image")
def test_an_index_comes_with_its_manifests_before_its_tag(
    host: Host, registry: HttpRegistry, api: Reference, mine: Reference
) -> None:
    host.on(f"GET {SOURCE}/index", found(INDEX, OCI_INDEX))
    host.on(MOUNT, Answer(201))
    host.on(f"PUT {TARGET}/{digest_of(IMAGE)}", Answer(201))
    host.on(f"PUT {TARGET}/okteto", Answer(201))
    registry.tag(api.with_tag("index"), mine)
    writes = [asked for asked in host.asked if asked.method in {"POST", "PUT"}]
    assert [asked.line for asked in writes] == [
        MOUNT,
        MOUNT,
        f"PUT {TARGET}/{digest_of(IMAGE)}",
        f"PUT {TARGET}/okteto",
    ]
    assert [asked.body for asked in writes[2:]] == [IMAGE, INDEX]
    assert writes[-1].headers["content-type"] == OCI_INDEX


def test_a_manifest_that_is_in_the_other_repository_is_left_alone(
    host: Host, registry: HttpRegistry, api: Reference, mine: Reference
) -> None:
    host.on(f"GET {SOURCE}/index", found(INDEX, OCI_INDEX))
    host.on(f"HEAD {TARGET}/{digest_of(IMAGE)}", found(IMAGE))
    host.on(f"PUT {TARGET}/okteto", Answer(201))
    registry.tag(api.with_tag("index"), mine)
    assert [line for line in host.lines() if line.startswith("P")] == [f"PUT {TARGET}/okteto"]


def test_an_index_that_lacks_a_manifest_is_not_tagged(
    host: Host, registry: HttpRegistry, api: Reference, mine: Reference
) -> None:
    host.on(f"GET {SOURCE}/1.0", found(INDEX, OCI_INDEX))
    with pytest.raises(RegistryError) as raised:
        registry.tag(api, mine)
    assert str(raised.value) == (
        f"{api} is not whole: {digest_of(IMAGE)} is not there\n  hint: build it again"
    )
    assert all(not line.startswith("P") for line in host.lines())


@pytest.mark.usefixtures("image")
@pytest.mark.parametrize("status", [403, 500])
def test_a_blob_that_cannot_come_along_stops_the_tag(
    host: Host, registry: HttpRegistry, api: Reference, mine: Reference, status: int
) -> None:
    host.on(MOUNT, refused(status))
    with pytest.raises(RegistryError, match=f"mount {digest_of(CONFIG)} of okteto/api"):
        registry.tag(api, mine)
    assert f"PUT {TARGET}/okteto" not in host.lines()


def test_a_digest_is_no_tag(registry: HttpRegistry, api: Reference) -> None:
    for target in (api.with_digest(digest_of(IMAGE)), api.with_tag("")):
        with pytest.raises(RegistryError, match=r"^expected a tag to set, not "):
            registry.tag(api, target)


def test_tags_are_sorted_and_without_repetition(
    host: Host, registry: HttpRegistry, api: Reference
) -> None:
    host.on("GET /v2/okteto/api/tags/list", Answer(200, b'{"tags": ["b", "a", "b", 5, "B"]}'))
    assert list(registry.tags(api)) == ["B", "a", "b"]


# -------------------------------------------------------------------------------------------- blobs


def test_a_blob_of_another_host_is_not_mounted(registry: HttpRegistry, api: Reference) -> None:
    from okplug.reference import Reference

    assert not registry.mount_blob(Reference("other.test", "x"), api, digest_of(LAYER))


def test_a_blob_within_its_repository_is_not_mounted(
    host: Host, registry: HttpRegistry, api: Reference
) -> None:
    Uploads(host, "okteto/api").store(LAYER)
    assert registry.mount_blob(api, api.with_tag("2"), digest_of(LAYER))
    assert host.lines() == [f"HEAD /v2/okteto/api/blobs/{digest_of(LAYER)}"]


def test_a_blob_is_described_as_it_is(host: Host, registry: HttpRegistry, api: Reference) -> None:
    uploads = Uploads(host, "okteto/api")
    descriptor = registry.write_blob(api, io.BytesIO(LAYER), OCI_LAYER)
    assert (descriptor.media_type, descriptor.digest, descriptor.size) == (
        OCI_LAYER,
        digest_of(LAYER),
        len(LAYER),
    )
    assert list(uploads.blobs.values()) == [LAYER]


# ------------------------------------------------------------------------------------------ look-up


@pytest.mark.usefixtures("image")
def test_a_look_up_brings_the_root(host: Host, registry: HttpRegistry, api: Reference) -> None:
    descriptor = registry.resolve(api)
    assert descriptor is not None
    assert descriptor.annotations == {ROOT_ANNOTATION: "ab" * 32}
    assert host.lines() == [f"GET {SOURCE}/1.0"]


@pytest.mark.usefixtures("image")
def test_a_look_up_by_digest_is_a_head(host: Host, registry: HttpRegistry, api: Reference) -> None:
    assert registry.resolve(api.with_digest(digest_of(IMAGE)))
    assert host.lines() == [f"HEAD {SOURCE}/{digest_of(IMAGE)}"]


def test_a_manifest_of_another_type_than_it_says_is_not_sent(
    host: Host, registry: HttpRegistry, api: Reference
) -> None:
    with pytest.raises(RegistryError, match="says that it is"):
        registry.write_manifest(api, OCI_INDEX, IMAGE)
    assert host.asked == []


# ------------------------------------------------------------------------------------------ mirrors


@pytest.fixture
def mirror(hosts: Callable[[], Host]) -> Host:
    """Return the server of a mirror."""
    return hosts()


@pytest.fixture
def mirrored(
    host: Host, mirror: Host, server: Server, transport: Transport, environ: dict[str, str]
) -> HttpRegistry:
    """Return the registry with a mirror, which has its repositories below a folder."""
    address = Address(mirror.host, mirror.host, "http", "hub/")
    return HttpRegistry(host.host, server, [Server(address, transport, Credentials(environ))])


def test_a_mirror_is_read_first(
    host: Host, mirror: Host, mirrored: HttpRegistry, api: Reference
) -> None:
    mirror.on("GET /v2/hub/okteto/api/manifests/1.0", found(IMAGE))
    mirror.on(f"GET /v2/hub/okteto/api/blobs/{digest_of(LAYER)}", Answer(200, LAYER))
    assert mirrored.resolve(api)
    assert mirrored.read_manifest(api)
    with mirrored.open_blob(api, digest_of(LAYER)) as stream:
        assert stream.read() == LAYER
    assert host.asked == []


@pytest.mark.usefixtures("image")
@pytest.mark.parametrize("status", [404, 401, 403, 500])
def test_what_a_mirror_does_not_give_the_registry_does(
    host: Host, mirror: Host, mirrored: HttpRegistry, api: Reference, status: int
) -> None:
    mirror.on("GET /v2/hub/okteto/api/manifests/1.0", refused(status))
    mirror.on(f"GET /v2/hub/okteto/api/blobs/{digest_of(LAYER)}", refused(status))
    host.on(f"GET /v2/okteto/api/blobs/{digest_of(LAYER)}", Answer(200, LAYER))
    assert mirrored.resolve(api)
    with mirrored.open_blob(api, digest_of(LAYER)) as stream:
        assert stream.read() == LAYER


@pytest.mark.usefixtures("image")
def test_a_mirror_that_lies_is_not_believed(
    mirror: Host, mirrored: HttpRegistry, api: Reference
) -> None:
    by_digest = api.with_tag("").with_digest(digest_of(IMAGE))
    mirror.on(f"GET /v2/hub/okteto/api/manifests/{digest_of(IMAGE)}", Answer(200, manifest()))
    read = mirrored.read_manifest(by_digest)
    assert read is not None
    assert read[1] == IMAGE


def test_a_mirror_is_never_written(
    host: Host, mirror: Host, mirrored: HttpRegistry, api: Reference, mine: Reference
) -> None:
    uploads = Uploads(host, "okteto/api")
    host.on(f"PUT {SOURCE}/{digest_of(IMAGE)}", Answer(201))
    host.on(f"HEAD {TARGET}/okteto", found(IMAGE))
    host.on(f"DELETE {TARGET}/okteto", Answer(202))
    mirrored.write_blob(api, io.BytesIO(LAYER), OCI_LAYER)
    mirrored.write_manifest(api, OCI_MANIFEST, IMAGE)
    mirrored.tag(api.with_digest(digest_of(IMAGE)), mine)
    mirrored.delete(mine)
    assert mirrored.has_blob(api, digest_of(LAYER))
    assert list(mirrored.tags(api)) == []
    assert list(uploads.blobs.values()) == [LAYER]
    assert mirror.asked == []
