"""Uploads: in one request, in chunks, and through every fault."""

from __future__ import annotations

import io
import time
from typing import TYPE_CHECKING, BinaryIO, cast

import pytest

from okplug.errors import RegistryError
from okplug_registry.failures import StatusError, UnreachableError
from okplug_registry.uploads import CHUNK, Content, spooled, upload
from tests.unit.plugins.registry.fakehost import (
    HANG_UP,
    Answer,
    HangUpAfter,
    Host,
    Uploads,
    digest_of,
    refused,
)

if TYPE_CHECKING:
    from pathlib import Path

    from okplug_registry.server import Server

DATA = bytes(range(256)) * 400
DIGEST = digest_of(DATA)
SESSION = "/v2/okteto/api/blobs/uploads/1"


class Pipe(io.RawIOBase):
    """Bytes that can be read once."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self._data = io.BytesIO(data)

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def readinto(self, buffer: bytearray, /) -> int:  # type: ignore[override]  # what callers have
        """Read some."""
        return self._data.readinto(buffer)


@pytest.fixture
def uploads(host: Host) -> Uploads:
    """Return the registry's part."""
    return Uploads(host, "okteto/api")


def send(server: Server, data: bytes = DATA, chunk: int = CHUNK) -> None:
    with spooled(io.BytesIO(data)) as content:
        upload(server, "okteto/api", content, chunk)


def sent(host: Host) -> list[str]:
    """Return the methods of the requests of the upload, with the ranges of chunks."""
    return [
        f"{asked.method} {asked.headers.get('content-range', '')}".rstrip()
        for asked in host.asked
        if asked.path.startswith("/v2/okteto/api/blobs/uploads/")
    ]


# ------------------------------------------------------------------------------------ without faults


@pytest.mark.parametrize("data", [b"", b"x", DATA], ids=len)
def test_one_request_brings_it(host: Host, server: Server, uploads: Uploads, data: bytes) -> None:
    send(server, data)
    assert uploads.blobs == {digest_of(data): data}
    assert sent(host) == ["POST", "PUT"]
    assert host.asked[-1].headers["content-length"] == str(len(data))


def test_what_is_there_is_not_sent(host: Host, server: Server, uploads: Uploads) -> None:
    uploads.store(DATA)
    send(server)
    assert sent(host) == []


def test_a_file_is_sent_from_where_it_is(server: Server, uploads: Uploads, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"passed" + DATA)
    with path.open("rb") as file:
        file.read(6)
        with spooled(file) as content:
            upload(server, "okteto/api", content)
    assert list(uploads.blobs.values()) == [DATA]


def test_what_can_be_read_once_is_spooled() -> None:
    pipe = cast("BinaryIO", Pipe(DATA))
    with spooled(pipe) as content:
        assert (content.digest, content.size) == (DIGEST, len(DATA))
        for _ in range(2):
            assert b"".join(content.pieces(10, 500)) == DATA[10:500]


