"""gRPC channels with what BuildKit needs of them."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import grpc

    from okplug_buildkit.connect.options import ChannelOptions
    from okplug_buildkit.connect.routes import Route

#: bytes that a daemon takes and sends at most in one message
_MESSAGE_LIMIT = 16 * 1024 * 1024
#: bytes of trailers, in which an error carries the whole Dockerfile; gRPC's own limit is 16 KiB
_METADATA_LIMIT = 16 * 1024 * 1024
_VERBOSITY = "GRPC_VERBOSITY"


def load_grpc(environ: Mapping[str, str]) -> None:
    """Import gRPC so that it writes nothing to standard error, where our errors say it better.

    It reads the process's own variable while it is imported, which is why that one is set for as
    long, unless the user has set it.
    """
    if "grpc" in sys.modules or environ.get(_VERBOSITY):
        return
    os.putenv(_VERBOSITY, "NONE")
    try:
        import_module("grpc")
    finally:
        os.unsetenv(_VERBOSITY)


def open_channel(route: Route, options: ChannelOptions) -> grpc.Channel:
    """Return a channel; it connects when it is first used."""
    import grpc

    arguments = channel_options(route, options)
    if route.tls is None:
        return grpc.insecure_channel(route.target, options=arguments)
    # both or neither of key and certificate: TLS has seen to it, and gRPC would end the process
    credentials = grpc.ssl_channel_credentials(route.tls.roots, route.tls.key, route.tls.cert)
    return grpc.secure_channel(route.target, credentials, options=arguments)


def channel_options(route: Route, options: ChannelOptions) -> list[tuple[str, str | int]]:
    """Return the options of a channel, in gRPC's names."""
    chosen: list[tuple[str, str | int]] = [
        ("grpc.max_receive_message_length", _MESSAGE_LIMIT),
        ("grpc.max_send_message_length", _MESSAGE_LIMIT),
        ("grpc.max_metadata_size", _METADATA_LIMIT),
        ("grpc.absolute_max_metadata_size", _METADATA_LIMIT),
        ("grpc.enable_http_proxy", int(options.proxy)),
        ("grpc.default_authority", route.authority),
        ("grpc.primary_user_agent", "okplug"),
        # milliseconds; by default a daemon that starts this moment is asked once a second at first
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 5000),
        # no connection is shared with another channel, whose faults would be ours
        ("grpc.use_local_subchannel_pool", 1),
    ]
    if route.tls is not None and route.tls.files.server_name:
        chosen.append(("grpc.ssl_target_name_override", route.tls.files.server_name))
    return [*chosen, *options.keepalive.channel_options()]
