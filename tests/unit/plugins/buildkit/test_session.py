"""Sessions: how they begin, what they advertise, and how they end in whatever way."""

from __future__ import annotations

import queue
import random
import threading
import time
from typing import TYPE_CHECKING

import pytest

from okplug_buildkit.messages import unwrap, wrap
from okplug_buildkit.rpc import CallCancelled
from okplug_buildkit.session import HEALTH, Session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from okplug_buildkit.rpc import Call, Handler
    from tests.unit.plugins.buildkit.conftest import Peer

FILES = "/moby.filesync.v1.FileSync/DiffCopy"


class FakeError(Exception):
    """How an outer call fails: it says why only when it is asked."""

    def details(self) -> str:
        """Return why."""
        return "Socket closed\n  at once"


class FakeDaemon:
    """A daemon that is one call: a test says what it sends, and a peer hears what it is sent.

    :param is_frozen: it sees no half-close, and has to be cancelled.
    """

    def __init__(self, peer: Peer, *, is_frozen: bool = False) -> None:
        self.peer = peer
        self.metadata: list[tuple[str, str]] = []
        self.sizes: list[int] = []  # of the messages that it was sent
        self.is_cancelled = False
        self._is_frozen = is_frozen
        self._responses: queue.Queue[bytes | Exception | None] = queue.Queue()
        self._consumer = threading.Thread(target=self._consume)
        self._requests: Iterator[bytes] = iter(())

    def session(self, metadata: Sequence[tuple[str, str]], requests: Iterator[bytes]) -> FakeDaemon:
        """Start the call."""
        self.metadata, self._requests = list(metadata), requests
        self.say(self.peer.hello())
        self._consumer.start()
        return self

    def _consume(self) -> None:
        for message in self._requests:
            self.sizes.append(len(message))
            self.peer.receive(bytes(unwrap(message)))
        if not self._is_frozen:
            self.end()

    def say(self, *frames: bytes) -> None:
        """Send frames of the peer."""
        for frame in frames:
            self._responses.put(wrap([frame]))

    def end(self, how: bytes | Exception | None = None) -> None:
        """End the call, or send something that is no message."""
        self._responses.put(how)

    def __iter__(self) -> Iterator[bytes]:
        """Return the responses."""
        while (response := self._responses.get()) is not None:
            if isinstance(response, Exception):
                raise response
            yield response

    def cancel(self) -> bool:
        """End the call at once."""
        self.is_cancelled = True
        self.end(FakeError("cancelled"))
        return True

    def wait(self, condition: Callable[[Peer], object]) -> None:
        """Wait until the peer has received something."""
        wait_until(lambda: condition(self.peer))


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it does not come"
        time.sleep(0.001)


@pytest.fixture
def daemon(make_peer: type[Peer]) -> FakeDaemon:
    return FakeDaemon(make_peer(1 << 24))


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    wait_until(lambda: not {t for t in threading.enumerate() if t.is_alive()} - before)


def serve(daemon: FakeDaemon, handler: Handler | None = None, key: str = "") -> Session:
    handlers: Mapping[str, Handler] = {FILES: handler} if handler else {}
    return Session(daemon, handlers, shared_key=key)


def wait_for_the_end(call: Call) -> None:
    call.receive()


def test_ids_are_of_their_own(daemon: FakeDaemon) -> None:
    ids = {serve(daemon).id for _ in range(50)}
    assert len(ids) == 50
    assert all(len(one) == 25 for one in ids)
    assert set("".join(ids)) <= set("0123456789abcdefghijklmnopqrstuvwxyz")


def test_what_it_advertises(daemon: FakeDaemon) -> None:
    with serve(daemon, wait_for_the_end, "key of a project") as session:
        assert sorted(daemon.metadata) == [
            ("x-docker-expose-session-grpc-method", HEALTH),
            ("x-docker-expose-session-grpc-method", FILES),
            ("x-docker-expose-session-sharedkey", "key of a project"),
            ("x-docker-expose-session-uuid", session.id),
        ]


