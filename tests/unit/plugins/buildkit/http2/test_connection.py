"""A connection between threads: who waits for what, and who wakes them."""

from __future__ import annotations

import struct
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from okplug_buildkit.http2.connection import Connection, StreamResetError
from okplug_buildkit.http2.exchange import OUTPUT_LIMIT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from okplug_buildkit.http2.streams import Stream
    from tests.unit.plugins.buildkit.conftest import Peer

GOAWAY = 7


class Talk:
    """A connection, its peer, and threads to wait in."""

    def __init__(self, peer: Peer, pool: ThreadPoolExecutor) -> None:
        self.peer = peer
        self.streams: list[Stream] = []
        self.connection = Connection(self.streams.append)
        self.connection.feed(peer.hello())
        self._pool = pool

    def open(self, number: int = 1) -> Stream:
        """Open a stream."""
        self.connection.feed(self.peer.request(number, "/s/m"))
        return self.streams[-1]

    def start(self, function: Callable[..., object], *arguments: object) -> Future[object]:
        """Run a function in a thread, and return when that waits, or it has returned."""
        future = self._pool.submit(function, *arguments)
        with pytest.raises(TimeoutError):
            future.exception(0.05)
        return future

    def take(self, size: int = 1 << 30) -> bool:
        """Let the peer look at what is sent; False at the end."""
        parts = self.connection.take(size)
        self.peer.receive(b"".join(parts or []))
        return parts is not None


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor() as pool:
        yield pool


@pytest.fixture
def talk(make_peer: type[Peer], pool: ThreadPoolExecutor) -> Iterator[Talk]:
    talk = Talk(make_peer(1 << 30), pool)
    talk.take()
    yield talk
    talk.connection.close()


def test_reading_waits_for_data(talk: Talk) -> None:
    stream = talk.open()
    reading = talk.start(talk.connection.read, stream)
    talk.connection.feed(talk.peer.data(1, b"abc"))
    assert reading.result(20) == [b"abc"]


def test_reading_waits_for_the_end(talk: Talk) -> None:
    stream = talk.open()
    reading = talk.start(talk.connection.read, stream)
    talk.connection.feed(talk.peer.data(1, is_last=True))
    assert reading.result(20) == []
    assert talk.connection.read(stream) == []


def test_reading_need_not_wait(talk: Talk) -> None:
    stream = talk.open()
    assert talk.connection.read(stream, wait=False) == []
    talk.connection.feed(talk.peer.data(1, b"abc"))
    assert talk.connection.read(stream, wait=False) == [b"abc"]


def test_data_before_the_end_are_read(talk: Talk) -> None:
    stream = talk.open()
    talk.connection.feed(talk.peer.data(1, b"abc", is_last=True))
    assert talk.connection.read(stream) == [b"abc"]
    assert talk.connection.read(stream) == []


def test_what_is_read_makes_room_for_more(talk: Talk) -> None:
    stream = talk.open()
    taking = talk.start(talk.take)
    talk.connection.feed(talk.peer.data(1, bytes(4 << 20)))
    assert not taking.done()
    talk.connection.read(stream)
    assert taking.result(20)
    assert talk.peer.frames[-1] == (8, 0, 1, struct.pack(">I", 4 << 20))


def test_taking_waits_for_something_to_be_sent(talk: Talk) -> None:
    stream = talk.open()
    taking = talk.start(talk.take)
    talk.connection.write(stream, [b"abc", memoryview(b"de")])
    assert taking.result(20)
    assert talk.peer.bodies[1] == b"abcde"


def test_a_question_of_the_peer_wakes_who_takes(talk: Talk) -> None:
    taking = talk.start(talk.take)
    talk.connection.feed(talk.peer.frame(6, 0, 0, b"12345678"))
    assert taking.result(20)
    assert talk.peer.frames[-1] == (6, 1, 0, b"12345678")


def test_writing_waits_for_the_window(talk: Talk) -> None:
    stream = talk.open()
    writing = talk.start(talk.connection.write, stream, [bytes(65535 + 100)])
    talk.take()
    assert len(talk.peer.bodies[1]) == 65535
    talk.connection.feed(talk.peer.update(0, 60))
    talk.take()
    assert not writing.done()
    talk.connection.feed(talk.peer.update(0, 60))
    assert writing.result(20) is None
    talk.take()
    assert talk.peer.bodies[1] == bytes(65635)


def test_writing_waits_until_it_is_taken(talk: Talk) -> None:
    stream = talk.open()
    talk.connection.feed(talk.peer.update(0, 1 << 30))
    writing = talk.start(talk.connection.write, stream, [bytes(OUTPUT_LIMIT + 1)])
    talk.take(1)
    assert writing.result(20) is None
    talk.take()
    assert len(talk.peer.bodies[1]) == OUTPUT_LIMIT + 1


def test_header_fields_do_not_wait(talk: Talk) -> None:
    stream, other = talk.open(1), talk.open(3)
    talk.connection.feed(talk.peer.update(0, 1 << 30))
    talk.connection.write(stream, [bytes(OUTPUT_LIMIT)])
    talk.connection.write_headers(other, [(":status", "200")], is_last=True)
    talk.take()
    assert talk.peer.fields[3] == [{":status": "200"}]
    assert talk.peer.ended == {3}


