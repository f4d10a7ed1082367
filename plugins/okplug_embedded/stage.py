"""One stage while it is built: its file system, configuration, layers and history."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from okplug_embedded.filesystem import FileSystem

if TYPE_CHECKING:
    from collections.abc import Callable

    from okplug.dockerfile import Environment
    from okplug_embedded.configuration import Config
    from okplug_embedded.images import SourceImage, StoredLayer


@dataclass(slots=True)
class Stage:
    """What a stage has come to so far.

    :param config: what containers start with.
    :param make_tree: returns the file system that the stage begins with; it is only asked for when
        an instruction needs it.
    :param sources: where the layers of its base are, by digest.
    :param sets_command: a CMD of the stage's own was carried out.
    """

    environment: Environment
    config: Config
    make_tree: Callable[[], FileSystem]
    layers: list[StoredLayer] = field(default_factory=list)
    history: list[dict[str, Any]] = field(default_factory=list)
    sources: dict[str, SourceImage] = field(default_factory=dict)
    author: str = ""
    sets_command: bool = False
    _tree: FileSystem | None = None

    @property
    def tree(self) -> FileSystem:
        """The file system."""
        if self._tree is None:
            self._tree = self.make_tree()
        return self._tree

    def child(self) -> Stage:
        """Return the stage that begins FROM this one."""
        return Stage(
            self.environment.copy(),
            copy.deepcopy({name: self.config[name] for name in self.config if name != "OnBuild"}),
            self._copied_tree,
            list(self.layers),
            list(self.history),
            dict(self.sources),
            self.author,
        )

    def _copied_tree(self) -> FileSystem:
        return self.tree.copy()


def from_image(image: SourceImage, environment: Environment) -> Stage:
    """Return the stage that begins FROM an image of the registry."""
    config = copy.deepcopy(image.config.get("config") or {})
    config.pop("OnBuild", None)
    return Stage(
        environment,
        config,
        lambda: image.tree().copy(),
        list(image.layers),
        copy.deepcopy(image.config.get("history") or []),
        {layer.descriptor.digest: image for layer in image.layers},
        image.config.get("author", ""),
    )


def from_scratch(environment: Environment) -> Stage:
    """Return the stage that begins with nothing."""
    return Stage(environment, {"WorkingDir": "/"}, FileSystem)