def test_health_is_served(daemon: FakeDaemon) -> None:
    with serve(daemon):
        for number in (1, 3):
            daemon.say(daemon.peer.request(number, HEALTH))
            daemon.say(daemon.peer.message(number, b"", is_last=True))
            daemon.wait(lambda peer, number=number: number in peer.ended)  # type: ignore[misc]  # a default binds the number
            assert daemon.peer.messages(number) == [b"\x08\x01"]
            assert daemon.peer.status(number) == "0"


def test_health_without_a_question(daemon: FakeDaemon) -> None:
    with serve(daemon):
        daemon.say(daemon.peer.request(1, HEALTH, is_last=True))
        daemon.wait(lambda peer: 1 in peer.ended)
        assert daemon.peer.status(1) == "13"


def test_health_is_served_while_everything_else_waits(daemon: FakeDaemon) -> None:
    with serve(daemon, wait_for_the_end):
        for number in range(1, 41, 2):
            daemon.say(daemon.peer.request(number, FILES))
        daemon.say(daemon.peer.request(41, HEALTH), daemon.peer.message(41, b"", is_last=True))
        daemon.wait(lambda peer: peer.ended == {41})


def test_closing_tells_the_daemon_and_the_handlers(daemon: FakeDaemon) -> None:
    begun, told = threading.Event(), []

    def handle(call: Call) -> None:
        begun.set()
        try:
            call.receive()
        except CallCancelled:
            told.append(call.method)
            raise

    session = serve(daemon, handle)
    session.open()
    daemon.say(daemon.peer.request(1, FILES))
    assert begun.wait(20)
    session.close()
    assert told == [FILES]
    assert daemon.peer.farewell == 0
    assert (session.is_lost, session.failure, session.errors) == (False, "", [])


def test_closing_twice_and_before_opening(daemon: FakeDaemon) -> None:
    serve(daemon).close()
    session = serve(daemon)
    session.open()
    session.close()
    session.close()
    assert not session.is_lost


