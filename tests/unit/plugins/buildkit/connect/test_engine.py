"""The way through a Docker engine, with engines that are played."""

from __future__ import annotations

import os
import socket
import ssl
import sys
import threading
from typing import TYPE_CHECKING, Self

import pytest

from okplug_buildkit.connect.addresses import parse_address
from okplug_buildkit.connect.endpoints import Endpoint
from okplug_buildkit.connect.engine import EngineDialer, speaks_http2, upgrade
from okplug_buildkit.connect.enginesockets import open_unix
from okplug_buildkit.connect.relay import DialError
from okplug_buildkit.connect.tls import TLSFiles, load_tls
from tests.fakedaemon import FakeDaemon

if TYPE_CHECKING:
    from pathlib import Path

    from tests.certificates import Authority

WAIT = 10
SWITCHED = b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}"
REQUEST = (
    b"POST /grpc HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n"
    b"Content-Length: 0\r\n\r\n"
)


class Engine:
    """Answers the request for gRPC, and afterwards echoes in capitals.

    :param answer: what it says first; ``hello`` comes right after it, in the same packet.
    """

    def __init__(
        self, listener: socket.socket, answer: bytes, context: ssl.SSLContext | None = None
    ) -> None:
        self.requests: list[bytes] = []
        self.protocols: list[str | None] = []
        self._listener = listener
        self._answer = answer
        self._context = context
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(WAIT)

    def _serve(self) -> None:
        while True:
            try:
                stream, _ = self._listener.accept()
            except OSError:
                return
            with stream:
                stream.settimeout(WAIT)
                self._talk(stream)

    def _talk(self, stream: socket.socket) -> None:
        if self._context:
            with self._context.wrap_socket(stream, server_side=True) as secured:
                self.protocols.append(secured.selected_alpn_protocol())
                self._say(secured)
        else:
            self._say(stream)

    def _say(self, stream: socket.socket) -> None:
        if self.protocols[-1:] != ["h2"]:
            self.requests.append(stream.recv(4096))
            stream.sendall(self._answer + b"hello")
            if b" 101 " not in self._answer:
                return
        while data := stream.recv(4096):
            stream.sendall(data.upper())


