"""Messages come out of the bytes that they were put into, wherever these are cut."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug_buildkit import messages as module
from okplug_buildkit.messages import MessageReader, pack, unwrap, wrap
from okplug_buildkit.proto.filesync_pb2 import BytesMessage
from okplug_buildkit.rpc import Code, RpcError


def encode(*messages: bytes) -> bytes:
    return b"".join(struct.pack(">BI", 0, len(message)) + message for message in messages)


def drain(reader: MessageReader) -> list[bytes]:
    found = []
    while (message := reader.next()) is not None:
        found.append(message)
    return found


@given(st.lists(st.binary(max_size=200), max_size=20), st.lists(st.integers(0, 3000), max_size=30))
def test_where_the_bytes_are_cut_means_nothing(messages: list[bytes], places: list[int]) -> None:
    data = encode(*messages)
    ends = sorted({place % (len(data) + 1) for place in places})
    reader, found = MessageReader(), []
    for start, end in zip([0, *ends], [*ends, len(data)], strict=True):
        reader.feed([memoryview(data)[start:end]])
        found += drain(reader)
    assert found == messages
    assert reader.is_between


@given(st.lists(st.binary(max_size=60), max_size=20), st.integers(1, 9))
def test_pieces_may_be_fed_together(messages: list[bytes], size: int) -> None:
    data = encode(*messages)
    reader = MessageReader()
    reader.feed([data[at : at + size] for at in range(0, len(data), size)])
    assert drain(reader) == messages


def test_half_a_message_is_none() -> None:
    reader = MessageReader()
    for byte in encode(b"abc")[:-1]:
        reader.feed([bytes([byte])])
        assert reader.next() is None
        assert not reader.is_between
    reader.feed([b"c"])
    assert reader.next() == b"abc"
    assert reader.is_between


def test_nothing_can_be_fed() -> None:
    reader = MessageReader()
    reader.feed([])
    assert reader.next() is None
    assert reader.is_between


def test_a_compressed_message_is_refused() -> None:
    with pytest.raises(RpcError, match="not compressed") as caught:
        MessageReader().feed([b"\1\0\0\0\1x"])
    assert caught.value.code is Code.UNIMPLEMENTED


def test_a_message_may_be_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LARGEST_MESSAGE", 1000)
    reader = MessageReader()
    reader.feed([encode(bytes(1000))])
    assert reader.next() == bytes(1000)
    with pytest.raises(RpcError, match="a message of 1001 bytes, at most 1000") as caught:
        reader.feed([encode(bytes(1001))[:5]])
    assert caught.value.code is Code.RESOURCE_EXHAUSTED


@given(st.lists(st.one_of(st.binary(max_size=50), st.lists(st.binary(max_size=50)))))
def test_what_is_packed_can_be_read(messages: list[bytes | list[bytes]]) -> None:
    reader = MessageReader()
    reader.feed(pack(messages))
    wholes = [message if isinstance(message, bytes) else b"".join(message) for message in messages]
    assert drain(reader) == wholes


def test_many_small_messages_become_one_part() -> None:
    assert pack([b"a", [b"b", memoryview(b"c")], memoryview(b"d")]) == [encode(b"a", b"bc", b"d")]


def test_large_parts_are_not_copied() -> None:
    large = memoryview(bytes(1 << 20))
    prefix, head, part = pack([[b"head", large]])
    assert (bytes(prefix), head) == (struct.pack(">BI", 0, 4 + (1 << 20)), b"head")
    assert part is large


def test_views_are_messages_as_well() -> None:
    assert b"".join(pack([memoryview(b"abc")[1:]])) == encode(b"bc")


def test_no_messages_are_no_bytes() -> None:
    assert b"".join(pack([])) == b""


@given(st.lists(st.binary(max_size=300), max_size=5))
def test_the_outer_message_is_what_protobuf_writes(parts: list[bytes]) -> None:
    data = b"".join(parts)
    message = wrap(parts)
    assert BytesMessage.FromString(message).data == data
    assert bytes(unwrap(message)) == data
    assert bytes(unwrap(BytesMessage(data=data).SerializeToString())) == data


@pytest.mark.parametrize("size", [127, 128, 16383, 16384, 2097151, 2097152])
def test_sizes_around_those_of_integers(size: int) -> None:
    message = wrap([bytes(size)])
    assert message == BytesMessage(data=bytes(size)).SerializeToString()
    assert len(unwrap(message)) == size


def test_an_empty_outer_message() -> None:
    assert bytes(unwrap(b"")) == b""
    assert bytes(unwrap(wrap([]))) == b""


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(b"\x0a", id="no size"),
        pytest.param(b"\x0a\x80", id="half a size"),
        pytest.param(b"\x0a\x05abc", id="too short"),
        pytest.param(b"\x0a\x01abc", id="too long"),
        pytest.param(b"\x12\x03abc", id="another field"),
        pytest.param(b"\x08\x01", id="a number"),
    ],
)
def test_what_is_no_outer_message_is_refused(message: bytes) -> None:
    with pytest.raises(ValueError, match="expected one field of bytes"):
        unwrap(message)


@given(st.binary(max_size=30))
def test_noise_is_refused_or_read_as_it_says(noise: bytes) -> None:
    try:
        data = bytes(unwrap(noise))
    except ValueError:
        return
    assert noise.endswith(data)
