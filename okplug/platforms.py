"""Platform names, ``os/arch[/variant]``, with the architectures as Docker calls them."""

from __future__ import annotations

import re

_ARCHITECTURES = {
    "x86_64": "amd64",
    "x86-64": "amd64",
    "i386": "386",
    "i486": "386",
    "i586": "386",
    "i686": "386",
    "aarch64": "arm64",
    "arm64/v8": "arm64",
    "armhf": "arm/v7",
    "armel": "arm/v6",
    "armv8l": "arm/v7",
    "armv7l": "arm/v7",
    "armv6l": "arm/v6",
    "armv5tel": "arm/v5",
    "arm": "arm/v7",
    "loongarch64": "loong64",
}
_PLATFORM = re.compile(r"(?P<os>[a-z0-9]+)/(?P<arch>[a-z0-9_-]+(?:/[a-z0-9.]+)?)")


def normalize_platform(text: str) -> str:
    """Return a platform under the name that everybody uses: ``linux/x86_64`` is ``linux/amd64``.

    :raises ValueError: if the text is no platform; the message says what was expected.
    """
    match = _PLATFORM.fullmatch(text.strip().lower())
    if match is None:
        raise ValueError(f"expected a platform such as linux/amd64, not {text!r}")
    architecture, _, variant = match["arch"].partition("/")
    full = _ARCHITECTURES.get(architecture, architecture)
    if variant:
        full = f"{full.partition('/')[0]}/{variant}"
    return f"{match['os']}/{_ARCHITECTURES.get(full, full)}"


def host_platform(machine: str) -> str:
    """Return the platform of containers on this host.

    :param machine: as ``os.uname`` tells it.
    """
    return normalize_platform(f"linux/{machine}")
