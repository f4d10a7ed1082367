"""Connections to the API of a Docker engine."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING

from okplug_buildkit.connect.childcommands import ssh_command
from okplug_buildkit.connect.children import ChildDialer
from okplug_buildkit.connect.relay import DialError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from okplug_buildkit.connect.addresses import Address
    from okplug_buildkit.connect.children import Child
    from okplug_buildkit.connect.endpoints import Endpoint
    from okplug_buildkit.connect.tls import TLS

#: seconds for an engine to answer
PATIENCE = 10.0
_HINT = "start the engine, or set DOCKER_HOST to where it listens"


class EngineSocket:
    """A connection to an engine, and the child process that carries it if there is one."""

    def __init__(self, stream: socket.socket, child: Child | None = None) -> None:
        self.stream = stream
        self.child = child

    def complaint(self) -> str:
        """Return what the child process has to say, ``""`` without one."""
        return self.child.complaint() if self.child else ""

    def close(self) -> None:
        """End both."""
        self.stream.close()
        if self.child:
            self.child.close()


def open_engine(endpoint: Endpoint, environ: Mapping[str, str], protocol: str) -> EngineSocket:
    """Connect to an engine.

    :param protocol: what is to be spoken, as ALPN names it.
    :raises DialError: if it cannot be reached.
    """
    address = endpoint.address
    try:
        if address.scheme == "ssh":
            return _open_ssh(address, environ)
        if address.scheme == "unix":
            return EngineSocket(open_unix(address.path))
        return EngineSocket(_open_tcp(address, endpoint.tls, protocol))
    except OSError as error:
        reason = error.strerror or str(error)
        raise DialError(f"the Docker engine at {address}: {reason}", _HINT) from error


def open_unix(path: str) -> socket.socket:
    """Connect to a Unix socket.

    :raises OSError: if nothing listens there.
    """
    with ExitStack() as opened:
        stream = opened.enter_context(socket.socket(socket.AF_UNIX))
        stream.settimeout(PATIENCE)
        stream.connect(path)
        opened.pop_all()
    return stream


def _open_tcp(address: Address, tls: TLS | None, protocol: str) -> socket.socket:
    with ExitStack() as opened:
        plain = socket.create_connection((address.host, address.port), PATIENCE)
        opened.enter_context(plain)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stream = plain
        if tls is not None:
            stream = tls.context(protocol).wrap_socket(plain, server_hostname=address.host)
        opened.pop_all()
    return stream


def _open_ssh(address: Address, environ: Mapping[str, str]) -> EngineSocket:
    host = ("--host", f"unix://{address.path}") if address.path else ()
    command = (*ssh_command(address), "docker", *host, "system", "dial-stdio")
    near, far = socket.socketpair()
    near.settimeout(PATIENCE)
    try:
        return EngineSocket(near, ChildDialer(command, environ)(far))
    except DialError:
        near.close()
        raise
