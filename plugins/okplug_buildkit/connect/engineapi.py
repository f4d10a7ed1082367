"""What else a Docker engine is asked, by its API: to take images, and to hand them out."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from typing import IO, TYPE_CHECKING

from okplug import BuildError
from okplug_buildkit.connect.enginesockets import open_engine
from okplug_buildkit.connect.relay import DialError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from http.client import HTTPResponse

    from okplug_buildkit.connect.endpoints import Endpoint
    from okplug_buildkit.connect.enginesockets import EngineSocket

#: seconds that an engine may take to pack or unpack an image
_PATIENCE = 600.0
#: seconds that it may take to remove one
_SHORT = 10.0
_OK, _NOT_FOUND = 200, 404
_ASKED = "the image cannot be had from"
_START = "start the engine, or name it with DOCKER_HOST"


class EngineAPI:
    """The images of an engine; usable from several threads.

    :param environ: for the ``ssh`` that leads to an engine elsewhere.
    """

    def __init__(self, endpoint: Endpoint, environ: Mapping[str, str]) -> None:
        self.endpoint = endpoint
        self._environ = environ
        self._lock = threading.Lock()
        self._connections: set[_EngineConnection] = set()
        self._is_interrupted = False

    def interrupt(self) -> None:
        """End all that is under way and may be long, and refuse any more of it."""
        with self._lock:
            self._is_interrupted = True
            connections = tuple(self._connections)
        for connection in connections:
            connection.interrupt()

    def load(self, archive: IO[bytes], size: int) -> None:
        """Have the engine take an image.

        :param archive: as ``docker save`` writes it, from where it stands.
        :param size: of it in bytes.
        :raises BuildError: if the engine cannot be reached, or does not take it.
        """
        headers = {"Content-Type": "application/x-tar", "Content-Length": str(size)}
        failure = "the image cannot be loaded into"
        with self._ask("POST", "/images/load?quiet=1", failure, archive, headers) as answer:
            text = answer.read().decode("utf-8", "replace")
        problem = _problem(text)
        if answer.status != _OK:
            problem = _message(text) or f"status {answer.status}"
        if problem:
            raise BuildError(
                f"the Docker engine at {self.endpoint} does not take the image: {problem}"
            )

    def layers(self, image: str) -> tuple[str, ...]:
        """Return the digests of an image's layers as they are without compression.

        :raises BuildError: if the engine cannot be reached, or has no such image.
        """
        with self._ask("GET", f"/images/{image}/json", _ASKED) as answer:
            text = self._checked(answer).read()
        document = json.loads(text)
        return tuple(document["RootFS"].get("Layers") or ())

    @contextmanager
    def save(self, image: str) -> Iterator[IO[bytes]]:
        """Have the engine hand an image out, as ``docker save`` writes it.

        :raises BuildError: if the engine cannot be reached, or has no such image.
        """
        with self._ask("GET", f"/images/{image}/get", _ASKED) as answer:
            yield self._checked(answer)

    def remove(self, image: str) -> None:
        """Remove the name of an image, and with its last name the image; there may be none.

        :raises BuildError: if the engine cannot be reached, or keeps it.
        """
        with self._ask("DELETE", f"/images/{image}", _ASKED, patience=_SHORT) as answer:
            if answer.status != _NOT_FOUND:
                self._checked(answer).read()

    @contextmanager
    def _ask(
        self,
        method: str,
        path: str,
        failure: str,
        body: IO[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        patience: float = _PATIENCE,
    ) -> Iterator[HTTPResponse]:
        """Send a request, and have its answer; a shorter patience makes it no matter of length."""
        connection = _EngineConnection(self.endpoint, self._environ, patience)
        try:
            if patience == _PATIENCE:
                self._register(connection)
            connection.request(method, path, body, headers or {})
            with connection.getresponse() as answer:
                yield answer
        except (DialError, OSError, HTTPException) as error:
            message = f"{failure} the Docker engine at {self.endpoint}: {error}"
            raise BuildError(message, hint=_START) from error
        finally:
            with self._lock:
                self._connections.discard(connection)
            connection.close()

    def _register(self, connection: _EngineConnection) -> None:
        with self._lock:
            if self._is_interrupted:
                raise DialError("interrupted")
            self._connections.add(connection)

    def _checked(self, answer: HTTPResponse) -> HTTPResponse:
        if answer.status == _OK:
            return answer
        text = answer.read().decode("utf-8", "replace")
        problem = _message(text) or f"status {answer.status}"
        raise BuildError(f"the Docker engine at {self.endpoint} says: {problem}")


class _EngineConnection(HTTPConnection):
    """HTTP over whatever leads to the engine."""

    def __init__(self, endpoint: Endpoint, environ: Mapping[str, str], patience: float) -> None:
        super().__init__("docker", timeout=patience)
        self._patience = patience
        self._endpoint = endpoint
        self._environ = environ
        self._engine: EngineSocket | None = None

    def connect(self) -> None:
        """Connect to the engine."""
        self._engine = open_engine(self._endpoint, self._environ, "http/1.1")
        self.sock = self._engine.stream
        self.sock.settimeout(self._patience)

    def interrupt(self) -> None:
        """End the connection from another thread."""
        with suppress(OSError):
            if self._engine:
                self._engine.stream.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """End the connection, and the process that carries it if there is one."""
        super().close()
        if self._engine:
            self._engine.close()


def _problem(text: str) -> str:
    """Return the error among the engine's messages, which come after its status."""
    for line in text.splitlines():
        try:
            message = json.loads(line)
        except ValueError:
            continue
        if isinstance(message, dict) and message.get("error"):
            return str(message["error"])
    return ""


def _message(text: str) -> str:
    try:
        document = json.loads(text)
    except ValueError:
        return ""
    return str(document.get("message", "")) if isinstance(document, dict) else ""
