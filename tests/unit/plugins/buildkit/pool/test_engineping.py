"""Whether an engine has a BuildKit, as far as ``/_ping`` tells."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

import pytest

from okplug_buildkit.pool.engineping import refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

DOCKER = (
    b"HTTP/1.1 200 OK\r\nApi-Version: 1.51\r\nBuilder-Version: 2\r\nContent-Length: 2\r\n\r\nOK"
)
PODMAN = (
    b"HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nBuilder-Version: 2\r\n"
    b"Libpod-Api-Version: 5.0.0\r\nContent-Length: 2\r\n\r\nOK"
)


class Engine:
    """Gives one answer, and remembers what it was asked."""

    def __init__(self, listener: socket.socket, answer: bytes) -> None:
        self.listener = listener
        self.answer = answer
        self.heard = b""
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self) -> None:
        """Answer until the listener is closed."""
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                self.heard += connection.recv(4096)
                connection.sendall(self.answer)

    def stop(self) -> None:
        """End it."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.listener.close()


@pytest.fixture
def serve(short: Path) -> Iterator[Callable[[bytes], tuple[str, Engine]]]:
    """Start engines on Unix sockets."""
    engines: list[Engine] = []

    def start(answer: bytes) -> tuple[str, Engine]:
        path = short / f"{len(engines)}.sock"
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        listener.listen()
        engines.append(Engine(listener, answer))
        return f"unix://{path}", engines[-1]

    yield start
    for engine in engines:
        engine.stop()


@pytest.fixture
def port() -> Iterator[socket.socket]:
    """A listener on the loopback interface that accepts and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


def test_an_engine_with_buildkit(serve: Callable[[bytes], tuple[str, Engine]]) -> None:
    address, engine = serve(DOCKER)
    assert refusal(address, 5, is_tls=False) is None
    assert engine.heard.startswith(b"GET /_ping HTTP/1.1\r\n")


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (PODMAN, "it is a Podman, which has no BuildKit"),
        (DOCKER.replace(b"Builder-Version: 2\r\n", b""), "it has no BuildKit"),
        (DOCKER.replace(b"Builder-Version: 2", b"Builder-Version:"), "it has no BuildKit"),
        (
            DOCKER.replace(b"1.51", b"1.44"),
            "its BuildKit is too old: its API is 1.44, and okplug needs 1.45 or later",
        ),
        (DOCKER.replace(b"200 OK", b"503 Busy"), "it answers /_ping with status 503"),
        (b"SSH-2.0-OpenSSH_9\r\n", "it does not speak HTTP"),
        (b"", "it does not speak HTTP"),
    ],
)
def test_what_has_none(
    serve: Callable[[bytes], tuple[str, Engine]], answer: bytes, cause: str
) -> None:
    assert refusal(serve(answer)[0], 5, is_tls=False) == cause


def test_a_socket_that_is_not_there(short: Path) -> None:
    assert refusal(f"unix://{short}/none", 5, is_tls=False) == "no such file or directory"


def test_a_socket_that_nobody_listens_on(short: Path) -> None:
    with socket.socket(socket.AF_UNIX) as unheard:
        unheard.bind(str(short / "s"))
    assert refusal(f"unix://{short}/s", 5, is_tls=False) == "connection refused"


def test_a_path_too_long_for_a_socket() -> None:
    assert refusal(f"unix:///{'x' * 200}", 5, is_tls=False) == "AF_UNIX path too long"


def test_an_engine_on_a_port(port: socket.socket) -> None:
    engine = Engine(port, DOCKER)
    address = f"tcp://127.0.0.1:{port.getsockname()[1]}"
    try:
        assert refusal(address, 5, is_tls=False) is None
        assert refusal(address.replace("tcp", "http"), 5, is_tls=False) is None
    finally:
        engine.stop()


def test_an_engine_that_says_nothing(port: socket.socket) -> None:
    number = port.getsockname()[1]
    assert refusal(f"tcp://127.0.0.1:{number}", 0.05, is_tls=False) == "it does not answer"


def test_behind_tls_a_connection_has_to_do(port: socket.socket) -> None:
    number = port.getsockname()[1]
    assert refusal(f"tcp://127.0.0.1:{number}", 0.05, is_tls=True) is None
    assert refusal(f"https://127.0.0.1:{number}", 0.05, is_tls=False) is None
    port.close()
    address = f"tcp://127.0.0.1:{number}"
    assert refusal(address, 5, is_tls=True) == "connection refused"


def test_behind_ssh_nobody_is_asked() -> None:
    assert refusal("ssh://cindy@docker.example.com", 0.01, is_tls=False) is None


@pytest.mark.parametrize("address", ["docker.example.com:2375", "npipe:////./pipe/docker", "fd://"])
def test_other_addresses(address: str) -> None:
    expected = "its address begins with none of unix://, tcp:// and ssh://"
    assert refusal(address, 0.01, is_tls=False) == expected


def test_a_port_that_is_no_number() -> None:
    cause = refusal("tcp://docker:port", 0.01, is_tls=False)
    assert cause is not None
    assert "port" in cause.lower()
