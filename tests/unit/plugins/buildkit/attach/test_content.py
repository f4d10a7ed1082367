"""The content service, with a store in memory."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug.errors import RegistryError
from okplug_buildkit.attach import content
from okplug_buildkit.proto import content_pb2
from okplug_buildkit.proto.content_pb2 import COMMIT, STAT, WRITE
from okplug_buildkit.rpc import CallCancelled, Code, RpcError
from tests.unit.plugins.buildkit.attach.conftest import FakeCall

if TYPE_CHECKING:
    from collections.abc import Iterator

SERVICE = "/containerd.services.content.v1.Content"
STORE = {"buildkit-attachable-store-id": ["export", "other"]}
DATA = b"0123456789"


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


class MemoryStore:
    """Blobs in memory."""

    def __init__(self, *blobs: bytes) -> None:
        self.blobs = {digest_of(blob): blob for blob in blobs}
        self.refs: list[str] = []
        self.failure: Exception | None = None

    def size(self, digest: str) -> int | None:
        """Return the size."""
        blob = self.blobs.get(digest)
        return None if blob is None else len(blob)

    def read(self, digest: str, start: int, size: int) -> Iterator[bytes]:
        """Yield three bytes at once."""
        for position in range(start, start + size, 3):
            yield self.blobs[digest][position : min(position + 3, start + size)]

    def has(self, ref: str, digest: str) -> bool:
        """Tell what is there."""
        self.refs.append(ref)
        return digest in self.blobs

    def write(self, ref: str, data: BinaryIO) -> tuple[str, int]:
        """Keep what comes."""
        assert ref == "layer-x"
        if self.failure:
            raise self.failure
        blob = data.read()
        self.blobs[digest_of(blob)] = blob
        return digest_of(blob), len(blob)


def call_of(*requests: Any) -> FakeCall:
    return FakeCall(metadata=STORE).put(
        *(request.SerializeToString() for request in requests), None
    )


def serve(store: MemoryStore, method: str, call: FakeCall) -> FakeCall:
    call.run(content.handlers({"export": store})[f"{SERVICE}/{method}"])
    return call


def refused(store: MemoryStore, method: str, call: FakeCall) -> RpcError:
    with pytest.raises(RpcError) as caught:
        serve(store, method, call)
    return caught.value


# ------------------------------------------------------------------------------------------ reading


def read(store: MemoryStore, digest: str, offset: int = 0, size: int = 0) -> FakeCall:
    request = content_pb2.ReadContentRequest(digest=digest, offset=offset, size=size)
    return serve(store, "Read", call_of(request))


@given(st.binary(max_size=40), st.data())
def test_any_part_of_a_blob_can_be_read(data: bytes, draw: st.DataObject) -> None:
    offset = draw.draw(st.integers(0, len(data)))
    size = draw.draw(st.integers(0, len(data) + 5))
    call = read(MemoryStore(data), digest_of(data), offset, size)
    answers = call.answers(content_pb2.ReadContentResponse.FromString)
    expected = data[offset : offset + size] if size else data[offset:]
    assert b"".join(answer.data for answer in answers) == expected
    position = 0
    for answer in answers:
        assert answer.offset == position  # it counts from what was asked for
        position += len(answer.data)


def test_nothing_is_beyond_the_end() -> None:
    for offset in (11, -1):
        with pytest.raises(RpcError) as caught:
            read(MemoryStore(DATA), digest_of(DATA), offset)
        assert caught.value.code == Code.OUT_OF_RANGE


def test_what_a_blob_is() -> None:
    request = content_pb2.InfoRequest(digest=digest_of(DATA))
    call = serve(MemoryStore(DATA), "Info", call_of(request))
    (answer,) = call.answers(content_pb2.InfoResponse.FromString)
    assert (answer.info.digest, answer.info.size) == (digest_of(DATA), 10)


@pytest.mark.parametrize(
    ("method", "request_"),
    [
        ("Info", content_pb2.InfoRequest(digest="sha256:x")),
        ("Read", content_pb2.ReadContentRequest(digest="sha256:x")),
        ("Status", content_pb2.StatusRequest(ref="layer-x")),
    ],
)
def test_what_is_not_there(method: str, request_: Any) -> None:
    assert refused(MemoryStore(), method, call_of(request_)).code == Code.NOT_FOUND


def test_a_store_that_nobody_offers() -> None:
    call = FakeCall(metadata={"buildkit-attachable-store-id": ["local:/c"]}).put(b"")
    error = refused(MemoryStore(), "Info", call)
    assert (error.code, error.message) == (Code.NOT_FOUND, "there is no store 'local:/c'")
    assert refused(MemoryStore(), "Info", FakeCall()).message == "there is no store ''"


@pytest.mark.parametrize("method", ["Info", "Read", "Status", "Abort", "ListStatuses"])
def test_a_call_without_a_request(method: str) -> None:
    assert refused(MemoryStore(), method, call_of()).code == Code.INTERNAL


def test_nothing_is_under_way_and_everything_can_be_broken_off() -> None:
    listed = serve(MemoryStore(), "ListStatuses", call_of(content_pb2.ListStatusesRequest()))
    assert listed.answers(bytes) == [b""]
    aborted = serve(MemoryStore(), "Abort", call_of(content_pb2.AbortRequest(ref="layer-x")))
    assert aborted.answers(bytes) == [b""]


# ------------------------------------------------------------------------------------------ writing


def message(action: int, data: bytes = b"", offset: int = 0, **fields: Any) -> Any:
    name = content_pb2.WriteAction.Name(action)
    return content_pb2.WriteContentRequest(action=name, data=data, offset=offset, **fields)


def first(data: bytes = DATA, **fields: Any) -> Any:
    given = {"ref": "layer-x", "total": len(data), "expected": digest_of(data), **fields}
    return message(STAT, **given)


def answers(call: FakeCall) -> list[tuple[int, int, str]]:
    found = call.answers(content_pb2.WriteContentResponse.FromString)
    return [(answer.action, answer.offset, answer.digest) for answer in found]


def test_a_blob_is_written() -> None:
    store = MemoryStore()
    call = serve(
        store,
        "Write",
        call_of(
            first(),
            message(STAT),
            message(WRITE, DATA[:4], 0),
            message(STAT),
            message(WRITE, DATA[4:], 4),
            message(COMMIT, offset=10, total=10, expected=digest_of(DATA)),
        ),
    )
    assert store.blobs == {digest_of(DATA): DATA}
    assert store.refs == ["layer-x"]
    assert answers(call) == [
        (STAT, 0, ""),
        (STAT, 0, ""),
        (WRITE, 4, ""),
        (STAT, 4, ""),
        (WRITE, 10, ""),
        (COMMIT, 10, digest_of(DATA)),
    ]


def test_answers_have_times_and_the_size() -> None:
    call = serve(MemoryStore(), "Write", call_of(first(), message(COMMIT, DATA)))
    for answer in call.answers(content_pb2.WriteContentResponse.FromString):
        assert answer.total == 10
        assert answer.started_at.seconds > 0
        assert answer.updated_at.seconds > 0


@given(st.lists(st.binary(max_size=20), max_size=8), st.booleans())
def test_a_blob_in_any_pieces(pieces: list[bytes], has_last: bool) -> None:  # noqa: FBT001  # a hypothesis value
    data = b"".join(pieces)
    requests, position = [first(data)], 0
    for number, piece in enumerate(pieces, start=1):
        action = COMMIT if has_last and number == len(pieces) else WRITE
        requests.append(message(action, piece, position))
        position += len(piece)
    if not (has_last and pieces):
        requests.append(message(COMMIT, offset=position))
    store = MemoryStore(b"other")
    call = serve(store, "Write", call_of(*requests))
    assert store.blobs[digest_of(data)] == data
    assert answers(call)[-1] == (COMMIT, len(data), digest_of(data))


def test_a_blob_that_is_there_is_not_sent() -> None:
    store = MemoryStore(DATA)
    error = refused(store, "Write", call_of(first()))
    assert error.code == Code.ALREADY_EXISTS
    assert store.refs == ["layer-x"]


def test_a_write_may_begin_anew() -> None:
    store = MemoryStore()
    call = call_of(
        first(),
        message(WRITE, b"wrong", 0),
        message(WRITE, DATA[:5], 0),
        message(COMMIT, DATA[5:], 5),
    )
    assert answers(serve(store, "Write", call))[2:] == [
        (WRITE, 5, ""),
        (COMMIT, 10, digest_of(DATA)),
    ]
    assert store.blobs == {digest_of(DATA): DATA}


def test_a_write_leaves_no_hole() -> None:
    store = MemoryStore()
    error = refused(store, "Write", call_of(first(), message(WRITE, b"x", 3)))
    assert (error.code, error.message) == (Code.OUT_OF_RANGE, "expected offset 0, not 3")
    assert store.blobs == {}


@pytest.mark.parametrize(
    ("request_", "problem"),
    [
        (first(expected=digest_of(b"x")), f"digest {digest_of(DATA)}, not {digest_of(b'x')}"),
        (first(total=11), "size 10, not 11"),
    ],
)
def test_a_blob_that_is_another_one_than_was_said(request_: Any, problem: str) -> None:
    error = refused(MemoryStore(), "Write", call_of(request_, message(COMMIT, DATA)))
    assert (error.code, error.message) == (Code.FAILED_PRECONDITION, f"layer-x came with {problem}")


def test_what_is_not_committed_is_not_there() -> None:
    store = MemoryStore()
    with pytest.raises(CallCancelled):
        serve(store, "Write", call_of(first(), message(WRITE, DATA)))
    assert store.blobs == {}


def test_a_daemon_that_says_nothing_of_the_blob() -> None:
    store = MemoryStore()
    call = call_of(message(STAT, ref="layer-x"), message(COMMIT, DATA))
    assert answers(serve(store, "Write", call))[-1] == (COMMIT, 10, digest_of(DATA))


def test_a_write_needs_a_name() -> None:
    error = refused(MemoryStore(), "Write", call_of(message(STAT)))
    assert (error.code, error.message) == (Code.INVALID_ARGUMENT, "a write without ref")


def test_a_store_that_fails_is_the_users_business() -> None:
    store = MemoryStore()
    store.failure = RegistryError("no room")
    with pytest.raises(RegistryError, match="no room"):
        serve(store, "Write", call_of(first(), message(COMMIT, DATA)))
