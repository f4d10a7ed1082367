"""What the manifests and Dockerfiles of a workspace came to, kept for the next run.

It counts as long as the notes that were taken of it hold: no file that was read has changed, no
variable, no setting. If only a manifest or a Dockerfile has changed, only that is read again.
"""

from __future__ import annotations

import os
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from okplug.environment import NAME as ENV_FILE
from okplug.graph import ImageGraph, KnownGraph, Node
from okplug.notes import NotedVariables, Notes, taking
from okplug.statedir import NAME as STATE_DIR
from okplug.valuefile import ValueFile, open_values, write_values

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable, Iterator, Mapping

    from okplug.config import Config
    from okplug.manifest.model import Manifest
    from okplug.rereading import Relink

    Tokens: TypeAlias = Mapping[str, bytes]
    #: key, tokens, notes, manifests, graph
    _Head: TypeAlias = tuple[Hashable, Tokens, Notes, tuple[Manifest, ...], KnownGraph]

NAME: Final = "collection"
#: hooks that make other manifests or another graph of the same files
_HOOKS: Final = ("okplug_collect_manifest", "okplug_graph_modify")


@dataclass(frozen=True, slots=True)
class Read:
    """What was read.

    :param tokens: address -> what tells this reading of an image from all others; nothing of an
        image whose reading is not kept.
    """

    manifests: tuple[Manifest, ...]
    graph: ImageGraph
    tokens: Tokens = field(default_factory=dict)


def program() -> tuple[int, int, int]:
    """Return what tells this installation of okplug from another one of the same version."""
    found = Path(__file__).parent.stat()
    return found.st_dev, found.st_ino, found.st_mtime_ns


def can_keep(config: Config) -> bool:
    """Tell whether only okplug itself decides what manifests come to: plugins may look anywhere."""
    return all(map(config.plugins.are_own, _HOOKS))


def read_or_recall(config: Config, key: Hashable, read: Callable[[], Read], relink: Relink) -> Read:
    """Return what an earlier run read if nothing of it has changed, else read.

    :param key: all that decides what is read, beside what notes are taken of.
    :param read: reads all of it.
    :param relink: links some images of what is known again.
    """
    known = _Known.find(config, key)
    changed = known.notes.changed_files() if known else []
    if known and not changed:
        return known.read(config)
    notes, begun = Notes(), time.time_ns()
    with _noted(config, notes):
        again = known.read_again(config, changed, relink, notes) if known else None
        found = again or _Reading(read(), notes)
    folder = config.state_dir()
    if folder is not None and found.notes.are_settled(begun):
        return found.keep(folder / NAME, key)
    return found.result


@contextmanager
def _noted(config: Config, notes: Notes) -> Iterator[None]:
    """Have notes taken of what is read inside the block, and of variables that are asked for."""
    environ = config.environ
    config.environ = NotedVariables(environ, notes)
    try:
        with taking(notes):
            yield
    finally:
        config.environ = environ


@dataclass(frozen=True, slots=True)
class _Known:
    """What an earlier run has kept."""

    file: ValueFile
    tokens: Tokens
    notes: Notes
    manifests: tuple[Manifest, ...]
    graph: KnownGraph

    @classmethod
    def find(cls, config: Config, key: Hashable) -> _Known | None:
        """Return it, None if there is none for this key, these variables and settings."""
        file = open_values(config.root / STATE_DIR / NAME)
        if file is None:
            return None
        known, tokens, notes, manifests, graph = cast("_Head", file.head)
        if known != key or not notes.hold_but_for_files(config.environ, config.settings):
            return None
        return cls(file, tokens, notes, manifests, graph)

    def read(self, config: Config) -> Read:
        """Return it as what was read, and tell again what it was told with."""
        for message, address in self.notes.warnings:
            config.warn(message, address)
        self._mask(config)
        return Read(self.manifests, self._restored(), self.tokens)

    def _mask(self, config: Config) -> None:
        """Have the values of ``.env`` files masked in what is printed."""
        for path, look in self.notes.files.items():
            folder, _, name = path.rpartition("/")
            if name == ENV_FILE and look:
                config.environ_of(config.root / folder)

    def _restored(self) -> ImageGraph:
        return ImageGraph.restored(self.graph, _Loader(self.file, self.graph))

    def read_again(
        self, config: Config, changed: Collection[str], relink: Relink, notes: Notes
    ) -> _Reading | None:
        """Read only what has changed, and return what it all is now; None if more must be read.

        :param notes: that are taken.
        """
        if self.notes.warnings:  # whose they are is not known
            return None
        from okplug.rereading import Rereading

        collect = partial(config.plugins.collect_manifest, config=config)
        graph = self._restored()
        reading = Rereading(self.manifests, graph, collect)
        if not reading.is_done(changed, relink):
            return None
        self._mask(config)
        self.notes.update(notes)
        tokens = {name: token for name, token in self.tokens.items() if name not in reading.images}
        packed = {address: self.file.packed(address) for address in tokens}
        return _Reading(Read(reading.manifests, graph, tokens), self.notes, packed)


@dataclass(frozen=True, slots=True)
class _Reading:
    """What was read, with the notes that were taken of it.

    :param packed: address -> what is written of an image that is as it was.
    """

    result: Read
    notes: Notes
    packed: Mapping[str, bytes] = field(default_factory=dict)

    def keep(self, path: Path, key: Hashable) -> Read:
        """Write it for the next run, and return it; if it cannot be written, that reads again."""
        manifests, graph = self.result.manifests, self.result.graph
        known, token = graph.known(), os.urandom(16)
        tokens = {image.address: token for image in known.images} | dict(self.result.tokens)
        news = tokens.keys() - self.packed.keys()
        parts = {address: _part(graph.node(address)) for address in news}
        with suppress(OSError):
            write_values(path, (key, tokens, self.notes, manifests, known), parts, self.packed)
            return Read(manifests, graph, tokens)
        return self.result


def _part(node: Node) -> tuple[object, ...]:
    """Return what is written of a node, beside its image."""
    return node.dockerfile, node.resolution, dict(node.args), dict(node.images)


class _Loader:
    """Makes the nodes of a graph from a file."""

    def __init__(self, file: ValueFile, known: KnownGraph) -> None:
        self._file = file
        self._images = {image.address: image for image in known.images}

    def __call__(self, address: str) -> Node:
        return Node(self._images[address], *cast("tuple[Any, ...]", self._file.part(address)))
