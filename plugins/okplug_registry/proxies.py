"""Which proxy a request goes through, as curl and Go read the environment."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from okplug import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

_PORTS = {"http": 80, "https": 443}


def proxy_for(url: str, environ: Mapping[str, str]) -> str:
    """Return the URL of the proxy for a request, ``""`` for none.

    This machine itself is never asked through a proxy.

    :raises UsageError: if the environment names a proxy that cannot be used.
    """
    parts = urlsplit(url)
    if is_loopback(parts.hostname or ""):
        return ""
    if parts.scheme == "https":
        name, proxy = "HTTPS_PROXY", environ.get("https_proxy") or environ.get("HTTPS_PROXY")
    else:
        name, proxy = "HTTP_PROXY", environ.get("http_proxy") or environ.get("HTTP_PROXY")
    if not proxy:
        name, proxy = "ALL_PROXY", environ.get("all_proxy") or environ.get("ALL_PROXY")
    exempt = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    if not proxy or _is_exempt(parts.hostname or "", parts.port or _PORTS[parts.scheme], exempt):
        return ""
    return _checked(name, proxy)


def is_loopback(host: str) -> bool:
    """Tell whether a host's name, without port, is this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    address = _address(host)
    return address is not None and address.is_loopback


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None


def _is_exempt(host: str, port: int, exempt: str) -> bool:
    return any(_fits(host, port, word.strip().lower()) for word in exempt.split(","))


def _fits(host: str, port: int, word: str) -> bool:
    """Tell whether a word of NO_PROXY is about the host: a domain, an address, a network."""
    name, colon, wanted = word.rpartition(":")
    if colon and wanted.isdecimal() and (":" not in name or name.endswith("]")):
        return int(wanted) == port and _fits(host, port, name)
    address = _address(host)
    if address is None:
        domain = word.removeprefix("*").removeprefix(".")
        return word == "*" or (bool(domain) and f".{host}".endswith(f".{domain}"))
    try:
        return word == "*" or address in ipaddress.ip_network(word.strip("[]"), strict=False)
    except ValueError:
        return False


def _checked(name: str, proxy: str) -> str:
    """Return a proxy's URL with its scheme; it may hold a password, so no message shows it."""
    url = proxy if "://" in proxy else f"http://{proxy}"
    try:
        parts = urlsplit(url)
        is_usable = parts.scheme in _PORTS and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_usable = False
    if not is_usable:
        raise UsageError(
            f"the proxy that the environment variable {name} names cannot be used",
            hint="write http://HOST:PORT or https://HOST:PORT, or name the registry in NO_PROXY",
        )
    return url
