"""What can be found out about a port without gRPC."""

from __future__ import annotations

import socket
import ssl

#: seconds for a server to begin with TLS
_PATIENCE = 2.0


def speaks_tls(host: str, port: int) -> bool:
    """Tell whether what listens on a port speaks TLS, whoever it is."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # nothing is sent, and nothing believed
    context.set_alpn_protocols(["h2"])
    try:
        with (
            socket.create_connection((host, port), _PATIENCE) as plain,
            context.wrap_socket(plain, server_hostname=host),
        ):
            return True
    except OSError:
        return False