def test_several_threads_may_close(daemon: FakeDaemon) -> None:
    session = serve(daemon)
    session.open()
    threads = [threading.Thread(target=session.close) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert not session.is_lost


def test_a_handler_may_close(daemon: FakeDaemon) -> None:
    closed = threading.Event()

    def handle(_call: Call) -> None:
        session.close()
        closed.set()

    session = serve(daemon, handle)
    session.open()
    daemon.say(daemon.peer.request(1, FILES))
    assert closed.wait(20)
    assert not session.is_lost


def test_a_daemon_that_sees_nothing_is_left(
    make_peer: type[Peer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("okplug_buildkit.session._PATIENCE", 0.05)
    daemon = FakeDaemon(make_peer(), is_frozen=True)
    session = serve(daemon)
    session.open()
    session.close()
    assert daemon.is_cancelled
    assert not session.is_lost


def test_who_is_in_a_hurry_does_not_wait_for_a_daemon(
    make_peer: type[Peer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("okplug_buildkit.session._PATIENCE", 600)
    daemon = FakeDaemon(make_peer(1 << 24), is_frozen=True)
    session = serve(daemon)
    session.open()
    session.hurry()
    session.close()
    assert daemon.is_cancelled


def test_closing_after_a_fault_of_the_block(daemon: FakeDaemon) -> None:
    with pytest.raises(ValueError, match="of the block"), serve(daemon) as session:
        raise ValueError("of the block")
    assert daemon.peer.farewell == 0
    assert not session.is_lost


@pytest.mark.parametrize(
    ("how", "failure"),
    [
        (None, "the daemon ended the session"),
        (FakeError(), "the session was cut off: Socket closed at once"),
        (RuntimeError("can't start new thread"), "the session was cut off: can't start new thread"),
        (OSError(), "the session was cut off: OSError"),
        (b"\x0a\x05abc", "the session was cut off: expected one field of bytes"),
    ],
)
def test_a_lost_session_wakes_its_handlers_and_says_why(
    daemon: FakeDaemon, how: bytes | Exception | None, failure: str
) -> None:
    begun, told = threading.Event(), threading.Event()

    def handle(call: Call) -> None:
        begun.set()
        try:
            call.receive()
        except CallCancelled:
            told.set()

    with serve(daemon, handle) as session:
        daemon.say(daemon.peer.request(1, FILES))
        assert begun.wait(20)
        assert not session.is_lost
        daemon.end(how)
        assert told.wait(20)
        wait_until(lambda: session.is_lost)
        assert session.failure == failure
    assert session.failure == failure  # to close it changes nothing


def test_a_farewell_of_the_daemon_ends_our_side_too(daemon: FakeDaemon) -> None:
    with serve(daemon) as session:
        daemon.say(daemon.peer.frame(7, 0, 0, bytes(8)))
        daemon.wait(lambda peer: peer.farewell is not None)
        daemon._consumer.join(20)
        assert session.failure == "the daemon ended the session"


def test_a_daemon_that_breaks_the_protocol(daemon: FakeDaemon) -> None:
    with serve(daemon) as session:
        daemon.say(daemon.peer.frame(0, 0, 7, b"x"))
        daemon.wait(lambda peer: peer.farewell == 1)
        assert session.failure == (
            "the daemon broke the protocol of the session: DATA on stream 7, which is not open"
        )


def test_faults_of_handlers_are_kept_in_order(daemon: FakeDaemon) -> None:
    faults = [ValueError("a"), KeyError("b")]

    def fail(_call: Call) -> None:
        raise faults[len(session.errors)]

    with serve(daemon, fail) as session:
        for number in (1, 3):
            daemon.say(daemon.peer.request(number, FILES))
            wait_until(lambda count=number: len(session.errors) > count // 2)  # type: ignore[misc]  # a default binds the number
    assert session.errors == faults
    assert not session.is_lost


def test_much_travels_in_large_messages(daemon: FakeDaemon) -> None:
    with serve(daemon, lambda call: call.send([bytes(1 << 20)] * 12)):
        daemon.say(daemon.peer.update(0, 1 << 24), daemon.peer.request(1, FILES))
        daemon.wait(lambda peer: 1 in peer.ended)
        assert daemon.peer.messages(1) == [bytes(1 << 20)] * 12
        assert max(daemon.sizes) <= (1 << 20) + 16384 + 100


@pytest.mark.parametrize("seed", range(25))
def test_closing_at_any_moment_leaves_nothing(daemon: FakeDaemon, seed: int) -> None:
    chance = random.Random(seed)

    def chat(call: Call) -> None:
        while (message := call.receive()) is not None:
            call.send([message] * chance.randint(0, 2000))

    session = serve(daemon, chat)
    session.open()
    closing = threading.Timer(chance.random() * 0.01, session.close)
    closing.start()
    for number in range(1, 41, 2):
        daemon.say(daemon.peer.request(number, FILES))
        daemon.say(daemon.peer.message(number, bytes(100)), daemon.peer.message(number, b"x"))
        if chance.random() < 0.3:
            daemon.say(daemon.peer.reset(number))
    closing.join(20)
    assert (session.is_lost, session.errors) == (False, [])
    assert daemon.peer.farewell == 0


def test_a_session_that_cannot_be_opened_is_closed_all_the_same() -> None:
    class Nobody:
        """A daemon that nobody can call."""

        def session(self, *_arguments: object) -> FakeDaemon:
            """Refuse."""
            raise ValueError("channel closed")

    session = Session(Nobody(), {})
    with pytest.raises(ValueError, match="channel closed"):
        session.open()
    session.close()
    assert not session.is_lost
