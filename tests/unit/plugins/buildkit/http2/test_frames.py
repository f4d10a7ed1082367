"""Frames are read from bytes cut anywhere, and written to the bit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug_buildkit.http2 import frames
from okplug_buildkit.http2.frames import (
    PREFACE,
    ErrorCode,
    Flag,
    Frame,
    FrameReader,
    Kind,
    ProtocolError,
    Setting,
)

FRAMES = st.lists(
    st.tuples(
        st.integers(0, 255), st.integers(0, 255), st.integers(0, 2**31 - 1), st.binary(max_size=300)
    ),
    max_size=12,
)


def encode(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return (
        len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload
    )


def cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({place % (len(data) + 1) for place in places})
    return [data[start:end] for start, end in zip([0, *ends], [*ends, len(data)], strict=True)]


@given(FRAMES, st.lists(st.integers(0, 5000)))
def test_where_the_bytes_are_cut_means_nothing(
    sent: list[tuple[int, int, int, bytes]], places: list[int]
) -> None:
    reader = FrameReader()
    data = PREFACE + b"".join(encode(*frame) for frame in sent)
    found = [frame for piece in cut(data, places) for frame in reader.feed(piece)]
    assert [(*frame[:3], bytes(frame.payload)) for frame in found] == sent


def test_one_byte_after_the_other() -> None:
    reader = FrameReader()
    data = PREFACE + encode(6, 1, 0, b"12345678") + encode(0, 0, 1, b"")
    found = [frame for byte in data for frame in reader.feed(bytes([byte]))]
    assert [frame.kind for frame in found] == [Kind.PING, Kind.DATA]


def test_the_reserved_bit_is_passed_over() -> None:
    reader = FrameReader()
    [frame] = reader.feed(PREFACE + encode(0, 0, 0x80000003, b"x"))
    assert frame.stream == 3


def test_the_largest_frame() -> None:
    reader = FrameReader()
    [frame] = reader.feed(PREFACE + encode(0, 0, 1, b"x" * 16384))
    assert len(frame.payload) == 16384


def test_a_larger_frame_is_refused_before_it_is_there() -> None:
    reader = FrameReader()
    with pytest.raises(ProtocolError, match="a frame of 16385 bytes, at most 16384") as caught:
        list(reader.feed(PREFACE + (16385).to_bytes(3, "big") + bytes(6)))
    assert caught.value.code is ErrorCode.FRAME_SIZE_ERROR


def test_another_preface_is_refused() -> None:
    with pytest.raises(ProtocolError, match="does not begin as HTTP/2 does") as caught:
        list(FrameReader().feed(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"))
    assert caught.value.code is ErrorCode.PROTOCOL_ERROR


def test_half_a_preface_is_no_fault() -> None:
    assert list(FrameReader().feed(PREFACE[:-1])) == []


def received(kind: int, flags: int, payload: bytes) -> Frame:
    return Frame(kind, flags, 1, memoryview(payload))


@given(st.binary(max_size=50), st.integers(0, 255))
def test_padding_is_stripped(payload: bytes, padding: int) -> None:
    padded = bytes([padding]) + payload + bytes(padding)
    assert frames.content(received(Kind.DATA, Flag.PADDED, padded)) == payload


def test_priority_is_stripped_from_headers() -> None:
    frame = received(
        Kind.HEADERS, Flag.PRIORITY | Flag.PADDED, b"\2" + b"12345" + b"block" + b"\0\0"
    )
    assert bytes(frames.content(frame)) == b"block"


def test_without_flags_all_is_content() -> None:
    assert bytes(frames.content(received(Kind.HEADERS, 0, b"\2block"))) == b"\2block"


@pytest.mark.parametrize(
    "frame",
    [
        received(Kind.DATA, Flag.PADDED, b""),
        received(Kind.DATA, Flag.PADDED, b"\3xx"),
        received(Kind.HEADERS, Flag.PRIORITY, b"1234"),
        received(Kind.HEADERS, Flag.PRIORITY | Flag.PADDED, b"\1" + b"12345"),
    ],
)
def test_more_padding_than_payload_is_refused(frame: Frame) -> None:
    with pytest.raises(ProtocolError, match="more padding than payload"):
        frames.content(frame)


def test_settings_are_read_in_their_order() -> None:
    payload = bytes.fromhex("000400010000 0005 00004000 000400020000")
    assert frames.read_settings(memoryview(payload)) == [(4, 0x10000), (5, 0x4000), (4, 0x20000)]


@pytest.mark.parametrize("size", [1, 5, 7])
def test_half_a_setting_is_refused(size: int) -> None:
    with pytest.raises(ProtocolError, match="SETTINGS of a wrong size"):
        frames.read_settings(memoryview(bytes(size)))


@pytest.mark.parametrize("size", [0, 3, 5])
def test_half_a_number_is_refused(size: int) -> None:
    with pytest.raises(ProtocolError, match="wrong size"):
        frames.read_number(memoryview(bytes(size)))


def test_what_is_written() -> None:
    settings = frames.settings({Setting.INITIAL_WINDOW_SIZE: 0x800000})
    assert settings.hex() == "000006040000000000000400800000"
    assert frames.window_update(3, 5).hex() == "00000408000000000300000005"
    assert frames.goaway(7, ErrorCode.PROTOCOL_ERROR).hex() == (
        "0000080700000000000000000700000001"
    )


@given(st.integers(0, 16384), st.sampled_from(Kind), st.integers(0, 255), st.integers(0, 2**31 - 1))
def test_a_header_that_is_written_can_be_read(
    size: int, kind: Kind, flags: int, stream: int
) -> None:
    header = frames.frame_header(size, kind, flags, stream)
    [frame] = FrameReader().feed(PREFACE + header + bytes(size))
    assert (frame.kind, frame.flags, frame.stream, len(frame.payload)) == (
        kind,
        flags,
        stream,
        size,
    )
