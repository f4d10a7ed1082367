"""The BuildKit inside a Docker engine.

An engine's API speaks HTTP/1.1, and ``POST /grpc`` turns a connection into one that speaks gRPC.
From version 29 on the API may speak gRPC by itself, and at some time ``/grpc`` will go; so the
engine is asked, whatever its version says.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from okplug_buildkit.connect.enginesockets import EngineSocket, open_engine, open_unix
from okplug_buildkit.connect.relay import DialError
from okplug_buildkit.connect.splice import Splice

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping

    from okplug_buildkit.connect.endpoints import Endpoint

_UPGRADE = (
    b"POST /grpc HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n"
    b"Content-Length: 0\r\n\r\n"
)
#: how a client begins HTTP/2, with a frame of no settings
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"
#: the type of the first frame that a server sends, in its fourth byte
_SETTINGS = 4
_HEAD_LIMIT = 64 * 1024
_REASON_LIMIT = 1024
#: seconds for the body of an answer that may have none
_REASON_PATIENCE = 0.5
_NO_BUILDKIT = "take a Docker engine from version 26 on, or a buildkitd of your own: BUILDKIT_HOST"
_SET_TLS = "set DOCKER_TLS_VERIFY=1, and DOCKER_CERT_PATH to the folder of the certificates"


def speaks_http2(path: str) -> bool:
    """Tell whether what listens on a Unix socket speaks HTTP/2 without being asked for it."""
    try:
        with closing(open_unix(path)) as stream:
            stream.sendall(_PREFACE)
            begin = stream.recv(4)
    except OSError:
        return False
    return len(begin) == 4 and begin[3] == _SETTINGS  # noqa: PLR2004  # as many as asked for


class EngineDialer:
    """Joins connections to the BuildKit of an engine.

    :param environ: for the ``ssh`` that leads to an engine elsewhere.
    """

    def __init__(self, endpoint: Endpoint, environ: Mapping[str, str]) -> None:
        self._endpoint = endpoint
        self._environ = environ

    def __call__(self, connection: socket.socket) -> EngineLink:
        """Connect to the engine, and have it speak gRPC.

        :raises DialError: if it cannot be reached, or has no BuildKit.
        """
        engine = self._open("http/1.1")
        try:
            upgrade(engine.stream)
        except DialError:
            complaint = engine.complaint()
            engine.close()
            if complaint:
                raise DialError(complaint) from None
            if self._endpoint.tls is None:
                raise
            # behind TLS, an engine that speaks gRPC by itself says so
            engine = self._open("h2")
        return EngineLink(engine, connection)

    def _open(self, protocol: str) -> EngineSocket:
        return open_engine(self._endpoint, self._environ, protocol)


class EngineLink:
    """A connection that is joined to an engine, a ``Link``."""

    def __init__(self, engine: EngineSocket, connection: socket.socket) -> None:
        self._engine = engine
        self._splice = Splice(connection, engine.stream)

    def is_over(self) -> bool:
        """Tell whether one side has ended."""
        if not self._splice.is_over():
            return False
        self.close()
        return True

    def complaint(self) -> str:
        """Return what the ``ssh`` in between has to say, ``""`` without one."""
        return self._engine.complaint()

    def close(self) -> None:
        """End the connection."""
        self._splice.close()
        self._engine.close()


def upgrade(stream: socket.socket) -> None:
    """Ask an engine to speak gRPC from here on.

    :raises DialError: if it does not.
    """
    try:
        stream.sendall(_UPGRADE)
        head = _read_head(stream)
    except OSError as error:
        reason = error.strerror or str(error)
        raise DialError(f"the Docker engine does not answer: {reason}") from error
    if not head:
        raise DialError("the Docker engine does not answer: it ends the connection")
    status = head.partition(b"\r\n")[0].decode("ascii", "replace")
    if not status.startswith("HTTP/1.1 101"):
        raise _refusal(status.partition(" ")[2], stream)


def _refusal(status: str, stream: socket.socket) -> DialError:
    """Return what to raise for another answer than gRPC; what follows it may say why."""
    try:
        stream.settimeout(_REASON_PATIENCE)
        reason = stream.recv(_REASON_LIMIT)
    except OSError:
        reason = b""
    if b"HTTPS" in reason:
        return DialError("the Docker engine speaks only TLS there", _SET_TLS)
    return DialError(
        f"the Docker engine has no BuildKit: it answers {status or 'nothing'} to POST /grpc",
        _NO_BUILDKIT,
    )


def _read_head(stream: socket.socket) -> bytes:
    """Return an answer's head, byte by byte: what follows it is gRPC's; empty if it has no end."""
    head = bytearray()
    while not head.endswith(b"\r\n\r\n") and len(head) < _HEAD_LIMIT:
        byte = stream.recv(1)
        if not byte:
            return b""
        head += byte
    return bytes(head)
