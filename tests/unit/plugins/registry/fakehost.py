"""An HTTP server in a thread whose answers the test writes, good and bad ones."""

from __future__ import annotations

import hashlib
import json
import socket
import threading
from collections import defaultdict, deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from okplug.oci import OCI_CONFIG, OCI_MANIFEST

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping


@dataclass(frozen=True)
class Asked:
    """A request as it came.

    :param query: all values by name.
    :param headers: by their names in lower case.
    """

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes

    @property
    def line(self) -> str:
        """Method and path."""
        return f"{self.method} {self.path}"


@dataclass(frozen=True)
class Answer:
    """What to say.

    :param sent: how many bytes of the body are sent before the connection is closed; None for all.
    """

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    sent: int | None = None


#: no answer at all: the connection is closed when the request has come
HANG_UP = Answer(0)


@dataclass(frozen=True)
class HangUpAfter:
    """The connection is closed when so many bytes of the request's body have come."""

    count: int


def refused(status: int, code: str = "", message: str = "", **headers: str) -> Answer:
    """Return an error as registries answer it."""
    body = json.dumps({"errors": [{"code": code, "message": message}]}) if code else ""
    return Answer(status, body.encode(), {k.replace("_", "-"): v for k, v in headers.items()})


class Host:
    """The server.

    :param asked: all requests, in the order in which they came.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.asked: list[Asked] = []
        self._answers: dict[str, deque[Any]] = defaultdict(deque)
        self._server = ThreadingHTTPServer(
            ("127.0.0.1", 0), type("Handler", (_Handler,), {"fake": self})
        )
        self._server.daemon_threads = True
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.scheme = "http" if tls is None else "https"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}
        )
        self._thread.start()

    @property
    def host(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self._server.server_port}"

    @property
    def url(self) -> str:
        """The URL, without a slash at its end."""
        return f"{self.scheme}://{self.host}"

    def on(self, line: str, *answers: object) -> None:
        """Answer a method and path; one after the other, the last again and again.

        :param answers: an ``Answer``, a ``HangUpAfter``, or what makes one of the request.
        """
        self._answers[line] = deque(answers)

    def lines(self) -> list[str]:
        """Return method and path of each request but that for the scheme."""
        return [asked.line for asked in self.asked if asked.line != "GET /v2/"]

    def next_answer(self, line: str) -> Any:
        """Return what the test has for a request."""
        answers = self._answers.get(line)
        if not answers:
            return Answer() if line == "GET /v2/" else refused(404, "NAME_UNKNOWN", "not known")
        return answers.popleft() if len(answers) > 1 else answers[0]

    def close(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    fake: Host

    def _serve(self) -> None:
        answer, asked = self._read()
        self.fake.asked.append(asked)
        while callable(answer):
            answer = answer(asked)
        if answer == HANG_UP or isinstance(answer, HangUpAfter):
            self._hang_up()
        else:
            self._write(answer)

    def _read(self) -> tuple[Any, Asked]:
        parts = urlsplit(self.path)
        answer = self.fake.next_answer(f"{self.command} {parts.path}")
        length = int(self.headers.get("Content-Length") or 0)
        if isinstance(answer, HangUpAfter):
            length = min(answer.count, length)
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(length)
        return answer, Asked(self.command, parts.path, parse_qs(parts.query), headers, body)

    def _write(self, answer: Answer) -> None:
        self.send_response(answer.status)
        headers = {"Content-Length": str(len(answer.body)), **answer.headers}
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body[: answer.sent])
        if answer.sent is not None:
            self._hang_up()

    def _hang_up(self) -> None:
        self.wfile.flush()
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def handle(self) -> None:
        """Serve, and be silent about clients that hang up."""
        try:
            super().handle()
        except OSError:
            self.close_connection = True

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


for _method in ("GET", "HEAD", "PUT", "POST", "PATCH", "DELETE"):
    setattr(_Handler, f"do_{_method}", _Handler._serve)


# -------------------------------------------------------------------------------- what registries do


def digest_of(data: bytes) -> str:
    """Return the sha256 digest."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def manifest(**fields: object) -> bytes:
    """Return an image's manifest without layers."""
    config = {"mediaType": OCI_CONFIG, "digest": digest_of(b"{}"), "size": 2}
    document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": []}
    return json.dumps({**document, **fields}).encode()


def found(data: bytes, media_type: str = OCI_MANIFEST) -> Answer:
    """Return the answer that brings a manifest."""
    headers = {"Content-Type": media_type, "Docker-Content-Digest": digest_of(data)}
    return Answer(200, data, headers)


class Uploads:
    """A registry's part in uploads of blobs to one repository.

    :param blobs: what is there, by digest.
    :param faults: HTTP method -> what to answer in place of the next requests of it.
    :param forgets: a broken upload cannot be asked for.
    """

    def __init__(self, host: Host, repository: str, *, forgets: bool = False) -> None:
        self.blobs: dict[str, bytes] = {}
        self.faults: dict[str, list[object]] = {}
        self.received = b""
        self.cancelled = 0
        self._repository = repository
        self._forgets = forgets
        self.least_chunk = ""
        self._path = f"/v2/{repository}/blobs/uploads/1"
        host.on(f"POST /v2/{repository}/blobs/uploads/", self._faulty(self._begin))
        for method, function in {
            "GET": self._tell,
            "PATCH": self._append,
            "PUT": self._end,
            "DELETE": self._cancel,
        }.items():
            host.on(f"{method} {self._path}", self._faulty(function))
        self._host = host

    def _faulty(self, function: Callable[[Asked], Answer]) -> Callable[[Asked], object]:
        def answer(asked: Asked) -> object:
            faults = self.faults.get(asked.method)
            return faults.pop(0) if faults else function(asked)

        return answer

    def keep(self, data: bytes) -> Answer:
        """Take some bytes in and then hang up."""
        self.received += data
        return HANG_UP

    def _begin(self, asked: Asked) -> Answer:
        del asked
        self.received = b""
        headers = {"Location": self._path}
        if self.least_chunk:
            headers["OCI-Chunk-Min-Length"] = self.least_chunk
        return Answer(202, headers=headers)

    def _range(self) -> dict[str, str]:
        return {"Location": self._path, "Range": f"0-{max(len(self.received) - 1, 0)}"}

    def _tell(self, asked: Asked) -> Answer:
        del asked
        if self._forgets:
            return refused(404, "BLOB_UPLOAD_UNKNOWN", "no such upload")
        return Answer(204, headers=self._range())

    def _append(self, asked: Asked) -> Answer:
        start, _, end = asked.headers["content-range"].partition("-")
        if int(start) != len(self.received) or int(end) + 1 - int(start) != len(asked.body):
            return Answer(416, headers=self._range())
        self.received += asked.body
        return Answer(202, headers=self._range())

    def _end(self, asked: Asked) -> Answer:
        data, (digest,) = self.received + asked.body, asked.query["digest"]
        if digest_of(data) != digest:
            return refused(400, "DIGEST_INVALID", "not what was promised")
        self.store(data)
        return Answer(201, headers={"Docker-Content-Digest": digest})

    def store(self, data: bytes) -> None:
        """Make a blob be there."""
        self.blobs[digest_of(data)] = data
        path = f"/v2/{self._repository}/blobs/{digest_of(data)}"
        self._host.on(f"HEAD {path}", Answer(200, headers={"Content-Length": str(len(data))}))
        self._host.on(f"GET {path}", Answer(200, data))

    def _cancel(self, asked: Asked) -> Answer:
        del asked
        self.cancelled += 1
        return Answer(204)
