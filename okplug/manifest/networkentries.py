"""What the RUN instructions of an entry may reach: networks, hosts and SSH agents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from okplug.errors import ManifestError
from okplug.manifest.buildfiles import absolute
from okplug.manifest.entrykeys import NETWORKS
from okplug.manifest.nodevalues import pairs, texts
from okplug.suggestions import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from okplug.manifest.model import Located
    from okplug.manifest.yamlnodes import Node


def read_network(written: Located, subject: str) -> str:
    """Return the network of RUN instructions, ``""`` for the default one.

    :param subject: what it is, such as ``build.api.network``.
    :raises ManifestError: if it is none of ``NETWORKS``.
    """
    if written.value == "default":
        return ""
    if written.value not in NETWORKS:
        raise ManifestError(
            f"{subject}: there is no network {written.value!r} for builds"
            f"{did_you_mean(written.value, NETWORKS)}",
            location=written.location,
            hint=f"the networks are {', '.join(NETWORKS)}",
        )
    return written.value


def read_hosts(node: Node, owner: str, environ: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the addresses of further hosts, by name; a list may name a host several times.

    :raises ManifestError: if there is no name, or what is no IP address.
    """
    from ipaddress import ip_address  # few entries have hosts

    subject = f"{owner}.extra_hosts"
    found: dict[str, list[str]] = {}
    for name, value, key in pairs(node, subject, environ, separators=":="):
        text = (value or "").strip()
        try:
            address = str(ip_address(text.removeprefix("[").removesuffix("]")))
        except ValueError:
            address = ""
        if not name or not address:
            raise ManifestError(
                f"{subject}: expected a host and its IP address, found {name!r} and {text!r}",
                location=key.location,
                hint="write HOST: ADDRESS, or HOST:ADDRESS in a list; names such as host-gateway "
                "mean nothing to a builder elsewhere",
            )
        found.setdefault(name, []).append(address)
    return found


def read_agents(node: Node, owner: str, environ: Mapping[str, str], base: str) -> tuple[str, ...]:
    """Return the SSH agents: ``ID``, or ``ID=PATH`` with an absolute path or one below ``~``.

    :param base: absolute path of the folder that paths are relative to.
    :raises ManifestError: if an id is missing or given twice.
    """
    subject = f"{owner}.ssh"
    found: dict[str, str] = {}
    for text, location in ((each.value, each.location) for each in texts(node, subject, environ)):
        name, _, path = text.partition("=")
        if not name or name in found:
            problem = f"the agent {name} is given twice" if name else f"{text} has no id"
            raise ManifestError(
                f"{subject}: {problem}", location=location, hint="write ID, or ID=PATH"
            )
        if path and not path.startswith("~/"):
            path = absolute(path, base)
        found[name] = f"{name}={path}" if path else name
    return tuple(found.values())
