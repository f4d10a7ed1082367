"""From the settings of a run to its registries."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from okplug import UsageError
from okplug.credentials import credentials_of
from okplug_registry.proxies import is_loopback
from okplug_registry.registry import CONCURRENCY, HttpRegistry
from okplug_registry.server import Address, Server
from okplug_registry.setting import mirrors_of
from okplug_registry.transport import Transport
from okplug_registry.trust import make_tls

if TYPE_CHECKING:
    from collections.abc import Sequence

    from okplug import Config

_DOCKER_HUB = "docker.io"
_DOCKER_HUB_API = "registry-1.docker.io"


def open_transport(config: Config) -> Transport:
    """Return the connections of a run; none is made yet."""
    names = ("registry_ca", "registry_cert", "registry_key")
    files = {name: str(config.path(name) or "") for name in names}
    return Transport(
        config.environ,
        lambda: make_tls(files, config.root, config.environ),
        timeout=config.number("registry_timeout") or 1,
        concurrency=CONCURRENCY,
    )


def open_registry(host: str, config: Config, transport: Transport) -> HttpRegistry:
    """Return the registry of a host; it is not spoken to yet."""
    credentials = credentials_of(config)
    insecure = config.words("insecure_registries")
    mirrors = mirrors_of(host, config.words("registry_mirrors"))
    addresses = [mirror_address(url, insecure) for url in mirrors]
    addresses.append(address_of(host, insecure))
    *readers, server = (Server(address, transport, credentials) for address in addresses)
    return HttpRegistry(host, server, readers, roots=config.flag("verify_hits"))


def address_of(host: str, insecure: Sequence[str]) -> Address:
    """Return where the API of a host is.

    :param insecure: the setting ``insecure_registries``.
    """
    authority = _DOCKER_HUB_API if host == _DOCKER_HUB else host
    return Address(host, authority, "" if _may_be_plain(host, insecure) else "https")


def _may_be_plain(host: str, insecure: Sequence[str]) -> bool:
    name = urlsplit(f"//{host}").hostname or host
    return is_loopback(name) or host in insecure or name in insecure


def mirror_address(url: str, insecure: Sequence[str]) -> Address:
    """Return where the API of a mirror is.

    :raises UsageError: if it is to be spoken to without TLS and may not be.
    """
    parts = urlsplit(url)
    if parts.scheme == "http" and not _may_be_plain(parts.netloc, insecure):
        raise UsageError(
            f"registry_mirrors: {url} is without TLS",
            hint=f"write https, or add {parts.netloc} to insecure_registries",
        )
    path = parts.path.strip("/")
    return Address(parts.netloc, parts.netloc, parts.scheme, f"{path}/" if path else "")
