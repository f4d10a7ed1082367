"""The build arguments of the command line."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from okplug.manifest.model import BuildArg
from okplug.suggestions import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from okplug.config import Config
    from okplug.graph import ImageGraph, Node
    from okplug.manifest.model import Image
    from okplug.optionvalues import GivenArg

#: arguments that count though no Dockerfile declares them, in any case of letters
_UNDECLARED = re.compile(r"BUILDKIT_.*|SOURCE_DATE_EPOCH|\w+_PROXY", re.IGNORECASE)


class GivenArguments:
    """What ``--build-arg`` says, with the values of the environment where it has none.

    :ivar for_one: the selection of each of the others, its name and its value.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self._for_all: list[tuple[str, str]] = []
        self.for_one: list[tuple[str, str, str]] = []
        given: Iterable[GivenArg] = getattr(config.options, "build_arg", None) or ()
        for arg in given:
            value = config.environ.get(arg.name) if arg.value is None else arg.value
            if value is None:
                config.warn(
                    f"--build-arg {arg.name}: there is no variable {arg.name}, and the argument "
                    "is not set"
                )
            elif arg.where:
                self.for_one.append((arg.where, arg.name, value))
            else:
                self._for_all.append((arg.name, value))

    def on(self, image: Image) -> Image:
        """Return an image with the arguments that are for all; they win over its manifest."""
        for name, value in self._for_all:
            image = with_argument(image, name, value)
        return image

    def warn_of_unused(self, graph: ImageGraph, needed: Iterable[str]) -> None:
        """Tell of arguments for all that none of the images declares."""
        if not self._for_all:
            return
        declared = {name for address in needed for name in _declared(graph.node(address))}
        for name in dict(self._for_all):
            if name not in declared and not _UNDECLARED.fullmatch(name):
                guess = did_you_mean(name, declared)
                self._config.warn(f"--build-arg {name}: no selected image declares it{guess}")


def with_argument(image: Image, name: str, value: str) -> Image:
    """Return an image with a build argument in place of its manifest's."""
    return replace(image, args=(*image.args, BuildArg(name, value, image.location)))


def _declared(node: Node) -> Iterator[str]:
    stages = (each for stage in node.dockerfile.stages for each in stage.instructions)
    for instruction in (*node.dockerfile.global_args, *stages):
        if instruction.name == "ARG":
            yield from (name for name, _ in instruction.pairs)
    yield from (name.partition("@")[0] for name, _ in node.resolution.args)
