"""Calls over HTTP/2: what handlers see and say, and what the client makes of it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug_buildkit.http2.connection import Connection
from okplug_buildkit.http2.streams import Stream
from okplug_buildkit.rpc import CallCancelled, Code, RpcError, unary
from okplug_buildkit.serving import Server, StreamCall

if TYPE_CHECKING:
    from collections.abc import Callable

    from okplug_buildkit.rpc import Call
    from tests.unit.plugins.buildkit.conftest import Peer, Tunnel

    Make = Callable[..., Tunnel]


def echo(call: Call) -> None:
    while (message := call.receive()) is not None:
        call.send([message])


def ended(stream: int) -> Callable[[Peer], bool]:
    return lambda peer: stream in peer.ended


def has_messages(count: int) -> Callable[[Peer], bool]:
    return lambda peer: len(peer.messages(1)) == count


def has_allowed(size: int) -> Callable[[Peer], bool]:
    """Tell whether the server has opened the window of stream 1 by so many bytes."""
    return lambda peer: (
        sum(
            int.from_bytes(payload, "big")
            for kind, _, at, payload in peer.frames
            if (kind, at) == (8, 1)
        )
        >= size
    )


def test_a_request_is_answered(tunnel: Make) -> None:
    talk = tunnel({"/s/upper": unary(bytes, bytes.upper, bytes)})
    talk.send(talk.peer.request(1, "/s/upper"), talk.peer.message(1, b"abc", is_last=True))
    talk.wait(ended(1))
    assert talk.peer.messages(1) == [b"ABC"]
    assert talk.peer.fields[1] == [
        {":status": "200", "content-type": "application/grpc"},
        {"grpc-status": "0"},
    ]


def test_both_sides_may_stream(tunnel: Make) -> None:
    talk = tunnel({"/s/echo": echo})
    talk.send(talk.peer.request(1, "/s/echo"))
    for number in range(5):
        talk.send(talk.peer.message(1, b"%d" % number))
        talk.wait(has_messages(number + 1))
    talk.send(talk.peer.data(1, is_last=True))
    talk.wait(ended(1))
    assert talk.peer.messages(1) == [b"0", b"1", b"2", b"3", b"4"]


def test_nothing_is_sent_before_there_is_an_answer(tunnel: Make) -> None:
    talk = tunnel({"/s/echo": echo})
    talk.send(talk.peer.request(1, "/s/echo"), talk.peer.frame(6, 0, 0, bytes(8)))
    talk.wait(lambda peer: 6 in peer.kinds())
    assert talk.peer.fields[1] == []


def test_a_handler_may_answer_before_the_request_is_over(tunnel: Make) -> None:
    talk = tunnel({"/s/m": lambda call: call.send([b"enough"])})
    talk.send(talk.peer.request(1, "/s/m"))
    talk.wait(ended(1))
    assert (talk.peer.messages(1), talk.peer.status(1)) == ([b"enough"], "0")


def test_metadata(tunnel: Make) -> None:
    seen: list[list[str]] = []

    def handle(call: Call) -> None:
        seen.extend([call.metadata("pattern"), call.metadata("none"), [call.method]])

    talk = tunnel({"/s/m": handle})
    talk.send(talk.peer.request(1, "/s/m", ("pattern", "*.py"), ("other", "x"), ("pattern", "b")))
    talk.wait(ended(1))
    assert seen == [["*.py", "b"], [], ["/s/m"]]


def test_methods_are_found_in_any_case(tunnel: Make) -> None:
    talk = tunnel({"/moby.Service/DiffCopy": echo})
    talk.send(
        talk.peer.request(1, "/moby.service/diffcopy"), talk.peer.message(1, b"", is_last=True)
    )
    talk.wait(ended(1))
    assert talk.peer.messages(1) == [b""]


def test_an_unknown_method(tunnel: Make) -> None:
    talk = tunnel({"/s/m": echo})
    talk.send(talk.peer.request(1, "/s/other"))
    talk.wait(ended(1))
    assert talk.peer.fields[1][-1] == {
        "grpc-status": "12",
        "grpc-message": "unknown method /s/other",
    }


def test_a_request_without_a_path(tunnel: Make) -> None:
    talk = tunnel({"/s/m": echo})
    talk.peer._windows[1] = 0
    talk.send(talk.peer.frame(1, 4, 1, talk.peer.encode((":method", "POST"))))
    talk.wait(ended(1))
    assert talk.peer.status(1) == "12"


@pytest.mark.parametrize(
    "message", ["no such secret", "100 %", "Gr\u00f6\u00dfe \U0001f600\n\udcff", ""]
)
def test_a_refusal_is_told(tunnel: Make, message: str) -> None:
    def refuse(_call: Call) -> None:
        raise RpcError(Code.NOT_FOUND, message)

    talk = tunnel({"/s/m": refuse})
    talk.send(talk.peer.request(1, "/s/m"))
    talk.wait(ended(1))
    assert talk.peer.status(1) == "5"
    told = talk.peer.fields[1][-1].get("grpc-message", "")
    assert told.isascii()
    assert unquote(told) == message.replace("\udcff", "?")
    assert talk.server.errors == []


def test_a_refusal_may_come_after_data(tunnel: Make) -> None:
    def handle(call: Call) -> None:
        call.send([b"first"])
        raise RpcError(Code.DATA_LOSS, "then nothing")

    talk = tunnel({"/s/m": handle})
    talk.send(talk.peer.request(1, "/s/m"))
    talk.wait(ended(1))
    assert (talk.peer.messages(1), talk.peer.status(1)) == ([b"first"], "15")


def test_a_long_refusal_is_cut(tunnel: Make) -> None:
    def refuse(_call: Call) -> None:
        raise RpcError(Code.UNKNOWN, "\U0001f600" * 100000)

    talk = tunnel({"/s/m": refuse})
    talk.send(talk.peer.request(1, "/s/m"))
    talk.wait(ended(1))
    assert unquote(talk.peer.fields[1][-1]["grpc-message"]) == "\U0001f600" * 1000


def test_a_fault_of_a_handler_is_kept_and_not_told(tunnel: Make) -> None:
    faults = [ValueError("the password is x"), KeyError("y")]

    def fail(_call: Call) -> None:
        raise faults[len(talk.server.errors)]

    talk = tunnel({"/s/m": fail})
    for number in (1, 3):
        talk.send(talk.peer.request(number, "/s/m"))
        talk.wait(ended(number))
        assert talk.peer.fields[number][-1] == {
            "grpc-status": "13",
            "grpc-message": "internal error",
        }
    assert talk.server.errors == faults


def test_a_cancelled_call_gets_no_answer(tunnel: Make) -> None:
    told = threading.Event()

    def handle(call: Call) -> None:
        try:
            call.receive()
        except CallCancelled:
            told.set()
            raise

    talk = tunnel({"/s/m": handle, "/s/echo": echo})
    talk.send(talk.peer.request(1, "/s/m"), talk.peer.reset(1))
    assert told.wait(20)
    talk.send(talk.peer.request(3, "/s/echo"), talk.peer.data(3, is_last=True))
    talk.wait(ended(3))
    assert talk.peer.fields[1] == []
    assert talk.server.errors == []


def test_who_is_cancelled_reads_and_sends_nothing_more(tunnel: Make) -> None:
    begun, reset, outcomes = threading.Event(), threading.Event(), []

    def handle(call: Call) -> None:
        assert call.receive() == b"1"
        begun.set()
        assert reset.wait(20)
        for use in (call.receive, call.receive_nowait, lambda: call.send([b"x"])):
            with pytest.raises(CallCancelled):
                use()
            outcomes.append(use)

    talk = tunnel({"/s/m": handle})
    both = talk.peer.message(1, b"1") + talk.peer.message(1, b"2")
    talk.send(talk.peer.request(1, "/s/m"), both)
    assert begun.wait(20)
    talk.send(talk.peer.reset(1))
    reset.set()
    talk.server.join(20)
    assert (len(outcomes), talk.server.errors) == (3, [])


def test_receiving_need_not_wait(tunnel: Make) -> None:
    begun, more, seen = threading.Event(), threading.Event(), []

    def handle(call: Call) -> None:
        seen.append(call.receive_nowait())
        begun.set()
        assert more.wait(20)
        seen.extend(call.receive_nowait() for _ in range(4))
        seen.append(call.receive())

    talk = tunnel({"/s/m": handle})
    talk.send(talk.peer.request(1, "/s/m"))
    assert begun.wait(20)
    talk.send(
        talk.peer.message(1, b"a") + talk.peer.message(1, b""), talk.peer.data(1, is_last=True)
    )
    more.set()
    talk.wait(ended(1))
    assert seen == [None, b"a", b"", None, None, None]


def test_a_message_that_is_cut_off(tunnel: Make) -> None:
    talk = tunnel({"/s/echo": echo})
    talk.send(talk.peer.request(1, "/s/echo"), talk.peer.data(1, b"\0\0\0\0\2x", is_last=True))
    talk.wait(ended(1))
    assert talk.peer.fields[1][-1] == {
        "grpc-status": "13",
        "grpc-message": "expected the rest of a message",
    }


def test_a_compressed_message(tunnel: Make) -> None:
    talk = tunnel({"/s/echo": echo})
    talk.send(talk.peer.request(1, "/s/echo"), talk.peer.data(1, b"\1\0\0\0\1x"))
    talk.wait(ended(1))
    assert talk.peer.status(1) == "12"


def test_many_small_messages_travel_in_few_frames(tunnel: Make) -> None:
    talk = tunnel({"/s/m": lambda call: call.send([[b"x", b"y" * 10]] * 10000)}, 1 << 20)
    talk.update(0, 1 << 20)
    talk.send(talk.peer.request(1, "/s/m"))
    talk.wait(ended(1))
    assert talk.peer.messages(1) == [b"xyyyyyyyyyy"] * 10000
    assert talk.peer.kinds().count(0) == -(-160000 // 16384)


def test_a_large_message_passes_through_a_small_window(tunnel: Make) -> None:
    talk = tunnel({"/s/m": lambda call: call.send([bytes(300000)])}, 1000)
    talk.send(talk.peer.request(1, "/s/m"))
    for _ in range(30):
        talk.update(1, 10000)
        talk.update(0, 10000)
    talk.wait(ended(1))
    assert talk.peer.messages(1) == [bytes(300000)]


def test_a_message_larger_than_the_window_is_received(tunnel: Make) -> None:
    sizes: list[int] = []

    def handle(call: Call) -> None:
        sizes.append(len(call.receive() or b""))

    talk = tunnel({"/s/m": handle})
    talk.send(talk.peer.request(1, "/s/m"))
    body = (20 << 20).to_bytes(5, "big") + bytes(20 << 20)
    for start in range(0, len(body), 4 << 20):
        talk.wait(has_allowed(start - (4 << 20)))
        talk.send(talk.peer.data(1, body[start : start + (4 << 20)]))
    talk.wait(ended(1))
    assert sizes == [20 << 20]


def test_one_call_does_not_wait_for_another(tunnel: Make) -> None:
    free = threading.Event()
    talk = tunnel({"/s/stuck": lambda _call: assert_set(free), "/s/echo": echo})
    for number in range(1, 81, 2):
        talk.send(talk.peer.request(number, "/s/stuck"))
    talk.send(talk.peer.request(81, "/s/echo"), talk.peer.message(81, b"alive", is_last=True))
    talk.wait(ended(81))
    assert talk.peer.ended == {81}
    free.set()
    talk.wait(lambda peer: len(peer.ended) == 41)


def assert_set(event: threading.Event) -> None:
    assert event.wait(20)


def test_one_thread_may_receive_while_another_sends(tunnel: Make) -> None:
    def handle(call: Call) -> None:
        received: list[bytes | None] = []
        reader = threading.Thread(target=lambda: received.append(call.receive()))
        reader.start()
        call.send([b"say something"])
        reader.join(20)
        call.send([received[0] or b""])

    talk = tunnel({"/s/m": handle})
    talk.send(talk.peer.request(1, "/s/m"))
    talk.wait(lambda peer: peer.messages(1) == [b"say something"])
    talk.send(talk.peer.message(1, b"something"))
    talk.wait(ended(1))
    assert talk.peer.messages(1) == [b"say something", b"something"]


def test_a_thread_that_still_receives_after_the_answer_is_told(tunnel: Make) -> None:
    told = threading.Event()

    def read(call: Call) -> None:
        try:
            call.receive()
        except CallCancelled:
            told.set()

    def handle(call: Call) -> None:
        threading.Thread(target=read, args=(call,)).start()

    talk = tunnel({"/s/m": handle})
    talk.send(talk.peer.request(1, "/s/m"))
    assert told.wait(20)


def test_joining_gives_up_at_its_time_and_passes_over_itself(tunnel: Make) -> None:
    free = threading.Event()

    def handle(_call: Call) -> None:
        talk.server.join(20)
        assert_set(free)

    talk = tunnel({"/s/m": handle})
    talk.send(talk.peer.request(1, "/s/m"))
    talk.server.join(0.01)
    assert not free.is_set()
    free.set()
    talk.wait(ended(1))


def test_a_thread_that_cannot_start_leaves_nothing_to_wait_for(
    tunnel: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    talk = tunnel({"/s/echo": echo})

    def fail(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", fail)
    with pytest.raises(RuntimeError, match="can't start new thread"):
        talk.send(talk.peer.request(1, "/s/echo"))
    talk.server.join(20)


@given(st.text(max_size=60))
def test_any_message_can_be_told(message: str) -> None:
    sent: list[list[tuple[str, str]]] = []

    class Recorder:
        """A connection that keeps fields."""

        def write_headers(
            self, _stream: object, fields: list[tuple[str, str]], **_: object
        ) -> None:
            """Keep fields."""
            sent.append(fields)

    class Nothing:
        """A stream without fields."""

        headers: tuple[()] = ()

    call = StreamCall(Recorder(), Nothing())  # type: ignore[arg-type]  # all that it uses is there
    call.finish(Code.UNKNOWN, message)
    told = dict(sent[-1]).get("grpc-message", "")
    assert all(" " <= char <= "~" for char in told)
    assert unquote(told) == message


@given(
    st.lists(st.tuples(st.sampled_from([1, 3, 5]), st.binary(max_size=40)), max_size=25),
    st.lists(st.integers(0, 4000), max_size=40),
)
def test_where_the_bytes_are_cut_means_nothing(
    make_peer: type[Peer], sent: list[tuple[int, bytes]], places: list[int]
) -> None:
    peer, streams = make_peer(), dict[int, Stream]()
    connection = Connection(lambda stream: streams.update({stream.number: stream}))
    data = peer.hello() + b"".join(peer.request(number, f"/s/{number}") for number in (1, 3, 5))
    data += b"".join(peer.message(number, payload) for number, payload in sent)
    data += b"".join(peer.data(number, is_last=True) for number in (1, 3, 5))
    ends = sorted({place % (len(data) + 1) for place in places})
    for start, end in zip([0, *ends], [*ends, len(data)], strict=True):
        connection.feed(data[start:end])
    for number, stream in streams.items():
        call = StreamCall(connection, stream)
        received = list(iter(call.receive, None))
        assert call.method == f"/s/{number}"
        assert received == [payload for other, payload in sent if other == number]
    assert sorted(streams) == [1, 3, 5]


def test_a_server_starts_without_errors() -> None:
    server = Server({}, "nobody")
    server.join(0)
    assert server.errors == []
