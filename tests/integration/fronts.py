"""A server in front of a registry, through which a test sees, delays, changes or ends what is asked."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_OF_A_CONNECTION = ("connection", "transfer-encoding", "content-length", "keep-alive")


@dataclass(frozen=True)
class Request:
    """What a client asks for."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def is_write(self) -> bool:
        """It changes the registry, or is to."""
        return self.method not in {"GET", "HEAD"}

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass
class Answer:
    """What a client gets.

    :param sent: how many bytes of the body are, before the connection ends; None for all.
    """

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    sent: int | None = None


if TYPE_CHECKING:
    Forward = Callable[[], Answer]
    #: gives the answer to a request, None to end the connection without one
    Rule = Callable[[Request, Forward], Answer | None]


def pass_on(_request: Request, forward: Forward) -> Answer | None:
    """Change nothing."""
    return forward()


class Front:
    """A front while it runs.

    :param host: as references have it.
    :param rule: what becomes of each request; a test may set another one.
    :param asked: all requests in the order in which they came.
    """

    def __init__(self, host: str, behind: str, rule: Rule) -> None:
        self.host = host
        self.behind = behind
        self.rule = rule
        self.asked: list[Request] = []

    def writes(self) -> list[Request]:
        """Return the requests that are to change the registry."""
        return [request for request in self.asked if request.is_write]

    def uploaded(self) -> int:
        """Return how many bytes of blobs were sent."""
        return sum(len(each.body) for each in self.asked if "/blobs/uploads/" in each.path)


@contextmanager
def front(behind: str, rule: Rule = pass_on) -> Iterator[Front]:
    """Run a front of a registry.

    :param behind: the registry's host.
    """
    server = _Server(("127.0.0.1", 0), _Handler)
    server.front = Front(f"127.0.0.1:{server.server_port}", behind, rule)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server.front
    finally:
        server.shutdown()
        server.end_connections()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    request_queue_size = 64
    front: Front

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._connections: list[socket.socket] = []

    def process_request(self, request: Any, client_address: Any) -> None:
        """Keep the connection in mind."""
        self._connections.append(request)
        super().process_request(request, client_address)

    def end_connections(self) -> None:
        """End those that clients keep."""
        for connection in self._connections:
            with contextlib.suppress(OSError):  # it may have ended
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: whoever asks may be killed."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    timeout = 30
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.onward = http.client.HTTPConnection(self.server.front.behind)

    def finish(self) -> None:
        self.onward.close()
        with contextlib.suppress(OSError):
            super().finish()

    def _answer(self) -> None:
        request = Request(self.command, self.path, dict(self.headers.items()), self._body())
        front = self.server.front
        front.asked.append(request)
        answer = front.rule(request, lambda: self._forward(request))
        if answer is None:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        else:
            self._say(answer)

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _forward(self, request: Request) -> Answer:
        headers = {
            name: value
            for name, value in request.headers.items()
            if name.lower() not in _OF_A_CONNECTION
        }
        self.onward.request(
            request.method, request.path, request.body if request.is_write else None, headers
        )
        answer = self.onward.getresponse()
        kept = {
            name: value
            for name, value in answer.getheaders()
            if name.lower() not in _OF_A_CONNECTION or request.method == "HEAD"
        }
        return Answer(answer.status, kept, answer.read())

    def _say(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            if name.lower() not in _OF_A_CONNECTION or self.command == "HEAD":
                self.send_header(name, value)
        if self.command != "HEAD":
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body[: answer.sent])
        self.wfile.flush()
        if answer.sent is not None:
            self.close_connection = True

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = _answer  # noqa: N815  # names of the base

    def log_message(self, *_: Any) -> None:
        """Print nothing."""
