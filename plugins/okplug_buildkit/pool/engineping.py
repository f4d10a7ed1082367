"""Whether a Docker engine is there that has a BuildKit inside."""

from __future__ import annotations

import socket
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

from okplug_buildkit.pool.suitability import is_old_engine

_PORT = 2375
_TLS_PORT = 2376


def refusal(address: str, timeout: float, *, is_tls: bool) -> str | None:
    """Return why an engine cannot be used, None if it can as far as one sees from here.

    An engine behind TLS is asked for a connection only, and one behind ssh for nothing, because
    that would take a process.

    :param address: as ``DOCKER_HOST`` has it.
    :param timeout: seconds to wait for each answer.
    :param is_tls: whether it listens with TLS, of a host.
    """
    try:
        return _refusal(address, timeout, is_tls=is_tls)
    except (OSError, ValueError, HTTPException) as error:
        return _reason(error)


def _refusal(address: str, timeout: float, *, is_tls: bool) -> str | None:
    parts = urlsplit(address)
    host = parts.hostname or ""
    match parts.scheme:
        case "unix":
            return _ping(_UnixConnection(parts.netloc + parts.path, timeout))
        case "https" | "tcp" if is_tls or parts.scheme == "https":
            socket.create_connection((host, parts.port or _TLS_PORT), timeout).close()
            return None
        case "http" | "tcp":
            return _ping(HTTPConnection(host, parts.port or _PORT, timeout))
        case "ssh":
            return None
    return "its address begins with none of unix://, tcp:// and ssh://"


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "it does not answer"
    if isinstance(error, HTTPException):
        return "it does not speak HTTP"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror[:1].lower() + error.strerror[1:]
    return str(error)


def _ping(connection: HTTPConnection) -> str | None:
    """Ask for ``/_ping``; only an engine that has a BuildKit names the version of its builder."""
    try:
        connection.request("GET", "/_ping")
        answer = connection.getresponse()
        if answer.status != 200:  # noqa: PLR2004  # HTTP's OK
            return f"it answers /_ping with status {answer.status}"
        if answer.headers.get("Libpod-Api-Version"):
            return "it is a Podman, which has no BuildKit"
        version = answer.headers.get("Api-Version", "")
        if is_old_engine(version):
            return f"its BuildKit is too old: its API is {version}, and okplug needs 1.45 or later"
        if not answer.headers.get("Builder-Version"):
            return "it has no BuildKit"
    finally:
        connection.close()
    return None


class _UnixConnection(HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)
