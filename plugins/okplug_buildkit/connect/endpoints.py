"""Where a Docker engine listens, as Docker's own variables say it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from okplug import UsageError
from okplug_buildkit.connect.addresses import Address, parse_address

if TYPE_CHECKING:
    from collections.abc import Mapping

    from okplug_buildkit.connect.tls import TLS

#: where an engine listens unless anything says otherwise
DEFAULT_SOCKET = "/var/run/docker.sock"
_PORT, _TLS_PORT = 2375, 2376
_TLS_NAMES = ("DOCKER_CERT_PATH/ca.pem", "DOCKER_CERT_PATH/cert.pem", "DOCKER_CERT_PATH/key.pem")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where an engine is.

    :param address: of a scheme ``unix``, ``tcp`` or ``ssh``.
    :param tls: of ``tcp``; None for a connection in the clear.
    """

    address: Address
    tls: TLS | None = None

    def __str__(self) -> str:
        return self.address.text


def engine_endpoint(address: Address, environ: Mapping[str, str]) -> Endpoint:
    """Return where the engine of a ``docker://`` address is.

    Without a host or path in it that is ``DOCKER_HOST``, else the usual socket. As with Docker's
    own client, ``DOCKER_TLS_VERIFY`` asks for TLS, and ``DOCKER_CERT_PATH`` has the files.

    :raises UsageError: if a variable or one of the files is wrong.
    """
    if address.path:
        return Endpoint(parse_address(f"unix://{address.path}"))
    tls = _tls(environ) if environ.get("DOCKER_TLS_VERIFY") else None
    if address.host:
        text = f"tcp://{address.netloc}"
    else:
        text = environ.get("DOCKER_HOST", "").strip() or f"unix://{DEFAULT_SOCKET}"
    found = parse_address(_with_port(text, tls), "DOCKER_HOST")
    if found.scheme not in ("unix", "tcp", "ssh"):
        raise UsageError(
            f"DOCKER_HOST: {text!r} is no engine's address",
            hint="an engine is reached by unix://, tcp:// or ssh://",
        )
    return Endpoint(found, tls if found.scheme == "tcp" else None)


def _with_port(text: str, tls: TLS | None) -> str:
    scheme, _, rest = text.partition("://")
    host = rest.rstrip("/")
    has_port = ":" in host.rpartition("]")[2]
    if scheme != "tcp" or has_port or not host:
        return text
    return f"tcp://{host}:{_TLS_PORT if tls else _PORT}"


def _tls(environ: Mapping[str, str]) -> TLS:
    from okplug_buildkit.connect.tls import TLSFiles, load_tls

    folder = Path(environ.get("DOCKER_CERT_PATH") or f"{environ.get('HOME', '')}/.docker")
    ca, cert, key = (folder / f"{name}.pem" for name in ("ca", "cert", "key"))
    return load_tls(TLSFiles(ca, cert, key), _TLS_NAMES)
