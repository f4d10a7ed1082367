"""Blobs: whether they are there, reading through faults, mounting."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from okplug.errors import RegistryError
from okplug_registry.blobs import can_upload, has_blob, mount_blob, open_blob
from okplug_registry.failures import StatusError, UnreachableError
from tests.unit.plugins.registry.fakehost import (
    HANG_UP,
    Answer,
    Asked,
    Host,
    Uploads,
    digest_of,
    refused,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from okplug_registry.server import Server

DATA = bytes(range(256)) * 9000  # more than is read at once
DIGEST = digest_of(DATA)
BLOB = f"/v2/okteto/api/blobs/{DIGEST}"


def read(server: Server, digest: str = DIGEST) -> bytes:
    with open_blob(server, "okteto/api", digest) as stream:
        return stream.read()


def ranged(*cuts: int | None) -> list[Callable[[Asked], Answer]]:
    """Return answers that begin where they are asked to and end after so many bytes."""

    def answer(asked: Asked, cut: int | None) -> Answer:
        start = int(asked.headers.get("range", "bytes=0-")[6:-1])
        return Answer(206 if start else 200, DATA[start:], sent=cut)

    return [lambda asked, cut=cut: answer(asked, cut) for cut in cuts]  # type: ignore[misc]  # a default that mypy cannot infer


# ------------------------------------------------------------------------------------------ reading


def test_it_streams(host: Host, server: Server) -> None:
    host.on(f"GET {BLOB}", Answer(200, DATA))
    with open_blob(server, "okteto/api", DIGEST) as stream:
        assert stream.read(3) == DATA[:3]
        assert stream.read() == DATA[3:]
        assert stream.read() == b""


def test_an_empty_blob(host: Host, server: Server) -> None:
    digest = digest_of(b"")
    host.on(f"GET /v2/okteto/api/blobs/{digest}", Answer(200))
    assert read(server, digest) == b""


def test_other_digests_are_verified_too(host: Host, server: Server) -> None:
    import hashlib

    digest = f"sha512:{hashlib.sha512(DATA).hexdigest()}"
    host.on(f"GET /v2/okteto/api/blobs/{digest}", Answer(200, DATA))
    assert read(server, digest) == DATA


def test_a_digest_that_cannot_be_verified(host: Host, server: Server) -> None:
    host.on("GET /v2/okteto/api/blobs/crc:1", Answer(200, DATA))
    with pytest.raises(RegistryError, match=r"^crc:1 is no digest that can be verified"):
        read(server, "crc:1")


def test_a_missing_blob(host: Host, server: Server) -> None:
    with pytest.raises(RegistryError) as raised:
        read(server)
    assert str(raised.value) == (
        f"{host.host}/okteto/api has no blob {DIGEST}\n  hint: build it again"
    )


def test_wrong_bytes_never_come_to_an_end(host: Host, server: Server) -> None:
    wrong = DATA[:-1] + b"x"
    host.on(f"GET {BLOB}", Answer(200, wrong))
    with open_blob(server, "okteto/api", DIGEST) as stream:
        pieces: list[bytes] = []
        with pytest.raises(RegistryError) as raised:
            pieces.extend(iter(lambda: stream.read(65536), b""))
    assert raised.value.message == (
        f"{host.host}/okteto/api gave wrong bytes for {DIGEST}: theirs is {digest_of(wrong)}"
    )


def test_a_blob_that_is_too_short_is_wrong(host: Host, server: Server) -> None:
    host.on(f"GET {BLOB}", Answer(200, DATA[:-5]))
    with pytest.raises(RegistryError, match="gave wrong bytes"):
        read(server)


def test_a_blob_that_is_too_long_is_wrong(host: Host, server: Server) -> None:
    host.on(f"GET {BLOB}", Answer(200, DATA + b"and more"))
    with pytest.raises(RegistryError, match="gave wrong bytes"):
        read(server)


def test_after_a_cut_the_rest_is_asked_for(host: Host, server: Server) -> None:
    host.on(f"GET {BLOB}", *ranged(1_500_000, 500_000, None))
    assert read(server) == DATA
    starts = [int(asked.headers.get("range", "bytes=0-")[6:-1]) for asked in host.asked]
    assert len(starts) == 3
    assert starts[0] == 0 < starts[1] < starts[2] < len(DATA)


def test_a_server_that_knows_no_ranges_begins_again(host: Host, server: Server) -> None:
    host.on(f"GET {BLOB}", Answer(200, DATA, sent=1_500_000), Answer(200, DATA))
    assert read(server) == DATA
    assert len(host.asked) == 2


def test_a_cut_while_what_is_known_is_passed_over(host: Host, server: Server) -> None:
    host.on(f"GET {BLOB}", Answer(200, DATA, sent=1_500_000), Answer(200, DATA, sent=10))
    with pytest.raises(UnreachableError, match="broke: the answer was cut off"):
        read(server)


def test_a_server_that_sends_nothing_any_more(host: Host, server: Server) -> None:
    host.on(f"GET {BLOB}", Answer(200, DATA, sent=0))
    with pytest.raises(UnreachableError) as raised:
        read(server)
    assert raised.value.message == (
        f"the connection to {host.host}/okteto/api broke: the answer was cut off"
    )
    assert len(host.asked) == 4


def test_the_rest_of_another_blob_is_noticed(host: Host, server: Server) -> None:
    host.on(f"GET {BLOB}", *ranged(1_500_000), Answer(206, b"x" * 100))
    with pytest.raises(RegistryError, match="gave wrong bytes"):
        read(server)


def test_a_stream_that_is_left_early_frees_its_connection(host: Host, server: Server) -> None:
    host.on(f"GET {BLOB}", Answer(200, DATA))
    for _ in range(3):
        with open_blob(server, "okteto/api", DIGEST) as stream:
            stream.read(1)
    assert stream.closed
    stream.close()


def test_a_blob_on_another_host(hosts: Callable[[], Host], host: Host, server: Server) -> None:
    storage = hosts()
    host.on(f"GET {BLOB}", Answer(307, headers={"Location": f"{storage.url}/x?signature=1"}))
    storage.on("GET /x", Answer(200, DATA))
    assert read(server) == DATA


# ---------------------------------------------------------------------------------------- existence


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Answer(200, headers={"Content-Length": "5"}), True),
        (Answer(307, headers={"Location": "http://storage.invalid/x"}), True),
        (refused(404, "BLOB_UNKNOWN"), False),
    ],
)
def test_whether_it_is_there(
    host: Host,
    server: Server,
    answer: Answer,
    expected: bool,  # noqa: FBT001  # a column of the table
) -> None:
    host.on(f"HEAD {BLOB}", answer)
    assert has_blob(server, "okteto/api", DIGEST) is expected


def test_a_refusal_is_not_absence(host: Host, server: Server) -> None:
    host.on(f"HEAD {BLOB}", refused(403))
    with pytest.raises(StatusError, match=f"before you may look for {DIGEST} in"):
        has_blob(server, "okteto/api", DIGEST)


# ----------------------------------------------------------------------------------------- mounting


def mount(server: Server) -> bool:
    return mount_blob(server, "okteto/api", "cindy/api", DIGEST)


def test_a_mount_is_one_request(host: Host, server: Server) -> None:
    host.on("POST /v2/cindy/api/blobs/uploads/", Answer(201))
    assert mount(server)
    (asked,) = [asked for asked in host.asked if asked.path != "/v2/"]
    assert asked.query == {"mount": [DIGEST], "from": ["okteto/api"]}


def test_a_registry_that_begins_an_upload_instead(host: Host, server: Server) -> None:
    uploads = Uploads(host, "cindy/api")
    assert not mount(server)
    assert uploads.cancelled == 1


def test_an_upload_that_cannot_be_cancelled_is_left_alone(host: Host, server: Server) -> None:
    uploads = Uploads(host, "cindy/api")
    uploads.faults["DELETE"] = [refused(405, "UNSUPPORTED")]
    assert not mount(server)


def test_what_is_there_need_not_be_mounted(host: Host, server: Server) -> None:
    Uploads(host, "cindy/api").store(DATA)
    assert mount(server)


@pytest.mark.parametrize("status", [400, 404, 405])
def test_a_registry_that_does_not_mount(host: Host, server: Server, status: int) -> None:
    host.on("POST /v2/cindy/api/blobs/uploads/", refused(status, "UNSUPPORTED"))
    assert not mount(server)


def test_nobody_may_write_there(host: Host, server: Server) -> None:
    host.on("POST /v2/cindy/api/blobs/uploads/", refused(403, "DENIED"))
    with pytest.raises(StatusError, match=f"mount {DIGEST} of okteto/api in .*/cindy/api"):
        mount(server)


def test_a_mount_asks_for_both_repositories(
    hosts: Callable[[], Host], host: Host, server: Server
) -> None:
    tokens = hosts()
    tokens.on("GET /token", Answer(200, b'{"token": "t"}'))
    challenge = {"WWW-Authenticate": f'Bearer realm="{tokens.url}/token"'}
    host.on("POST /v2/cindy/api/blobs/uploads/", Answer(401, headers=challenge), Answer(201))
    assert mount(server)
    assert tokens.asked[0].query["scope"] == [
        "repository:cindy/api:pull,push",
        "repository:okteto/api:pull",
    ]


def test_a_server_that_hangs_up(host: Host, server: Server) -> None:
    host.on(f"HEAD {BLOB}", HANG_UP)
    with pytest.raises(UnreachableError):
        has_blob(server, "okteto/api", DIGEST)


# --------------------------------------------------------------------------------------- may I write


def test_who_may_begin_an_upload_may_write(host: Host, server: Server) -> None:
    uploads = Uploads(host, "okteto/api")
    assert can_upload(server, "okteto/api")
    assert uploads.cancelled == 1
    assert uploads.blobs == {}


@pytest.mark.parametrize("status", [401, 403, 405])
def test_who_may_not_begin_an_upload(host: Host, server: Server, status: int) -> None:
    host.on("POST /v2/okteto/api/blobs/uploads/", refused(status, "DENIED", "no"))
    assert not can_upload(server, "okteto/api")


@pytest.mark.parametrize("status", [400, 404, 500])
def test_what_says_nothing_about_rights_is_an_error(
    host: Host, server: Server, status: int
) -> None:
    host.on("POST /v2/okteto/api/blobs/uploads/", refused(status))
    with pytest.raises(StatusError, match=r"begin an upload in .*okteto/api"):
        can_upload(server, "okteto/api")
