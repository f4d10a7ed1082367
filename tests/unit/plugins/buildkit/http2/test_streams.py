"""The window of a stream opens as its data are read, and not before."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from okplug_buildkit.http2.streams import RECEIVE_WINDOW, Stream

HALF = RECEIVE_WINDOW // 2
BIG = memoryview(bytes(RECEIVE_WINDOW))


def stream(*, is_complete: bool = False) -> Stream:
    return Stream(1, [], 65535, is_complete=is_complete)


def receive(one: Stream, size: int) -> bool:
    return one.receive(BIG[:size], size)


def test_what_comes_is_read_once() -> None:
    one = stream()
    one.receive(memoryview(b"ab"), 2)
    one.receive(memoryview(b"c"), 1)
    assert [bytes(piece) for piece in one.read()[0]] == [b"ab", b"c"]
    assert one.read() == ([], 0)


def test_a_window_may_be_filled_and_not_exceeded() -> None:
    one = stream()
    assert receive(one, RECEIVE_WINDOW)
    assert not receive(one, 1)


def test_nothing_is_allowed_before_it_is_read() -> None:
    one = stream()
    receive(one, HALF)
    receive(one, HALF)
    assert one.read()[1] == RECEIVE_WINDOW
    assert receive(one, RECEIVE_WINDOW)


def test_the_peer_is_told_of_half_a_window() -> None:
    one = stream()
    receive(one, HALF - 1)
    assert one.read()[1] == 0
    receive(one, 1)
    assert one.read()[1] == HALF


def test_padding_counts_as_read() -> None:
    one = stream()
    for _ in range(HALF // 256):
        assert one.receive(memoryview(b""), 256)
    assert one.received == []
    assert one.read() == ([], HALF)


def test_who_sends_no_more_is_allowed_no_more() -> None:
    one = stream()
    receive(one, RECEIVE_WINDOW)
    one.is_complete = True
    pieces, allowed = one.read()
    assert (sum(map(len, pieces)), allowed) == (RECEIVE_WINDOW, 0)


@given(st.lists(st.one_of(st.none(), st.integers(0, HALF)), max_size=60))
def test_what_is_outstanding_never_exceeds_the_window(steps: list[int | None]) -> None:
    one, window, unread = stream(), RECEIVE_WINDOW, 0
    for step in steps:
        if step is None:
            pieces, allowed = one.read()
            assert sum(map(len, pieces)) == unread
            window, unread = window + allowed, 0
        else:
            assert receive(one, step) == (step <= window)
            if step > window:
                return
            window, unread = window - step, unread + step
        assert window + unread <= RECEIVE_WINDOW
    one.read()
    assert window >= 0
