"""The programs that join their standard input and output to a daemon elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from okplug_buildkit.connect.addresses import Address

_DIAL = ("buildctl", "dial-stdio")

#: scheme -> the program that enters the container
_PROGRAMS = {
    "docker-container": "docker",
    "podman-container": "podman",
    "nerdctl-container": "nerdctl",
}


def dial_command(address: Address) -> tuple[str, ...] | None:
    """Return the command for an address, None if it is reached without one."""
    if address.scheme in _PROGRAMS:
        return _container_command(address)
    if address.scheme == "kube-pod":
        return _pod_command(address)
    if address.scheme == "ssh":
        socket = ("--addr", f"unix://{address.path}") if address.path else ()
        return (*ssh_command(address), "buildctl", *socket, "dial-stdio")
    return None


def ssh_command(address: Address) -> tuple[str, ...]:
    """Return how ``ssh`` is asked to run what follows on the host of an address."""
    user = ("-l", address.user) if address.user else ()
    port = ("-p", str(address.port)) if address.port else ()
    return ("ssh", *user, *port, "--", address.host)


def _container_command(address: Address) -> tuple[str, ...]:
    program = _PROGRAMS[address.scheme]
    context, namespace = address.option("context"), address.option("namespace")
    before = (f"--context={context}",) if context else ()
    after = ("--namespace", namespace) if namespace else ()
    return (program, *before, "exec", *after, "-i", address.name, *_DIAL)


def _pod_command(address: Address) -> tuple[str, ...]:
    """Return the command with each option even if it is empty, which kubectl takes for unset."""
    context, namespace, container = map(address.option, ("context", "namespace", "container"))
    return (
        *("kubectl", f"--context={context}", f"--namespace={namespace}"),
        *("exec", f"--container={container}", "-i", address.name, "--", *_DIAL),
    )
