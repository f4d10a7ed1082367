"""What a user asks of connections."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from okplug_buildkit.connect.keepalive import KeepAlive

if TYPE_CHECKING:
    from collections.abc import Mapping

    from okplug_buildkit.connect.tls import TLS


@dataclass(frozen=True, slots=True)
class ChannelOptions:
    """How daemons are reached.

    :param tls: for ``tcp://``; None for a connection in the clear.
    :param token: a bearer token for every call, ``""`` for none.
    :param proxy: whether gRPC may use the proxy that the environment names.
    :param wait: seconds that a daemon which is not there yet is waited for; by default it is an
        error at once.
    :param pause: seconds between two attempts to reach a daemon, at most.
    :param attempt: seconds that a daemon may take to answer one of them.
    :param environ: for child processes, and for where the Docker engine is.
    """

    tls: TLS | None = None
    token: str = field(default="", repr=False)
    keepalive: KeepAlive = field(default_factory=KeepAlive)
    proxy: bool = False
    wait: float = 0.0
    pause: float = 1.0
    attempt: float = 5.0
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
