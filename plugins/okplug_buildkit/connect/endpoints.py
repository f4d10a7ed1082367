"""Where a Docker engine listens, as Docker's own variables and contexts say it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from okplug import UsageError
from okplug_buildkit.connect.addresses import Address, parse_address
from okplug_buildkit.connect.dockercontexts import find_context

if TYPE_CHECKING:
    from collections.abc import Mapping

    from okplug_buildkit.connect.tls import TLS, TLSFiles

#: where an engine listens unless anything says otherwise
DEFAULT_SOCKET = "/var/run/docker.sock"
_PORT, _TLS_PORT = 2375, 2376
_TLS_NAMES_OF_CONTEXT = ("its ca.pem", "its cert.pem", "its key.pem")
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

    Without a host or path in it that is ``DOCKER_HOST``, else that of Docker's context, else the
    usual socket. As with Docker's own client, ``DOCKER_TLS_VERIFY`` asks for TLS, and
    ``DOCKER_CERT_PATH`` has the files; a context has its own.

    :raises UsageError: if a variable, the context or one of the files is wrong.
    """
    if address.path:
        return Endpoint(parse_address(f"unix://{address.path}"))
    context = None if address.host else find_context(environ)
    if context is not None:
        tls = _load(context.tls, _TLS_NAMES_OF_CONTEXT) if context.tls else None
        return _endpoint(context.host, tls, f"the Docker context {context.name!r}")
    tls = _tls(environ) if environ.get("DOCKER_TLS_VERIFY") else None
    text = f"tcp://{address.netloc}" if address.host else environ.get("DOCKER_HOST", "").strip()
    return _endpoint(text, tls, "DOCKER_HOST")


def _endpoint(text: str, tls: TLS | None, origin: str) -> Endpoint:
    text = text or f"unix://{DEFAULT_SOCKET}"
    found = parse_address(_with_port(text, tls), origin)
    if found.scheme not in ("unix", "tcp", "ssh"):
        raise UsageError(
            f"{origin}: {text!r} is no engine's address",
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
    from okplug_buildkit.connect.tls import TLSFiles

    folder = Path(environ.get("DOCKER_CERT_PATH") or f"{environ.get('HOME', '')}/.docker")
    ca, cert, key = (folder / f"{name}.pem" for name in ("ca", "cert", "key"))
    return _load(TLSFiles(ca, cert, key), _TLS_NAMES)


def _load(files: TLSFiles, names: tuple[str, str, str]) -> TLS:
    from okplug_buildkit.connect.tls import load_tls

    return load_tls(files, names)
