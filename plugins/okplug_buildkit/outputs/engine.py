"""Load images into a Docker engine, after its API: ``POST /images/load``."""

from __future__ import annotations

import json
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from typing import IO, TYPE_CHECKING

from okplug import BuildError
from okplug_buildkit.connect.addresses import parse_address
from okplug_buildkit.connect.endpoints import engine_endpoint
from okplug_buildkit.connect.enginesockets import open_engine
from okplug_buildkit.connect.relay import DialError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from okplug_buildkit.connect.endpoints import Endpoint
    from okplug_buildkit.connect.enginesockets import EngineSocket

#: seconds that the engine may take to unpack an image
_PATIENCE = 600.0
_OK = 200


def load_archive(archive: IO[bytes], size: int, environ: Mapping[str, str]) -> None:
    """Load an image into the engine of ``DOCKER_HOST``, else of the usual socket.

    :param archive: as ``docker save`` writes it, from where it stands.
    :param size: of it in bytes.
    :raises BuildError: if the engine cannot be reached, or does not take it.
    """
    endpoint = engine_endpoint(parse_address("docker://"), environ)
    headers = {"Content-Type": "application/x-tar", "Content-Length": str(size)}
    try:
        with closing(_EngineConnection(endpoint, environ)) as connection:
            connection.request("POST", "/images/load?quiet=1", archive, headers)
            answer = connection.getresponse()
            text = answer.read().decode("utf-8", "replace")
    except (DialError, OSError, HTTPException) as error:
        raise BuildError(
            f"the image cannot be loaded into the Docker engine at {endpoint}: {error}",
            hint="start the engine, or name it with DOCKER_HOST",
        ) from error
    problem = _problem(text)
    if answer.status != _OK:
        problem = _message(text) or f"status {answer.status}"
    if problem:
        raise BuildError(f"the Docker engine at {endpoint} does not take the image: {problem}")


class _EngineConnection(HTTPConnection):
    """HTTP over whatever leads to the engine."""

    def __init__(self, endpoint: Endpoint, environ: Mapping[str, str]) -> None:
        super().__init__("docker", timeout=_PATIENCE)
        self._endpoint = endpoint
        self._environ = environ
        self._engine: EngineSocket | None = None

    def connect(self) -> None:
        """Connect to the engine."""
        self._engine = open_engine(self._endpoint, self._environ, "http/1.1")
        self.sock = self._engine.stream
        self.sock.settimeout(_PATIENCE)

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
