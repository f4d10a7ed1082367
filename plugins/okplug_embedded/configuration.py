"""Instructions that only describe an image: what they do to its configuration.

The configuration is the ``config`` object of the OCI image specification, with Docker's additions.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeAlias

from okplug_embedded.filesystem import FileSystemError

if TYPE_CHECKING:
    from collections.abc import Callable

    from okplug.dockerfile import Instruction

Config: TypeAlias = dict[str, Any]
if TYPE_CHECKING:
    Expand: TypeAlias = Callable[[str], str]

DEFAULT_SHELL = ["/bin/sh", "-c"]
_PORT = re.compile(r"(?P<first>\d{1,5})(?:-(?P<last>\d{1,5}))?(?:/(?P<protocol>\w+))?", re.ASCII)
_PROTOCOLS = ("tcp", "udp", "sctp")
_HIGHEST_PORT = 65535
_DURATION = re.compile(r"(?P<number>\d+(?:\.\d*)?|\.\d+)(?P<unit>ns|us|µs|μs|ms|s|m|h)")
_NANOSECONDS = {
    **dict.fromkeys(("us", "µs", "μs"), 1_000),
    "ns": 1,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_TIMES = {
    "interval": "Interval",
    "timeout": "Timeout",
    "start-period": "StartPeriod",
    "start-interval": "StartInterval",
}


def _command(config: Config, instruction: Instruction) -> list[str]:
    if instruction.is_json or not instruction.words:
        return list(instruction.words)
    return [*config.get("Shell", DEFAULT_SHELL), instruction.words[0]]


def set_command(config: Config, instruction: Instruction, _expand: Expand) -> None:
    """Carry out CMD."""
    config["Cmd"] = _command(config, instruction)


def set_entrypoint(config: Config, instruction: Instruction, _expand: Expand) -> None:
    """Carry out ENTRYPOINT."""
    config["Entrypoint"] = _command(config, instruction)


def set_shell(config: Config, instruction: Instruction, _expand: Expand) -> None:
    """Carry out SHELL."""
    config["Shell"] = list(instruction.words)


def set_user(config: Config, instruction: Instruction, expand: Expand) -> None:
    """Carry out USER."""
    config["User"] = expand(instruction.text)


def set_stop_signal(config: Config, instruction: Instruction, expand: Expand) -> None:
    """Carry out STOPSIGNAL."""
    config["StopSignal"] = expand(instruction.text)


def add_labels(config: Config, instruction: Instruction, expand: Expand) -> None:
    """Carry out LABEL."""
    labels = config.setdefault("Labels", {})
    for name, value in instruction.pairs:
        labels[expand(name)] = expand(value or "")


def add_trigger(config: Config, instruction: Instruction, _expand: Expand) -> None:
    """Carry out ONBUILD."""
    config.setdefault("OnBuild", []).append(instruction.text)


def add_volumes(config: Config, instruction: Instruction, expand: Expand) -> None:
    """Carry out VOLUME."""
    volumes = config.setdefault("Volumes", {})
    for word in instruction.words:
        volumes[expand(word)] = {}


def add_ports(config: Config, instruction: Instruction, expand: Expand) -> None:
    """Carry out EXPOSE.

    :raises FileSystemError: if a word is no port, range or protocol.
    """
    ports = config.setdefault("ExposedPorts", {})
    for word in instruction.words:
        for text in expand(word).split():
            for port in _ports(text):
                ports[port] = {}


def _ports(text: str) -> list[str]:
    match = _PORT.fullmatch(text)
    first = int(match["first"]) if match else 0
    last = int(match["last"] or first) if match else 0
    protocol = (match["protocol"] or "tcp").lower() if match else ""
    if not 0 < first <= last <= _HIGHEST_PORT or protocol not in _PROTOCOLS:
        raise FileSystemError(f"{text!r} is no port: expected PORT or PORT-PORT, and /tcp or /udp")
    return [f"{port}/{protocol}" for port in range(first, last + 1)]


def set_health_check(config: Config, instruction: Instruction, _expand: Expand) -> None:
    """Carry out HEALTHCHECK.

    :raises FileSystemError: if a time or a number is wrong.
    """
    kind, *command = instruction.words
    if kind == "NONE":
        config["Healthcheck"] = {"Test": ["NONE"]}
        return
    check: dict[str, Any] = {
        "Test": ["CMD" if instruction.is_json else "CMD-SHELL", *command],
    }
    for flag, name in _TIMES.items():
        if text := instruction.flag(flag):
            check[name] = _nanoseconds(text)
    if retries := instruction.flag("retries"):
        if not retries.isdecimal():
            raise FileSystemError(f"--retries={retries} is no whole number")
        check["Retries"] = int(retries)
    config["Healthcheck"] = check


def _nanoseconds(text: str) -> int:
    """Read a time as Go writes it, such as ``1m30s``."""
    parts = list(_DURATION.finditer(text))
    if not parts or "".join(part[0] for part in parts) != text:
        raise FileSystemError(f"{text!r} is no time: expected such as 30s or 1m30s")
    return int(sum(float(part["number"]) * _NANOSECONDS[part["unit"]] for part in parts))


#: what the instructions do; COPY, ADD, ARG, ENV and WORKDIR need more than the configuration
SETTERS: dict[str, Callable[[Config, Instruction, Expand], None]] = {
    "CMD": set_command,
    "ENTRYPOINT": set_entrypoint,
    "EXPOSE": add_ports,
    "HEALTHCHECK": set_health_check,
    "LABEL": add_labels,
    "ONBUILD": add_trigger,
    "SHELL": set_shell,
    "STOPSIGNAL": set_stop_signal,
    "USER": set_user,
    "VOLUME": add_volumes,
}
