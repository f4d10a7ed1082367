"""One stage while it is built: its file system, configuration, layers and history."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from okplug_embedded.baselayers import StoredLayer
from okplug_embedded.filesystem import Changes, FileSystem

if TYPE_CHECKING:
    from collections.abc import Callable

    from okplug.dockerfile import Environment
    from okplug_embedded.configuration import Config
    from okplug_embedded.images import SourceImage

#: a layer of the base, or what becomes one if the stage turns out to be part of the image
Layer: TypeAlias = StoredLayer | Changes

_COMMENT = "okplug.embedded"


@dataclass(slots=True)
class Stage:
    """What a stage has come to so far.

    :param platform: of the base; ``os/arch[/variant]``.
    :param config: what containers start with.
    :param make_tree: returns the file system that the stage begins with; it is only asked for when
        an instruction needs it.
    :param sets_command: a CMD of the stage's own was carried out.
    """

    environment: Environment
    platform: str
    config: Config
    make_tree: Callable[[], FileSystem]
    layers: list[Layer] = field(default_factory=list)
    history: list[dict[str, Any]] = field(default_factory=list)
    author: str = ""
    sets_command: bool = False
    _tree: FileSystem | None = None

    @property
    def tree(self) -> FileSystem:
        """The file system."""
        if self._tree is None:
            self._tree = self.make_tree()
        return self._tree

    @property
    def folder(self) -> str:
        """The working directory, absolute."""
        return self.config.get("WorkingDir") or "/"

    def child(self) -> Stage:
        """Return the stage that begins FROM this one."""
        return replace(
            self,
            environment=self.environment.copy(),
            config=without_triggers(self.config),
            make_tree=self._copied_tree,
            layers=list(self.layers),
            history=list(self.history),
            sets_command=False,
            _tree=None,
        )

    def _copied_tree(self) -> FileSystem:
        return self.tree.copy()

    def commit(self, text: str) -> None:
        """Note an instruction, and make a layer of what it wrote.

        :param text: the instruction.
        """
        changes = self._tree.take_changes() if self._tree else Changes()
        entry: dict[str, Any] = {"created_by": text, "comment": _COMMENT}
        if changes.entries:
            self.layers.append(changes)
        else:
            entry["empty_layer"] = True
        self.history.append(entry)


def from_image(
    image: SourceImage, environment: Environment, make_tree: Callable[[], FileSystem]
) -> Stage:
    """Return the stage that begins FROM an image of the registry."""
    return Stage(
        environment,
        image.platform,
        without_triggers(image.runtime),
        make_tree,
        list(image.layers),
        copy.deepcopy(list(image.config.get("history") or ())),
        str(image.config.get("author") or ""),
    )


def from_scratch(environment: Environment, platform: str) -> Stage:
    """Return the stage that begins with nothing."""
    return Stage(environment, platform, {"WorkingDir": "/"}, FileSystem)


def without_triggers(config: Config) -> Config:
    """Return a configuration for who starts from it: triggers are not passed on twice."""
    return copy.deepcopy({name: value for name, value in config.items() if name != "OnBuild"})
