"""A client that others wrote, grpcio's own, talks to the server over a socket."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from typing import TYPE_CHECKING, Any

import grpc  # noqa: TID253  # these tests are about it
import pytest

from okplug_buildkit.http2.connection import Connection
from okplug_buildkit.rpc import CallCancelled, Code, RpcError, unary
from okplug_buildkit.serving import Server, StreamCall

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from okplug_buildkit.http2.streams import Stream
    from okplug_buildkit.rpc import Call

CHANNEL = [
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    ("grpc.use_local_subchannel_pool", 1),
]


class Service:
    """Handlers on a Unix socket, one connection after the other."""

    def __init__(self, folder: Path) -> None:
        self.address = f"unix:{folder}/s"
        self.cancelled = threading.Event()
        self.failures: list[str | None] = []
        handlers = {
            "/t/upper": unary(bytes, bytes.upper, bytes),
            "/t/echo": _echo,
            "/t/count": _count,
            "/t/sum": _sum,
            "/t/refuse": _refuse,
            "/t/metadata": _metadata,
            "/t/wait": self._wait,
        }
        self.server = Server(handlers, "grpc test")
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(f"{folder}/s")
        self._listener.listen()
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                peer, _ = self._listener.accept()
                with peer:
                    self._serve(peer)

    def _serve(self, peer: socket.socket) -> None:
        def start(stream: Stream) -> None:
            self.server.serve(StreamCall(connection, stream))

        def pump() -> None:
            with contextlib.suppress(OSError):
                while (parts := connection.take(1 << 20)) is not None:
                    peer.sendall(b"".join(parts))

        connection = Connection(start)
        pumping = threading.Thread(target=pump, daemon=True)
        pumping.start()
        with contextlib.suppress(OSError):
            while data := peer.recv(1 << 16):
                connection.feed(data)
        connection.lose("the client has left")
        pumping.join(20)
        self.failures.append(connection.failure)

    def _wait(self, call: Call) -> None:
        call.send([b"begun"])
        try:
            call.receive()
        except CallCancelled:
            self.cancelled.set()
            raise

    def close(self) -> None:
        """Stop to listen."""
        with contextlib.suppress(OSError):  # it is closed
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(20)
        self.server.join(20)


def _echo(call: Call) -> None:
    while (message := call.receive()) is not None:
        call.send([message])


def _count(call: Call) -> None:
    number, size = map(int, (call.receive() or b"").split())
    call.send([[b"%d" % index, bytes(size)] for index in range(number)])


def _sum(call: Call) -> None:
    count = size = 0
    while (message := call.receive()) is not None:
        count, size = count + 1, size + len(message)
    call.send([b"%d %d" % (count, size)])


def _refuse(_call: Call) -> None:
    raise RpcError(Code.PERMISSION_DENIED, "100 % sure: Gr\u00f6\u00dfe")


def _metadata(call: Call) -> None:
    values = call.metadata("pattern")
    call.send([b"%d %d" % (len(values), sum(map(len, values)))])


@pytest.fixture
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service(tmp_path_factory.mktemp("s"))
    yield service
    service.close()


@pytest.fixture
def channel(service: Service) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(service.address, CHANNEL) as channel:
        yield channel


@pytest.fixture
def silence() -> Iterator[Iterator[bytes]]:
    """Requests that never come."""
    over = threading.Event()

    def wait() -> Iterator[bytes]:
        over.wait()
        yield from ()

    yield wait()
    over.set()


def test_one_request_and_one_response(channel: Any) -> None:
    call = channel.unary_unary("/t/upper", None, None)
    assert [call(b"a", timeout=20), call(b"", timeout=20)] == [b"A", b""]


def test_streams_in_both_directions(channel: Any) -> None:
    call = channel.stream_stream("/t/echo", None, None)
    messages = [b"%d" % number for number in range(100)]
    assert list(call(iter(messages), timeout=20)) == messages


def test_each_message_may_wait_for_the_answer_to_the_last(channel: Any) -> None:
    turn = threading.Semaphore(1)

    def ask() -> Iterator[bytes]:
        for number in range(50):
            assert turn.acquire(timeout=20)
            yield b"%d" % number

    answers = []
    for answer in channel.stream_stream("/t/echo", None, None)(ask(), timeout=20):
        answers.append(answer)
        turn.release()
    assert answers == [b"%d" % number for number in range(50)]


def test_ten_thousand_small_messages(channel: Any) -> None:
    received = list(channel.unary_stream("/t/count", None, None)(b"10000 20", timeout=60))
    assert received == [b"%d" % number + bytes(20) for number in range(10000)]


def test_ten_thousand_small_messages_to_the_server(channel: Any) -> None:
    messages = (b"x" * 20 for _ in range(10000))
    answer = channel.stream_unary("/t/sum", None, None)(messages, timeout=60)
    assert answer == b"10000 200000"


@pytest.mark.parametrize("size", [16379, 16384, 65536, 1 << 20, 9 << 20, 40 << 20])
def test_large_messages(channel: Any, size: int) -> None:
    data = os.urandom(size)
    [echo] = channel.stream_stream("/t/echo", None, None)(iter([data]), timeout=60)
    assert echo == data


def test_more_than_all_windows_in_both_directions_at_once(channel: Any) -> None:
    data = os.urandom(1 << 20)
    call = channel.stream_stream("/t/echo", None, None)
    assert all(echo == data for echo in call(iter([data] * 80), timeout=60))


def test_a_refusal(channel: Any) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary("/t/refuse", None, None)(b"", timeout=20)
    error: Any = caught.value
    assert error.code() is grpc.StatusCode.PERMISSION_DENIED
    assert error.details() == "100 % sure: Gr\u00f6\u00dfe"


def test_an_unknown_method(channel: Any) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary("/t/nothing", None, None)(b"", timeout=20)
    error: Any = caught.value
    assert error.code() is grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize("count", [1, 100, 5000])
def test_much_metadata(channel: Any, count: int) -> None:
    value = "x" * (200 * 1024 // count)
    answer = channel.unary_unary("/t/metadata", None, None)(
        b"", metadata=[("pattern", value)] * count, timeout=20
    )
    assert answer == b"%d %d" % (count, count * len(value))


def test_who_cancels_wakes_the_handler(
    service: Service, channel: Any, silence: Iterator[bytes]
) -> None:
    call = channel.stream_stream("/t/wait", None, None)(silence)
    assert next(call) == b"begun"
    call.cancel()
    assert service.cancelled.wait(20)
    assert channel.unary_unary("/t/upper", None, None)(b"a", timeout=20) == b"A"


def test_who_runs_out_of_time_wakes_the_handler(
    service: Service, channel: Any, silence: Iterator[bytes]
) -> None:
    call = channel.stream_stream("/t/wait", None, None)(silence, timeout=0.2)
    with pytest.raises(grpc.RpcError):
        list(call)
    assert service.cancelled.wait(20)
    assert service.server.errors == []


def test_who_leaves_wakes_the_handler(service: Service, silence: Iterator[bytes]) -> None:
    with grpc.insecure_channel(service.address, CHANNEL) as channel:
        wait: Any = channel.stream_stream("/t/wait", None, None)
        call = wait(silence)
        assert next(call) == b"begun"
    assert service.cancelled.wait(20)


def test_many_calls_at_once(channel: Any) -> None:
    call = channel.unary_unary("/t/upper", None, None)
    futures = [call.future(b"%dx" % number, timeout=60) for number in range(200)]
    assert [future.result() for future in futures] == [b"%dX" % number for number in range(200)]


def test_no_connection_ends_by_a_fault_of_the_protocol(service: Service) -> None:
    for _ in range(3):
        with grpc.insecure_channel(service.address, CHANNEL) as channel:
            call: Any = channel.unary_unary("/t/upper", None, None)
            assert call(b"a", timeout=20) == b"A"
    service.close()
    assert {failure for failure in service.failures if "broke" in (failure or "")} == set()
