"""The secrets and SSH agents of the command line, for the images whose Dockerfiles mount them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from okplug.dockerfile.mounts import read_mount
from okplug.errors import UsageError
from okplug.manifest.model import Secret

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from okplug.config import Config
    from okplug.graph import ImageGraph, Node
    from okplug.manifest.model import Image
    from okplug.optionvalues import GivenSecret

_DEFAULT_AGENT = "default"


def give_mounted(
    graph: ImageGraph,
    needed: Iterable[str],
    secrets: Iterable[GivenSecret],
    agents: Iterable[str],
    config: Config,
) -> None:
    """Give each of the images the secrets and agents that it mounts; tell of those that none does.

    :param needed: addresses.
    :param agents: ``ID`` or ``ID=PATH``, ``default`` for the one without an id.
    :raises UsageError: if the file of a secret is not there.
    """
    nodes = [graph.node(address) for address in sorted(needed)]
    for given in secrets:
        kind, source = _source(given, config)
        users = _users(nodes, "secret", given.id)
        if not users:
            config.warn(f"--secret id={given.id}: no selected image mounts it")
        for address in users:
            image = graph.image(address)
            graph.replace_image(_with_secret(image, Secret(given.id, kind, source, image.location)))
    for text in agents:
        name, _, path = text.partition("=")
        users = _users(nodes, "ssh", name or _DEFAULT_AGENT)
        if not users:
            config.warn(f"--ssh {name or _DEFAULT_AGENT}: no selected image mounts it")
        for address in users:
            where = f"={_absolute(path, config)}" if path else ""
            agent = f"{name or _DEFAULT_AGENT}{where}"
            graph.replace_image(_with_agent(graph.image(address), agent))


def _users(nodes: Iterable[Node], kind: str, name: str) -> list[str]:
    """Return the addresses of the images that mount a secret or agent of this id."""
    return [node.image.address for node in nodes if name in _mounted(node, kind, name)]


def _mounted(node: Node, kind: str, name: str) -> Iterator[str]:
    stages = node.resolution.stages
    instructions = [each for stage in stages for each in stage.instructions]
    for instruction in (*instructions, *node.resolution.triggers):
        for value in (instruction.trigger or instruction).flag_values("mount"):
            mount = read_mount(value)
            if mount.kind == kind:
                # what a variable stands for is not known here: it may be this one
                yield name if "$" in mount.id else mount.id or _DEFAULT_AGENT


def _source(given: GivenSecret, config: Config) -> tuple[str, str]:
    """Return where a secret comes from, as manifests have it."""
    kind = given.kind or ("env" if given.source in config.environ else "file")
    if kind == "env":
        return kind, given.source
    path = _absolute(given.source, config)
    if not Path(path).is_file():
        raise UsageError(
            f"--secret id={given.id}: there is no file {given.source}",
            hint="write src=FILE with the path from the current folder, or env=NAME",
        )
    return kind, path


def _absolute(path: str, config: Config) -> str:
    home = config.environ.get("HOME")
    if home and path.startswith("~/"):
        return str(Path(home, path[2:]))
    return str(config.cwd / path)


def _with_secret(image: Image, secret: Secret) -> Image:
    others = tuple(each for each in image.secrets if each.id != secret.id)
    return replace(image, secrets=(*others, secret))


def _with_agent(image: Image, agent: str) -> Image:
    name = agent.partition("=")[0]
    others = tuple(each for each in image.ssh if (each.partition("=")[0] or "default") != name)
    return replace(image, ssh=(*others, agent))
