"""How gRPC gets to a daemon."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from okplug import UsageError
from okplug_buildkit.connect.childcommands import dial_command

if TYPE_CHECKING:
    from okplug_buildkit.connect.addresses import Address
    from okplug_buildkit.connect.options import ChannelOptions
    from okplug_buildkit.connect.relay import Relay
    from okplug_buildkit.connect.tls import TLS


@dataclass(frozen=True, slots=True)
class Route:
    """How gRPC gets to a daemon.

    :param target: as gRPC names it.
    :param authority: what the daemon is called.
    :param token: a bearer token for every call, ``""`` for none.
    :param relay: the socket in between, which whoever takes the route closes.
    """

    target: str
    authority: str = "localhost"
    tls: TLS | None = None
    token: str = ""
    relay: Relay | None = None


def find_route(address: Address, options: ChannelOptions) -> Route:
    """Return how gRPC gets to an address; nothing is connected yet.

    :raises UsageError: if a token would go over the network in the clear, or a variable of
        Docker's is wrong.
    :raises ValueError: for ``buildkitd://``, which has to be turned into the daemon's socket first.
    """
    if address.scheme == "tcp":
        return _tcp_route(address, options)
    if address.scheme == "unix":
        return Route(unix_target(address.path), token=options.token)
    if address.scheme == "docker":
        return _engine_route(address, options)
    command = dial_command(address)
    if command is None:
        raise ValueError(f"nothing is known of how to reach {address}")
    from okplug_buildkit.connect.children import ChildDialer
    from okplug_buildkit.connect.relay import Relay

    relay = Relay(ChildDialer(command, options.environ))
    return Route(relay.target, token=options.token, relay=relay)


def unix_target(path: str) -> str:
    """Return gRPC's name for a socket; it takes ``%`` for an escape."""
    return f"unix:{quote(path, errors='surrogateescape')}"


def _tcp_route(address: Address, options: ChannelOptions) -> Route:
    if options.token and options.tls is None and not is_loopback(address.host):
        raise UsageError(
            f"builder_token is set, and the connection to {address} would not be encrypted",
            hint="set builder_ca to the certificate that the builder is trusted by, "
            "or builder_server_name to trust what the system trusts",
        )
    name = options.tls.files.server_name if options.tls else ""
    return Route(address.netloc, name or address.host, options.tls, options.token)


def _engine_route(address: Address, options: ChannelOptions) -> Route:
    from okplug_buildkit.connect.endpoints import engine_endpoint
    from okplug_buildkit.connect.engine import EngineDialer, speaks_http2
    from okplug_buildkit.connect.relay import Relay

    endpoint = engine_endpoint(address, options.environ)
    if endpoint.address.scheme == "unix" and speaks_http2(endpoint.address.path):
        return Route(unix_target(endpoint.address.path))
    # the token is for a daemon behind a gateway, and no business of an engine's
    relay = Relay(EngineDialer(endpoint, options.environ))
    return Route(relay.target, relay=relay)


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine, by what it is called."""
    import ipaddress

    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