@pytest.mark.parametrize("end", ["reset", "close", "lose", "farewell", "fault", "answer"])
def test_who_waits_is_told_when_it_is_over(talk: Talk, end: str) -> None:
    stream = talk.open()
    connection = talk.connection
    reading = talk.start(connection.read, stream)
    writing = talk.start(connection.write, stream, [bytes(65536)])
    endings: dict[str, Callable[[], None]] = {
        "reset": lambda: connection.feed(talk.peer.reset(1)),
        "close": connection.close,
        "lose": lambda: connection.lose("gone"),
        "farewell": lambda: connection.feed(talk.peer.frame(GOAWAY, 0, 0, bytes(8))),
        "fault": lambda: connection.feed(talk.peer.frame(6, 0, 1, bytes(8))),
        "answer": lambda: connection.write_headers(stream, [], is_last=True),
    }
    endings[end]()
    assert isinstance(reading.exception(20), StreamResetError)
    assert isinstance(writing.exception(20), StreamResetError)
    with pytest.raises(StreamResetError):
        connection.write(stream, [b"x"])
    with pytest.raises(StreamResetError):
        connection.write_headers(stream, [], is_last=True)
    with pytest.raises(StreamResetError):
        connection.read(stream, wait=False)


def test_a_reset_stream_leaves_the_others_alone(talk: Talk) -> None:
    talk.open(1)
    other = talk.open(3)
    reading = talk.start(talk.connection.read, other)
    talk.connection.feed(talk.peer.reset(1))
    talk.connection.feed(talk.peer.data(3, b"abc"))
    assert reading.result(20) == [b"abc"]
    assert talk.connection.failure is None


def test_after_the_end_a_farewell_is_taken_and_then_nothing(talk: Talk) -> None:
    talk.connection.write(talk.open(), [b"never sent"])
    talk.connection.close()
    before = len(talk.peer.frames)
    assert talk.take()
    assert [frame[0] for frame in talk.peer.frames[before:]] == [GOAWAY]
    assert not talk.take()
    assert not talk.take()


def test_who_takes_is_told_of_the_end(talk: Talk) -> None:
    taking = talk.start(talk.take)
    talk.connection.close()
    assert taking.result(20)
    assert talk.peer.farewell == 0


@pytest.mark.parametrize(
    ("code", "failure"),
    [
        (0, "the daemon ended the session"),
        (11, "the daemon ended the session: ENHANCE_YOUR_CALM"),
        (99, "the daemon ended the session: error 99"),
    ],
)
def test_a_farewell_says_why(talk: Talk, code: int, failure: str) -> None:
    talk.connection.feed(talk.peer.frame(GOAWAY, 0, 0, struct.pack(">II", 0, code)))
    assert talk.connection.failure == failure


def test_a_fault_of_the_peer_is_told_to_both(talk: Talk) -> None:
    talk.connection.feed(talk.peer.frame(6, 0, 1, bytes(8)))
    assert talk.connection.failure == (
        "the daemon broke the protocol of the session: PING on stream 1"
    )
    talk.take()
    assert talk.peer.farewell == 1


def test_only_the_first_end_counts(talk: Talk) -> None:
    talk.connection.close()
    talk.connection.lose("too late")
    talk.connection.feed(talk.peer.frame(6, 0, 1, bytes(8)))
    assert talk.connection.failure is None


def test_what_comes_after_the_end_is_passed_over(talk: Talk) -> None:
    talk.connection.lose("gone")
    talk.connection.feed(talk.peer.request(1, "/s/m"))
    assert talk.streams == []
    assert talk.connection.failure == "gone"


def test_requests_are_served_outside_of_the_lock(make_peer: type[Peer]) -> None:
    answered: list[Stream] = []

    def serve(stream: Stream) -> None:
        connection.write_headers(stream, [(":status", "200")], is_last=True)
        answered.append(stream)

    peer, connection = make_peer(), Connection(serve)
    connection.feed(peer.hello() + peer.request(1, "/s/m") + peer.request(3, "/s/m"))
    assert [stream.number for stream in answered] == [1, 3]


def test_many_threads_write_and_all_arrives(talk: Talk, pool: ThreadPoolExecutor) -> None:
    streams = [talk.open(number) for number in range(1, 17, 2)]
    done = threading.Event()

    def write(stream: Stream) -> None:
        for size in range(300):
            talk.connection.write(stream, [bytes([size % 256]) * size])

    def drain() -> None:
        while not done.is_set() or len(talk.peer.ended) < len(streams):
            talk.take(100000)
            if talk.peer._windows[0] < 20000:
                talk.connection.feed(talk.peer.update(0, 50000))

    draining = pool.submit(drain)
    for writing in [pool.submit(write, stream) for stream in streams]:
        writing.result(60)
    for stream in streams:
        talk.connection.write_headers(stream, [], is_last=True)
    done.set()
    draining.result(60)
    expected = b"".join(bytes([size % 256]) * size for size in range(300))
    assert all(talk.peer.bodies[stream.number] == expected for stream in streams)
