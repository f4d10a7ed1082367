"""What the manifests and Dockerfiles of a workspace came to, kept for the next run.

It counts as long as the notes that were taken of it hold: no file that was read has changed, no
variable, no setting. It is kept whole or not at all: if one manifest changes, all are read.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from okplug.environment import NAME as ENV_FILE
from okplug.graph import ImageGraph, KnownGraph, Node
from okplug.notes import NotedVariables, Notes, taking
from okplug.statedir import NAME as STATE_DIR
from okplug.valuefile import ValueFile, open_values, write_values

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from okplug.config import Config
    from okplug.manifest.model import Manifest

    #: key, token, notes, manifests, graph
    _Head: TypeAlias = tuple[Hashable, bytes, Notes, tuple[Manifest, ...], KnownGraph]

NAME: Final = "collection"
#: hooks that make other manifests or another graph of the same files
_HOOKS: Final = ("okplug_collect_manifest", "okplug_graph_modify")


@dataclass(frozen=True, slots=True)
class Read:
    """What was read.

    :param token: tells this reading from all others, ``b""`` if it is not kept.
    """

    manifests: tuple[Manifest, ...]
    graph: ImageGraph
    token: bytes = b""


def program() -> tuple[int, int, int]:
    """Return what tells this installation of okplug from another one of the same version."""
    found = Path(__file__).parent.stat()
    return found.st_dev, found.st_ino, found.st_mtime_ns


def can_keep(config: Config) -> bool:
    """Tell whether only okplug itself decides what manifests come to: plugins may look anywhere."""
    return all(map(config.plugins.are_own, _HOOKS))


def read_or_recall(config: Config, key: Hashable, read: Callable[[], Read]) -> Read:
    """Return what an earlier run read if nothing of it has changed, else what *read* returns.

    :param key: all that decides what is read, beside what notes are taken of.
    """
    known = _recall(config, key)
    if known is not None:
        return known
    notes, begun, environ = Notes(), time.time_ns(), config.environ
    config.environ = NotedVariables(environ, notes)
    try:
        with taking(notes):
            found = read()
    finally:
        config.environ = environ
    folder = config.state_dir()
    if folder is None or not notes.are_settled(begun):
        return found
    return _keep(folder / NAME, key, notes, found)


def _recall(config: Config, key: Hashable) -> Read | None:
    file = open_values(config.root / STATE_DIR / NAME)
    if file is None:
        return None
    known, token, notes, manifests, graph = cast("_Head", file.head)
    if known != key or not notes.hold(config.environ, config.settings):
        return None
    for message, address in notes.warnings:
        config.warn(message, address)
    for path, look in notes.files.items():
        folder, _, name = path.rpartition("/")
        if name == ENV_FILE and look:
            config.environ_of(config.root / folder)  # its values are masked in what is printed
    return Read(manifests, ImageGraph.restored(graph, _Loader(file, graph)), token)


def _keep(path: Path, key: Hashable, notes: Notes, read: Read) -> Read:
    graph, token = read.graph.known(), os.urandom(16)
    nodes = [read.graph.node(image.address) for image in graph.images]
    parts = {
        node.image.address: (node.dockerfile, node.resolution, dict(node.args), dict(node.images))
        for node in nodes
    }
    with suppress(OSError):  # then the next run reads it all again
        write_values(path, (key, token, notes, read.manifests, graph), parts)
        return Read(read.manifests, read.graph, token)
    return read


class _Loader:
    """Makes the nodes of a graph from a file."""

    def __init__(self, file: ValueFile, known: KnownGraph) -> None:
        self._file = file
        self._images = {image.address: image for image in known.images}

    def __call__(self, address: str) -> Node:
        return Node(self._images[address], *cast("tuple[Any, ...]", self._file.part(address)))
