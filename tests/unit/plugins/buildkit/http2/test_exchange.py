"""What received frames mean, and what is answered, frame by frame."""

from __future__ import annotations

import struct
from collections import deque
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug_buildkit.http2 import exchange as module
from okplug_buildkit.http2.exchange import CONNECTION_WINDOW, OUTPUT_LIMIT, Exchange
from okplug_buildkit.http2.frames import ErrorCode, ProtocolError
from okplug_buildkit.http2.streams import RECEIVE_WINDOW, Stream

if TYPE_CHECKING:
    from tests.unit.plugins.buildkit.conftest import Peer

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE = 0, 1, 2, 3, 4, 5
PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 6, 7, 8, 9
END_STREAM, END_HEADERS = 1, 4


class Talk:
    """An exchange and its peer, which hear each other at once."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.exchange = Exchange()
        self.send(peer.hello())

    def send(self, *frames: bytes) -> list[Stream]:
        """Send frames, and return the streams that they open."""
        opened = [stream for frame in frames for stream in self.exchange.receive(frame)]
        self.flush()
        return opened

    def flush(self) -> None:
        """Let the peer look at what is there for it."""
        self.peer.receive(b"".join(self.exchange.output.take(1 << 30)))

    def open(self, number: int = 1) -> Stream:
        """Open a stream."""
        [stream] = self.send(self.peer.request(number, "/s/m"))
        return stream

    def write(self, stream: Stream, data: bytes) -> int:
        """Send as much as there is room for, and return how much that was."""
        size = min(len(data), max(0, self.exchange.room(stream)))
        self.exchange.send_data(stream, deque([memoryview(data)]), size)
        self.flush()
        return size

    def refuse(self, *frames: bytes) -> ProtocolError:
        """Return what is wrong with frames."""
        with pytest.raises(ProtocolError) as caught:
            self.send(*frames)
        return caught.value


@pytest.fixture
def talk(make_peer: type[Peer]) -> Talk:
    return Talk(make_peer())


def test_the_first_frames(talk: Talk) -> None:
    settings, update, ack = talk.peer.frames
    assert settings == (SETTINGS, 0, 0, struct.pack(">HI", 4, RECEIVE_WINDOW))
    assert update == (WINDOW_UPDATE, 0, 0, struct.pack(">I", CONNECTION_WINDOW - 65535))
    assert ack == (SETTINGS, 1, 0, b"")


def test_settings_are_sent_before_anything_is_received() -> None:
    assert b"".join(Exchange().output.take(1))[3] == SETTINGS


def test_a_ping_is_answered_with_its_own_bytes(talk: Talk) -> None:
    talk.send(talk.peer.frame(PING, 0, 0, b"12345678"))
    assert talk.peer.frames[-1] == (PING, 1, 0, b"12345678")


def test_the_answer_to_a_ping_is_not_answered(talk: Talk) -> None:
    before = len(talk.peer.frames)
    talk.send(talk.peer.frame(PING, 1, 0, b"12345678"), talk.peer.frame(SETTINGS, 1, 0))
    assert len(talk.peer.frames) == before


def test_a_request(talk: Talk) -> None:
    [stream] = talk.send(talk.peer.request(1, "/s/m", ("dir-name", "context")))
    assert (stream.number, stream.is_complete) == (1, False)
    assert (":path", "/s/m") in stream.headers
    assert ("dir-name", "context") in stream.headers


def test_a_request_that_is_all(talk: Talk) -> None:
    [stream] = talk.send(talk.peer.request(1, "/s/m", is_last=True))
    assert stream.is_complete


def test_fields_may_be_continued(talk: Talk) -> None:
    block = talk.peer.encode((":path", "/s/m"), ("pattern", "x" * 500))
    frame = talk.peer.frame
    [stream] = talk.send(
        frame(HEADERS, END_STREAM, 1, block[:10]),
        frame(CONTINUATION, 0, 1, block[10:20]),
        frame(CONTINUATION, 0, 1),
        frame(CONTINUATION, END_HEADERS, 1, block[20:]),
    )
    assert stream.headers == [(":path", "/s/m"), ("pattern", "x" * 500)]
    assert stream.is_complete


def test_data(talk: Talk) -> None:
    stream = talk.open()
    talk.send(talk.peer.data(1, b"ab"), talk.peer.frame(DATA, 8, 1, b"\2c??"))
    assert b"".join(talk.exchange.read(stream)) == b"abc"
    assert not stream.is_complete
    talk.send(talk.peer.data(1, b"d", is_last=True))
    assert b"".join(talk.exchange.read(stream)) == b"d"
    assert stream.is_complete


def test_trailers_of_a_client_end_its_side(talk: Talk) -> None:
    stream = talk.open()
    talk.send(talk.peer.frame(HEADERS, END_STREAM | END_HEADERS, 1, talk.peer.encode(("x", "y"))))
    assert stream.is_complete


def test_trailers_of_a_stream_that_has_ended_still_count_for_compression(talk: Talk) -> None:
    talk.exchange.send_headers(talk.open(), b"", is_last=True)
    block = talk.peer.encode(("first", "seen here"))
    talk.send(talk.peer.frame(HEADERS, END_STREAM | END_HEADERS, 1, block))
    [stream] = talk.send(talk.peer.request(3, "/s/m", ("first", "seen here")))
    assert ("first", "seen here") in stream.headers


def test_a_reset_stream_is_told(talk: Talk) -> None:
    stream = talk.open()
    talk.send(talk.peer.reset(1))
    assert stream.is_reset


def test_what_comes_for_an_ended_stream_is_passed_over(talk: Talk) -> None:
    stream = talk.open()
    talk.exchange.send_headers(stream, b"", is_last=True)
    opened = talk.send(
        talk.peer.data(1, b"late"),
        talk.peer.frame(WINDOW_UPDATE, 0, 1, b"\0\0\0\1"),
        talk.peer.reset(1),
        talk.peer.reset(1),
    )
    assert (opened, stream.received) == ([], [])


def test_unknown_frames_settings_and_priorities_are_passed_over(talk: Talk) -> None:
    frame = talk.peer.frame
    talk.send(
        frame(99, 255, 5, b"whatever"),
        frame(PRIORITY, 0, 9, bytes(5)),
        frame(SETTINGS, 0, 0, struct.pack(">HIHI", 3, 7, 999, 1)),
    )
    assert talk.open().number == 1


def test_a_farewell_is_noted(talk: Talk) -> None:
    assert talk.exchange.farewell is None
    talk.send(talk.peer.frame(GOAWAY, 0, 0, struct.pack(">II", 0, 11) + b"too many pings"))
    assert talk.exchange.farewell == 11


@pytest.mark.parametrize(
    ("kind", "flags", "stream", "payload", "message"),
    [
        (DATA, 0, 0, b"", "DATA on stream 0"),
        (HEADERS, 4, 0, b"", "HEADERS on stream 0"),
        (RST_STREAM, 0, 0, bytes(4), "RST_STREAM on stream 0"),
        (SETTINGS, 0, 1, b"", "SETTINGS on stream 1"),
        (PING, 0, 1, bytes(8), "PING on stream 1"),
        (GOAWAY, 0, 1, bytes(8), "GOAWAY on stream 1"),
        (DATA, 0, 7, b"", "DATA on stream 7, which is not open"),
        (RST_STREAM, 0, 7, bytes(4), "RST_STREAM on stream 7, which is not open"),
        (WINDOW_UPDATE, 0, 7, b"\0\0\0\1", "WINDOW_UPDATE on stream 7, which is not open"),
        (CONTINUATION, 4, 1, b"", "header fields that were never begun"),
        (HEADERS, 4, 2, b"", "a client that opens stream 2"),
        (PUSH_PROMISE, 4, 1, b"", "a client that pushes"),
        (PING, 0, 0, bytes(7), "a PING of a wrong size"),
        (WINDOW_UPDATE, 0, 0, bytes(3), "a frame of a wrong size"),
        (WINDOW_UPDATE, 0, 0, bytes(4), "a window that grows by nothing"),
        (WINDOW_UPDATE, 0, 1, b"\x80\0\0\0", "a window that grows by nothing"),
        (WINDOW_UPDATE, 0, 0, b"\x7f\xff\xff\xff", "a window that grows too large"),
        (WINDOW_UPDATE, 0, 1, b"\x7f\xff\xff\xff", "a window that grows too large"),
        (SETTINGS, 0, 0, bytes(5), "SETTINGS of a wrong size"),
        (SETTINGS, 0, 0, struct.pack(">HI", 4, 2**31), "a window of 2147483648 bytes"),
        (SETTINGS, 0, 0, struct.pack(">HI", 5, 16383), "frames of at most 16383 bytes"),
        (SETTINGS, 0, 0, struct.pack(">HI", 5, 2**24), "frames of at most 16777216 bytes"),
    ],
)
def test_frames_that_may_not_come(
    talk: Talk, kind: int, flags: int, stream: int, payload: bytes, message: str
) -> None:
    talk.open()
    assert str(talk.refuse(talk.peer.frame(kind, flags, stream, payload))) == message


@pytest.mark.parametrize("other", [(DATA, 1), (HEADERS, 3), (CONTINUATION, 3), (PING, 0), (99, 1)])
def test_nothing_may_come_between_header_fields(talk: Talk, other: tuple[int, int]) -> None:
    begun = talk.peer.frame(HEADERS, 0, 1, b"")
    error = talk.refuse(begun, talk.peer.frame(other[0], 0, other[1], bytes(8)))
    assert str(error) == "header fields that are not continued"
    assert error.code is ErrorCode.PROTOCOL_ERROR


def test_the_first_frame_has_to_be_settings(make_peer: type[Peer]) -> None:
    peer = make_peer()
    preface = peer.hello()[:24]
    with pytest.raises(ProtocolError, match="its first frame is not SETTINGS"):
        Exchange().receive(preface + peer.frame(PING, 0, 0, bytes(8)))


def test_data_after_the_end_of_a_stream(talk: Talk) -> None:
    talk.send(talk.peer.request(1, "/s/m", is_last=True))
    assert talk.refuse(talk.peer.data(1, b"x")).code is ErrorCode.STREAM_CLOSED


def test_more_data_than_the_window_of_a_stream(talk: Talk) -> None:
    stream = talk.open()
    talk.send(*[talk.peer.data(1, bytes(16384))] * (RECEIVE_WINDOW // 16384))
    assert talk.exchange.room(stream) == 65535  # the other direction has nothing to do with it
    error = talk.refuse(talk.peer.data(1, b"x"))
    assert error.code is ErrorCode.FLOW_CONTROL_ERROR
    assert str(error) == "more data than the window of their stream has room for"


def test_the_window_of_a_stream_opens_as_it_is_read(talk: Talk) -> None:
    stream = talk.open()
    for _ in range(5):
        talk.send(*[talk.peer.data(1, bytes(16384))] * (RECEIVE_WINDOW // 32768))
        talk.exchange.read(stream)
        talk.flush()
    updates = [frame for frame in talk.peer.frames if frame[0] == WINDOW_UPDATE and frame[2] == 1]
    assert [int.from_bytes(frame[3], "big") for frame in updates] == [RECEIVE_WINDOW // 2] * 5


def test_the_window_of_the_connection_opens_as_data_come(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CONNECTION_WINDOW", 100)
    talk.exchange._receive_window = 100
    talk.open()
    talk.send(talk.peer.data(1, bytes(49)))
    before = len(talk.peer.frames)
    talk.send(talk.peer.data(1, bytes(1)))
    assert talk.peer.frames[before:] == [(WINDOW_UPDATE, 0, 0, struct.pack(">I", 50))]
    talk.send(talk.peer.data(1, bytes(100)))
    error = talk.refuse(talk.peer.data(1, bytes(101)))
    assert str(error) == "more data than the window of the connection has room for"


def test_no_more_is_sent_than_both_windows_allow(talk: Talk) -> None:
    first, second = talk.open(1), talk.open(3)
    assert talk.write(first, bytes(100000)) == 65535
    assert talk.write(second, bytes(100000)) == 0
    talk.send(talk.peer.update(0, 1000))
    assert talk.write(first, bytes(100000)) == 0
    assert talk.write(second, bytes(100000)) == 1000
    talk.send(talk.peer.update(1, 500), talk.peer.update(0, 300))
    assert talk.write(first, bytes(100000)) == 300


def test_a_new_first_window_changes_open_streams(make_peer: type[Peer]) -> None:
    talk = Talk(make_peer(1000))
    stream = talk.open()
    assert talk.write(stream, bytes(900)) == 900
    talk.exchange.receive(talk.peer.frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 600)))
    assert talk.exchange.room(stream) == -300
    talk.exchange.receive(talk.peer.frame(SETTINGS, 0, 0, struct.pack(">HIHI", 4, 5, 4, 2000)))
    assert talk.exchange.room(stream) == 1100


def test_output_is_bounded(make_peer: type[Peer]) -> None:
    talk = Talk(make_peer(1 << 30))
    stream = talk.open()
    talk.send(talk.peer.update(0, 1 << 30))
    size = talk.exchange.room(stream)
    assert size == OUTPUT_LIMIT
    talk.exchange.send_data(stream, deque([memoryview(bytes(size))]), size)
    assert talk.exchange.room(stream) <= 0
    talk.flush()
    assert talk.exchange.room(stream) == OUTPUT_LIMIT


def test_who_asks_and_does_not_listen_is_left(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_OUTPUT_OF_ALL", 17 * 1000)  # bytes of so many answers
    ping = talk.peer.frame(PING, 0, 0, bytes(8))
    talk.exchange.receive(ping * 1000)
    with pytest.raises(ProtocolError, match="it asks and does not listen") as caught:
        talk.exchange.receive(ping)
    assert caught.value.code is ErrorCode.ENHANCE_YOUR_CALM


def test_an_answered_stream_is_over_for_who_still_reads_it(talk: Talk) -> None:
    stream = talk.open()
    talk.exchange.send_headers(stream, b"", is_last=False)
    assert not stream.is_reset
    talk.exchange.send_headers(stream, b"", is_last=True)
    assert stream.is_reset


def test_at_the_end_a_farewell_is_all(talk: Talk) -> None:
    first, second = talk.open(1), talk.open(3)
    talk.exchange.send_data(first, deque([memoryview(b"unsent")]), 6)
    talk.exchange.end(ErrorCode.NO_ERROR)
    before = len(talk.peer.frames)
    talk.flush()
    assert talk.peer.frames[before:] == [(GOAWAY, 0, 0, struct.pack(">II", 3, 0))]
    assert first.is_reset
    assert second.is_reset


@given(
    st.integers(0, 70000),
    st.lists(
        st.tuples(
            st.sampled_from(["write", "update", "all"]),
            st.sampled_from([1, 3, 5]),
            st.integers(1, 50000),
        ),
        max_size=40,
    ),
)
def test_windows_are_never_exceeded_and_all_arrives(
    make_peer: type[Peer], window: int, steps: list[tuple[str, int, int]]
) -> None:
    talk = Talk(make_peer(window))  # it checks the windows
    streams = {number: talk.open(number) for number in (1, 3, 5)}
    written = dict.fromkeys(streams, 0)
    for what, number, size in steps:
        if what == "write":
            written[number] += talk.write(streams[number], bytes(size))
        elif what == "update":
            talk.send(talk.peer.update(number, size))
        elif what == "all":
            talk.send(talk.peer.update(0, size))
    assert {number: len(talk.peer.bodies[number]) for number in streams} == written
    assert sum(written.values()) <= 65535 + sum(s[2] for s in steps if s[0] == "all")


def answer(exchange: Exchange, data: bytes) -> str:
    """Return what is wrong with the data, "fine" if nothing is."""
    try:
        exchange.receive(data)
    except ProtocolError as error:
        return str(error)
    return "fine"


@given(st.binary(max_size=400))
def test_noise_is_refused_or_passed_over(make_peer: type[Peer], noise: bytes) -> None:
    exchange = Exchange()
    exchange.receive(make_peer().hello())
    assert answer(exchange, noise)


@given(
    st.lists(
        st.tuples(
            st.integers(0, 10), st.integers(0, 63), st.integers(0, 4), st.binary(max_size=12)
        ),
        max_size=20,
    )
)
def test_frames_of_all_kinds_are_refused_or_passed_over(
    make_peer: type[Peer], frames: list[tuple[int, int, int, bytes]]
) -> None:
    peer, exchange = make_peer(), Exchange()
    exchange.receive(peer.hello() + peer.request(1, "/s/m"))
    assert answer(exchange, b"".join(peer.frame(*frame) for frame in frames))


@pytest.mark.parametrize(
    ("kind", "stream", "payload"),
    [
        (WINDOW_UPDATE, 0, b"\0\0\0\1"),
        (WINDOW_UPDATE, 1, b"\0\0\0\1"),
        (SETTINGS, 0, struct.pack(">HI", 4, 70_000)),
        (RST_STREAM, 1, b"\0\0\0\x08"),
    ],
)
def test_there_is_news_for_who_waits_for_room(
    talk: Talk, kind: int, stream: int, payload: bytes
) -> None:
    talk.open()
    talk.exchange.has_news = False
    talk.send(talk.peer.frame(kind, 0, stream, payload))
    assert talk.exchange.has_news


def test_what_is_said_of_other_things_is_no_news(talk: Talk) -> None:
    """A peer that asks for 10,000 files is not to wake who sends them as often."""
    talk.open()
    talk.exchange.has_news = False
    talk.send(talk.peer.frame(DATA, 0, 1, b"req"), talk.peer.frame(PING, 0, 0, bytes(8)))
    assert not talk.exchange.has_news


def test_the_end_is_news(talk: Talk) -> None:
    stream = talk.open()
    talk.exchange.has_news = False
    talk.exchange.end(ErrorCode.NO_ERROR)
    assert (talk.exchange.has_news, stream.is_reset) == (True, True)
