"""What the tests of registries over HTTP share."""

from __future__ import annotations

import json
import ssl
from typing import TYPE_CHECKING

import pytest

from okplug.credentials import Credentials
from okplug.reference import Reference
from okplug_registry.registry import HttpRegistry
from okplug_registry.server import Address, Server
from okplug_registry.transport import Transport
from tests.unit.plugins.registry.fakehost import Host

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def hosts() -> Iterator[Callable[[], Host]]:
    """Return what starts a server."""
    started: list[Host] = []

    def start() -> Host:
        started.append(Host())
        return started[-1]

    yield start
    for host in started:
        host.close()


@pytest.fixture
def host(hosts: Callable[[], Host]) -> Host:
    """Return a server that knows nothing yet."""
    return hosts()


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """Return the environment, with a home of its own."""
    return {"HOME": str(tmp_path)}


@pytest.fixture
def log_in(tmp_path: Path) -> Callable[..., None]:
    """Return what writes credentials for a host into Docker's configuration."""

    def write(host: str, **entry: str) -> None:
        path = tmp_path / ".docker/config.json"
        path.parent.mkdir(exist_ok=True)
        known = json.loads(path.read_text())["auths"] if path.exists() else {}
        path.write_text(json.dumps({"auths": {**known, host: entry}}))

    return write


@pytest.fixture
def transport(environ: dict[str, str]) -> Iterator[Transport]:
    """Return connections that wait for nothing between tries."""
    transport = Transport(environ, ssl.create_default_context, timeout=5, pause=0)
    yield transport
    transport.close()


@pytest.fixture
def server(host: Host, transport: Transport, environ: dict[str, str]) -> Server:
    """Return the API of the server."""
    return Server(Address(host.host, host.host, "http"), transport, Credentials(environ))


@pytest.fixture
def registry(host: Host, server: Server) -> HttpRegistry:
    """Return the registry of the server."""
    return HttpRegistry(host.host, server)


@pytest.fixture
def api(host: Host) -> Reference:
    """Return a tag."""
    return Reference(host.host, "okteto/api", "1.0")
