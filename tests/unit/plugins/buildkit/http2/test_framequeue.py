"""Frames leave whole and in order, and DATA in as few of them as possible."""

from __future__ import annotations

from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug_buildkit.http2.framequeue import FrameQueue
from okplug_buildkit.http2.frames import PREFACE, Flag, Frame, FrameReader, Kind


def views(*parts: bytes) -> deque[memoryview]:
    return deque(memoryview(part) for part in parts)


def frames(queue: FrameQueue, size: int = 1 << 30) -> list[Frame]:
    return list(FrameReader().feed(PREFACE + b"".join(queue.take(size))))


@given(st.lists(st.binary(max_size=2000), max_size=30), st.integers(0, 40000))
def test_parts_become_the_same_bytes(parts: list[bytes], size: int) -> None:
    whole = b"".join(parts)
    size = min(size, len(whole))
    queue, payload = FrameQueue(), views(*parts)
    queue.put_data(5, payload, size)
    found = frames(queue)
    assert b"".join(frame.payload for frame in found) == whole[:size]
    assert b"".join(payload) == whole[size:]
    assert {(frame.kind, frame.flags, frame.stream) for frame in found} <= {(Kind.DATA, 0, 5)}


@pytest.mark.parametrize(
    ("size", "lengths"),
    [
        (0, []),
        (1, [1]),
        (16384, [16384]),
        (16385, [16384, 1]),
        (40000, [16384, 16384, 7232]),
    ],
)
def test_frames_are_as_long_as_they_may_be(size: int, lengths: list[int]) -> None:
    queue = FrameQueue()
    queue.put_data(1, views(*[b"x"] * size), size)
    assert [len(frame.payload) for frame in frames(queue)] == lengths


def test_large_parts_are_not_copied() -> None:
    data = bytes(40000)
    queue = FrameQueue()
    queue.put_data(1, views(data), len(data))
    parts = [part for part in queue.take(1 << 20) if isinstance(part, memoryview)]
    assert all(part.obj is data for part in parts)
    assert sum(map(len, parts)) == len(data)


def test_frames_leave_in_order() -> None:
    queue = FrameQueue()
    queue.put_headers(1, b"block", Flag(0))
    queue.put_data(1, views(b"data"), 4)
    queue.put_headers(1, b"trailers", Flag.END_STREAM)
    assert [(frame.kind, frame.flags) for frame in frames(queue)] == [
        (Kind.HEADERS, Flag.END_HEADERS),
        (Kind.DATA, 0),
        (Kind.HEADERS, Flag.END_HEADERS | Flag.END_STREAM),
    ]


def test_no_more_frames_are_taken_than_are_wanted() -> None:
    queue = FrameQueue()
    queue.put_data(1, views(bytes(16384 * 4)), 16384 * 4)
    assert len(frames(queue, 1)) == 1
    assert len(frames(queue, 16384 + 10)) == 2
    assert len(frames(queue)) == 1
    assert queue.take(100) == []


def test_the_size_is_that_of_what_waits() -> None:
    queue = FrameQueue()
    assert queue.size == 0
    queue.put(b"123", memoryview(b"45"))
    queue.put_data(1, views(b"678"), 3)
    assert queue.size == 5 + 9 + 3
    queue.take(1)
    assert queue.size == 12
    queue.clear()
    assert (queue.size, queue.take(100)) == (0, [])