def test_a_file_that_becomes_shorter(server: Server, uploads: Uploads, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(DATA)
    with path.open("rb") as file, spooled(file) as content:
        path.write_bytes(DATA[:10])
        with pytest.raises(RegistryError, match=f"^{DIGEST} became shorter while it was sent"):
            upload(server, "okteto/api", content)
    assert uploads.blobs == {}


def test_a_location_with_a_query_keeps_it(host: Host, server: Server, uploads: Uploads) -> None:
    uploads.faults["POST"] = [Answer(202, headers={"Location": f"{SESSION}?_state=a%2Fb"})]
    send(server)
    assert host.asked[-1].query == {"_state": ["a/b"], "digest": [DIGEST]}


def test_a_location_on_another_host_gets_no_credentials(
    host: Host, server: Server, hosts: object, log_in: object
) -> None:
    assert callable(hosts)
    assert callable(log_in)
    storage: Host = hosts()
    log_in(host.host, auth="Y2luZHk6eA==")
    challenge = {"WWW-Authenticate": "Basic"}
    begun = Answer(202, headers={"Location": f"{storage.url}/session"})
    host.on("POST /v2/okteto/api/blobs/uploads/", Answer(401, headers=challenge), begun)
    storage.on("PUT /session", Answer(201))
    send(server)
    assert host.asked[-1].headers["authorization"] == "Basic Y2luZHk6eA=="
    assert "authorization" not in storage.asked[-1].headers


def test_a_registry_that_says_not_where_to(host: Host, server: Server, uploads: Uploads) -> None:
    uploads.faults["POST"] = [Answer(202)]
    with pytest.raises(RegistryError, match=f"^{host.host} says not where to upload to"):
        send(server)


# ------------------------------------------------------------------------------------------- faults


def test_a_cut_is_gone_on_from(host: Host, server: Server, uploads: Uploads) -> None:
    uploads.faults["PUT"] = [lambda asked: uploads.keep(asked.body[:40_000])]
    send(server, chunk=25_000)
    assert uploads.blobs == {DIGEST: DATA}
    assert sent(host) == [
        "POST",
        "PUT",
        "GET",
        "PATCH 40000-64999",
        "PATCH 65000-89999",
        "PATCH 90000-102399",
        "PUT",
    ]


def test_a_cut_in_the_middle_of_a_body(host: Host, server: Server, uploads: Uploads) -> None:
    host.on(f"PUT {SESSION}", HangUpAfter(1000), uploads._faulty(uploads._end))
    send(server, DATA * 100)
    assert uploads.blobs == {digest_of(DATA * 100): DATA * 100}


def test_a_cut_between_chunks(host: Host, server: Server, uploads: Uploads) -> None:
    uploads.faults["PUT"] = [lambda asked: uploads.keep(asked.body[:20_000])]
    uploads.faults["PATCH"] = [
        uploads._append,
        lambda asked: uploads.keep(asked.body[:5_000]),
        HANG_UP,
    ]
    send(server, chunk=30_000)
    assert uploads.blobs == {DIGEST: DATA}
    assert sent(host) == [
        "POST",
        "PUT",
        "GET",
        "PATCH 20000-49999",
        "PATCH 50000-79999",
        "GET",
        "PATCH 55000-84999",
        "GET",
        "PATCH 55000-84999",
        "PATCH 85000-102399",
        "PUT",
    ]


def test_a_registry_that_forgot_the_upload_gets_it_from_the_beginning(
    host: Host, server: Server
) -> None:
    uploads = Uploads(host, "okteto/api", forgets=True)
    uploads.faults["PUT"] = [lambda asked: uploads.keep(asked.body[:40_000])]
    send(server)
    assert uploads.blobs == {DIGEST: DATA}
    assert sent(host) == ["POST", "PUT", "GET", "POST", "PUT"]


def test_an_upload_of_which_only_the_answer_was_lost(host: Host, server: Server) -> None:
    uploads = Uploads(host, "okteto/api", forgets=True)

    def take(asked: object) -> Answer:
        uploads._end(asked)  # type: ignore[arg-type]  # as the fake gets it
        return HANG_UP

    uploads.faults["PUT"] = [take]
    send(server)
    assert sent(host) == ["POST", "PUT", "GET"]


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_busy_registry_is_tried_again(
    host: Host, server: Server, uploads: Uploads, status: int
) -> None:
    uploads.faults["PUT"] = [refused(status), refused(status)]
    send(server)
    assert uploads.blobs == {DIGEST: DATA}
    over_again = ["GET", "DELETE", "POST", "PUT"]  # it cannot be told whether a byte is there
    assert sent(host) == ["POST", "PUT", *over_again, *over_again]


def test_it_waits_as_long_as_it_is_asked_to(
    server: Server, uploads: Uploads, monkeypatch: pytest.MonkeyPatch
) -> None:
    naps: list[float] = []
    monkeypatch.setattr(time, "sleep", naps.append)
    uploads.faults["PUT"] = [refused(429, Retry_After="3"), refused(429, Retry_After="9999")]
    send(server)
    assert naps == [3, 30]


def test_a_registry_that_stays_busy(host: Host, server: Server, uploads: Uploads) -> None:
    host.on(f"PUT {SESSION}", refused(503, "UNAVAILABLE", "come back later"))
    with pytest.raises(StatusError) as raised:
        send(server)
    assert raised.value.message == (
        f"{host.host} failed to store {DIGEST} in {host.host}/okteto/api "
        "(503 UNAVAILABLE: come back later)"
    )
    assert uploads.cancelled == sent(host).count("POST") == 6
    assert sent(host).count("PUT") == 6


def test_a_connection_that_breaks_again_and_again(
    host: Host, server: Server, uploads: Uploads
) -> None:
    host.on(f"PUT {SESSION}", HANG_UP)
    with pytest.raises(UnreachableError):
        send(server)
    assert sent(host).count("PUT") == 6
    assert uploads.blobs == {}


def test_tries_that_get_further_are_not_counted(server: Server, uploads: Uploads) -> None:
    def keep(asked: object) -> Answer:
        return uploads.keep(asked.body[:10_000])  # type: ignore[attr-defined]  # as the fake gets it

    uploads.faults["PUT"] = [keep]
    uploads.faults["PATCH"] = [keep] * 9
    send(server)
    assert uploads.blobs == {DIGEST: DATA}


@pytest.mark.parametrize("status", [400, 403, 404])
def test_a_refusal_ends_it_and_the_upload(
    host: Host, server: Server, uploads: Uploads, status: int
) -> None:
    uploads.faults["PUT"] = [refused(status, "DENIED")]
    with pytest.raises(StatusError, match=rf"\({status} DENIED\)"):
        send(server)
    assert sent(host) == ["POST", "PUT", "DELETE"]


def test_nobody_may_begin(host: Host, server: Server, uploads: Uploads) -> None:
    uploads.faults["POST"] = [refused(404, "NAME_UNKNOWN", "repository not found")]
    with pytest.raises(StatusError) as raised:
        send(server)
    assert str(raised.value) == (
        f"{host.host} has nowhere to begin an upload in {host.host}/okteto/api "
        "(404 NAME_UNKNOWN: repository not found)\n  hint: create the repository if the registry "
        "does not make them by itself, or set namespace"
    )
    assert uploads.cancelled == 0


# ------------------------------------------------------------------------------------------- chunks


def test_a_body_that_is_too_large_goes_in_chunks(
    host: Host, server: Server, uploads: Uploads
) -> None:
    uploads.faults["PUT"] = [refused(413)]
    send(server, chunk=40_000)
    assert uploads.blobs == {DIGEST: DATA}
    assert sent(host) == [
        "POST",
        "PUT",
        "DELETE",
        "POST",
        "PATCH 0-39999",
        "PATCH 40000-79999",
        "PATCH 80000-102399",
        "PUT",
    ]


def test_a_chunk_that_is_too_large(host: Host, server: Server, uploads: Uploads) -> None:
    uploads.faults["PUT"] = [refused(413)]
    uploads.faults["PATCH"] = [refused(413)]
    with pytest.raises(StatusError) as raised:
        send(server, chunk=40_000)
    assert raised.value.message == (
        f"{host.host} takes nothing that large: cannot send bytes from 0 on in "
        f"{host.host}/okteto/api (413)"
    )
    assert uploads.cancelled == 2


def test_a_small_blob_is_no_better_in_chunks(host: Host, server: Server, uploads: Uploads) -> None:
    uploads.faults["PUT"] = [refused(413)]
    with pytest.raises(StatusError, match=r"\(413\)"):
        send(server)
    assert sent(host) == ["POST", "PUT", "DELETE"]


def test_chunks_are_as_large_as_the_registry_wants(
    host: Host, server: Server, uploads: Uploads
) -> None:
    uploads.least_chunk = "60000"
    uploads.faults["PUT"] = [refused(413)]
    send(server, chunk=1000)
    assert sent(host)[-3:] == ["PATCH 0-59999", "PATCH 60000-102399", "PUT"]


def test_a_token_that_ends_between_chunks(
    host: Host, server: Server, uploads: Uploads, hosts: object
) -> None:
    assert callable(hosts)
    tokens: Host = hosts()
    tokens.on("GET /token", Answer(200, b'{"token": "1"}'), Answer(200, b'{"token": "2"}'))
    challenge = {"WWW-Authenticate": f'Bearer realm="{tokens.url}/token"'}
    uploads.faults["PUT"] = [refused(413)]
    uploads.faults["PATCH"] = [
        Answer(401, headers=challenge),
        uploads._append,
        Answer(401, headers=challenge),
    ]
    send(server, chunk=40_000)
    assert uploads.blobs == {DIGEST: DATA}
    used = [asked.headers.get("authorization") for asked in host.asked if asked.method == "PATCH"]
    assert used == [None, "Bearer 1", "Bearer 1", "Bearer 2", "Bearer 2"]


def test_pieces_are_not_larger_than_is_read_at_once() -> None:
    data = b"x" * (3 * 1024 * 1024 + 5)
    content = Content(io.BytesIO(data), 0, len(data), digest_of(data))
    assert [len(piece) for piece in content.pieces(0, len(data))] == [1024 * 1024] * 3 + [5]