def listen(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    return listener


def unix(path: Path) -> Endpoint:
    return Endpoint(parse_address(f"unix://{path}"))


def joined(dialer: EngineDialer, expected: bytes) -> None:
    """Dial, talk through the link, and close it."""
    ours, theirs = socket.socketpair()
    with ours:
        ours.settimeout(WAIT)
        link = dialer(theirs)
        ours.sendall(b"abc")
        got = b""
        while len(got) < len(expected):
            part = ours.recv(99)
            assert part
            got += part
        assert got == expected
        assert not link.is_over()
        link.close()
        assert link.is_over()
        assert ours.recv(1) == b""
        assert link.complaint() == ""


def refusal(dialer: EngineDialer) -> DialError:
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(DialError) as caught:
        dialer(theirs)
    return caught.value


def test_an_engine_is_asked_to_speak_grpc(short_folder: Path) -> None:
    path = short_folder / "docker.sock"
    with Engine(listen(path), SWITCHED) as engine:
        joined(EngineDialer(unix(path), {}), b"helloABC")
    assert engine.requests == [REQUEST]


def test_an_engine_without_buildkit(short_folder: Path) -> None:
    path = short_folder / "docker.sock"
    with Engine(listen(path), NOT_FOUND):
        error = refusal(EngineDialer(unix(path), {}))
    assert error.message == (
        "the Docker engine has no BuildKit: it answers 404 Not Found to POST /grpc"
    )
    assert error.hint.startswith("take a Docker engine from version 26 on, ")


def test_an_engine_that_speaks_only_tls(short_folder: Path) -> None:
    path = short_folder / "docker.sock"
    answer = b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"
    with Engine(listen(path), answer):
        error = refusal(EngineDialer(unix(path), {}))
    assert error.message == "the Docker engine speaks only TLS there"
    assert error.hint.startswith("set DOCKER_TLS_VERIFY=1, ")


def test_an_engine_that_is_not_there(short_folder: Path) -> None:
    error = refusal(EngineDialer(unix(short_folder / "gone"), {}))
    assert error.message == (
        f"the Docker engine at unix://{short_folder}/gone: No such file or directory"
    )
    assert error.hint == "start the engine, or set DOCKER_HOST to where it listens"


def test_an_engine_at_a_port() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    address = parse_address(f"tcp://127.0.0.1:{listener.getsockname()[1]}")
    with Engine(listener, SWITCHED):
        joined(EngineDialer(Endpoint(address), {}), b"helloABC")
    assert "Connection refused" in refusal(EngineDialer(Endpoint(address), {})).message


@pytest.mark.parametrize(
    ("answer", "protocols", "expected"),
    [(SWITCHED, ["http/1.1"], b"helloABC"), (NOT_FOUND, ["http/1.1", "h2"], b"ABC")],
)
def test_an_engine_behind_tls_may_speak_grpc_by_itself(
    authority: Authority, answer: bytes, protocols: list[str], expected: bytes
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.folder / "server.pem", authority.folder / "server.key")
    context.set_alpn_protocols(["h2", "http/1.1"])
    listener = socket.create_server(("127.0.0.1", 0))
    address = parse_address(f"tcp://127.0.0.1:{listener.getsockname()[1]}")
    tls = load_tls(TLSFiles(authority.ca), ("ca", "cert", "key"))
    with Engine(listener, answer, context) as engine:
        joined(EngineDialer(Endpoint(address, tls), {}), expected)
    assert engine.protocols == protocols


SSH = """\
import os, sys
if sys.argv[-1] != "dial-stdio":
    sys.exit("unexpected")
if "gone" in sys.argv:
    sys.exit("ssh: Could not resolve hostname gone")
os.read(0, 4096)
os.write(1, b"HTTP/1.1 101 UPGRADED\\r\\n\\r\\n" + " ".join(sys.argv[1:]).encode())
while data := os.read(0, 4096):
    os.write(1, data.upper())
"""


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """An environment with an ssh that stays here."""
    ssh = tmp_path / "ssh"
    ssh.write_text(f"#!{sys.executable} -I\n{SSH}")
    ssh.chmod(0o755)
    return {"PATH": f"{tmp_path}:{os.defpath}"}


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("ssh://me@build", b"-l me -- build docker system dial-stdio"),
        ("ssh://build/run/d.sock", b"-- build docker --host unix:///run/d.sock system dial-stdio"),
    ],
)
def test_an_engine_beyond_ssh(environ: dict[str, str], address: str, words: bytes) -> None:
    joined(EngineDialer(Endpoint(parse_address(address)), environ), words + b"ABC")


def test_what_ssh_complains_of_is_the_failure(environ: dict[str, str]) -> None:
    error = refusal(EngineDialer(Endpoint(parse_address("ssh://gone")), environ))
    assert error.message == "ssh: Could not resolve hostname gone"


def test_no_ssh() -> None:
    error = refusal(EngineDialer(Endpoint(parse_address("ssh://build")), {"PATH": "/nowhere"}))
    assert error.message == "cannot start ssh: No such file or directory"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"", "does not answer: it ends the connection"),
        (b"HTTP/1.1 101 UPGRA", "does not answer: it ends the connection"),
        (b"\0" * 70_000, "has no BuildKit: it answers nothing to POST /grpc"),
    ],
)
def test_half_an_answer_is_none(answer: bytes, reason: str) -> None:
    ours, theirs = socket.socketpair()

    def reply() -> None:
        with theirs:
            assert theirs.recv(4096) == REQUEST
            theirs.sendall(answer)

    engine = threading.Thread(target=reply)
    engine.start()
    with ours:
        ours.settimeout(WAIT)
        with pytest.raises(DialError) as caught:
            upgrade(ours)
        assert caught.value.message == f"the Docker engine {reason}"
        ours.recv(70_000)
        engine.join(WAIT)


def test_no_answer_is_a_failure() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(0.05)
        with pytest.raises(DialError, match="the Docker engine does not answer: timed out"):
            upgrade(ours)


def test_who_speaks_http_2(short_folder: Path) -> None:
    grpc, http = short_folder / "grpc", short_folder / "http"
    with FakeDaemon(f"unix:{grpc}"), Engine(listen(http), b"HTTP/1.1 400 Bad Request\r\n\r\n"):
        assert speaks_http2(str(grpc))
        assert not speaks_http2(str(http))
    assert not speaks_http2(str(short_folder / "gone"))


def test_a_socket_that_cannot_be_connected_is_closed(short_folder: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_unix(str(short_folder / "gone"))
