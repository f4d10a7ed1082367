"""Instructions that only describe an image: what they do to its configuration.

The configuration is the ``config`` object of the OCI image specification, with Docker's additions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from okplug_embedded.failures import InstructionError
from okplug_embedded.values import check_signal, read_number, read_ports, read_time

if TYPE_CHECKING:
    from collections.abc import Callable

    from okplug.dockerfile import Instruction

    Expand: TypeAlias = Callable[[str], str]
    Setter: TypeAlias = Callable[["Config", Instruction, Expand], None]

Config: TypeAlias = dict[str, Any]

_SHELL = ("/bin/sh", "-c")
_TIMES = {
    "interval": "Interval",
    "timeout": "Timeout",
    "start-period": "StartPeriod",
    "start-interval": "StartInterval",
}


def _command(config: Config, instruction: Instruction) -> list[str]:
    """Return exec form as it is, shell form with the shell before it."""
    if instruction.is_json:
        return list(instruction.words)
    return [*(config.get("Shell") or _SHELL), instruction.text]


def _set_command(config: Config, instruction: Instruction, _expand: Expand) -> None:
    config["Cmd"] = _command(config, instruction)
    config["ArgsEscaped"] = True  # as BuildKit has it; only Windows looks at it


def _set_entrypoint(config: Config, instruction: Instruction, _expand: Expand) -> None:
    config["Entrypoint"] = _command(config, instruction)


def _set_shell(config: Config, instruction: Instruction, _expand: Expand) -> None:
    config["Shell"] = list(instruction.words)


def _set_user(config: Config, instruction: Instruction, expand: Expand) -> None:
    config["User"] = expand(instruction.text)


def _set_stop_signal(config: Config, instruction: Instruction, expand: Expand) -> None:
    text = expand(instruction.text)
    check_signal(text)
    config["StopSignal"] = text


def _add_labels(config: Config, instruction: Instruction, expand: Expand) -> None:
    labels = {expand(name): expand(value or "") for name, value in instruction.pairs}
    config["Labels"] = {**(config.get("Labels") or {}), **labels}


def _add_trigger(config: Config, instruction: Instruction, _expand: Expand) -> None:
    trigger = instruction.trigger
    heredocs = trigger.heredocs if trigger else ()
    bodies = "".join(f"\n{heredoc.body}{heredoc.name}" for heredoc in heredocs)
    config["OnBuild"] = [*(config.get("OnBuild") or ()), instruction.text + bodies]


def _add_volumes(config: Config, instruction: Instruction, expand: Expand) -> None:
    volumes = dict(config.get("Volumes") or {})
    for word in instruction.words:
        path = expand(word.strip())
        if not path:
            raise InstructionError(f"the volume {word} is empty", near=word)
        volumes[path] = {}
    config["Volumes"] = volumes


def _add_ports(config: Config, instruction: Instruction, expand: Expand) -> None:
    texts = [text for word in instruction.words for text in expand(word).split()]
    ports: Config = {port: {} for text in texts for port in read_ports(text)}
    config["ExposedPorts"] = {**(config.get("ExposedPorts") or {}), **ports}


def _set_health_check(config: Config, instruction: Instruction, _expand: Expand) -> None:
    kind, *command = instruction.words
    if kind == "NONE":
        config["Healthcheck"] = {"Test": ["NONE"]}
        return
    form = "CMD" if instruction.is_json else "CMD-SHELL"
    found = {name: read_time(flag, instruction.flag(flag) or "0") for flag, name in _TIMES.items()}
    found["Retries"] = read_number("retries", instruction.flag("retries") or "0")
    given = {name: value for name, value in found.items() if value}
    config["Healthcheck"] = {"Test": [form, *command], **given}


#: what the instructions do that need no more than the configuration
SETTERS: dict[str, Setter] = {
    "CMD": _set_command,
    "ENTRYPOINT": _set_entrypoint,
    "EXPOSE": _add_ports,
    "HEALTHCHECK": _set_health_check,
    "LABEL": _add_labels,
    "ONBUILD": _add_trigger,
    "SHELL": _set_shell,
    "STOPSIGNAL": _set_stop_signal,
    "USER": _set_user,
    "VOLUME": _add_volumes,
}
