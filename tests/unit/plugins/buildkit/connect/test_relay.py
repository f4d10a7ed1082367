"""The private socket: whom it lets in, what becomes of its connections, what is left of it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from okplug_buildkit.connect.relay import DialError, Relay, is_own, listen, listen_in_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WAIT = 10


class EchoLink:
    """A link to nowhere: it notes what becomes of it."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.over = False
        self.closed = 0
        self.words = ""

    def is_over(self) -> bool:
        """Tell what the test has said."""
        if self.over:
            self.connection.close()
        return self.over

    def complaint(self) -> str:
        """Return what the test has said."""
        return self.words

    def close(self) -> None:
        """Note it."""
        self.closed += 1
        self.connection.close()


class Dialer:
    """Makes links, or fails as a test wants it."""

    def __init__(self) -> None:
        self.links: list[EchoLink] = []
        self.failures: list[DialError] = []
        self.called = threading.Semaphore(0)

    def __call__(self, connection: socket.socket) -> EchoLink:
        """Make a link, which says hello at once."""
        try:
            if self.failures:
                raise self.failures.pop()
            link = EchoLink(connection)
            self.links.append(link)
            connection.sendall(b"hello")
            return link
        finally:
            self.called.release()


@pytest.fixture
def dialer() -> Dialer:
    return Dialer()


@pytest.fixture
def relay(dialer: Dialer) -> Iterator[Relay]:
    relay = Relay(dialer)
    yield relay
    relay.close()


def dial(target: str) -> socket.socket:
    """Connect as gRPC does to what it calls *target*."""
    kind, _, name = target.partition(":")
    stream = socket.socket(socket.AF_UNIX)
    stream.settimeout(WAIT)
    try:
        stream.connect("\0" + name if kind == "unix-abstract" else name)
    except OSError:
        stream.close()
        raise
    return stream


def until(condition: Callable[[], bool]) -> None:
    """Wait for something that happens in another thread right after what was waited for."""
    for _ in range(1000):
        if condition():
            return
        threading.Event().wait(0.005)
    pytest.fail("it does not happen")


def test_each_connection_is_joined_by_a_link(relay: Relay, dialer: Dialer) -> None:
    with dial(relay.target) as first, dial(relay.target) as second:
        assert [first.recv(5), second.recv(5)] == [b"hello", b"hello"]
    assert len(dialer.links) == 2
    assert relay.failure() is None


def test_closing_ends_links_and_thread(relay: Relay, dialer: Dialer) -> None:
    with dial(relay.target) as stream:
        assert stream.recv(5) == b"hello"
        relay.close()
        relay.close()
        assert stream.recv(5) == b""
    assert [link.closed for link in dialer.links] == [1]
    assert "okplug relay" not in {thread.name for thread in threading.enumerate()}
    with pytest.raises(OSError, match="refused"):
        dial(relay.target)


def test_a_link_that_is_over_is_forgotten(relay: Relay, dialer: Dialer) -> None:
    for _ in range(2):
        with dial(relay.target) as stream:
            assert stream.recv(5) == b"hello"
        dialer.links[-1].over = True
    until(lambda: list(relay._links) == dialer.links[1:])
    relay.close()
    assert [link.closed for link in dialer.links] == [0, 1]


def test_why_a_connection_cannot_be_joined_is_remembered(relay: Relay, dialer: Dialer) -> None:
    dialer.failures.append(DialError("there is no docker", "install docker"))
    with dial(relay.target) as stream:
        assert stream.recv(5) == b""
    failure = relay.failure()
    assert failure is not None
    assert (failure.message, failure.hint) == ("there is no docker", "install docker")
    with dial(relay.target) as stream:
        assert stream.recv(5) == b"hello"
    until(lambda: relay.failure() is None)


def test_what_the_way_complains_of_is_the_failure(relay: Relay, dialer: Dialer) -> None:
    with dial(relay.target) as stream:
        assert stream.recv(5) == b"hello"
        dialer.links[0].words = "No such container: kit"
        until(lambda: relay.failure() is not None)
        failure = relay.failure()
    assert failure is not None
    assert (failure.message, failure.hint) == ("No such container: kit", "")


def test_a_link_that_is_made_while_the_relay_closes_is_closed() -> None:
    ready, go = threading.Event(), threading.Event()
    links: list[EchoLink] = []

    def slow(connection: socket.socket) -> EchoLink:
        ready.set()
        assert go.wait(WAIT)
        links.append(EchoLink(connection))
        return links[-1]

    relay = Relay(slow)
    with dial(relay.target):
        assert ready.wait(WAIT)
        closing = threading.Thread(target=relay.close)
        closing.start()
        until(lambda: relay._is_closed)
        go.set()
        closing.join(WAIT)
        until(lambda: bool(links) and links[0].closed == 1)


def test_another_process_gets_nothing(relay: Relay, dialer: Dialer) -> None:
    if not relay.target.startswith("unix-abstract:"):
        pytest.skip("the folder of the socket keeps others away")
    code = (
        "import socket, sys\n"
        "stream = socket.socket(socket.AF_UNIX)\n"
        "stream.connect('\\0' + sys.argv[1])\n"
        "sys.exit(len(stream.recv(5)))\n"
    )
    name = relay.target.partition(":")[2]
    done = subprocess.run([sys.executable, "-c", code, name], check=False, timeout=WAIT)
    assert done.returncode == 0
    assert dialer.links == []
    with dial(relay.target) as stream:
        assert stream.recv(5) == b"hello"


def test_a_process_can_tell_its_own_connections() -> None:
    listener, target, folder = listen()
    with listener, dial(target):
        accepted, _ = listener.accept()
        with accepted:
            assert is_own(accepted)
    assert folder is None or folder.stat().st_mode & 0o777 == 0o700


def test_two_relays_have_two_sockets() -> None:
    relays = [Relay(Dialer()), Relay(Dialer())]
    assert relays[0].target != relays[1].target
    for relay in relays:
        relay.close()


def test_a_socket_with_a_file_is_in_a_folder_of_ours() -> None:
    listener, target, folder = listen_in_folder(socket.socket(socket.AF_UNIX))
    with listener:
        assert folder is not None
        assert target == f"unix:{folder}/s"
        assert folder.stat().st_mode & 0o777 == 0o700
        assert folder.stat().st_uid == os.getuid()
        with dial(target):
            listener.accept()[0].close()
    (folder / "s").unlink()
    folder.rmdir()


def test_the_folder_goes_with_the_relay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("okplug_buildkit.connect.relay._HAS_ABSTRACT_NAMES", False)
    dialer = Dialer()
    relay = Relay(dialer)
    path = Path(relay.target.removeprefix("unix:"))
    assert path.is_socket()
    with dial(relay.target) as stream:
        assert stream.recv(5) == b"hello"
    relay.close()
    assert not path.parent.exists()
