"""Find out what each image is built from: from images to their graph.

An image names another in its manifest (``depends_on``, an argument that holds
``${OKTETO_BUILD_<NAME>_<FIELD>}``) or in its Dockerfile (FROM, COPY --from or a mount, by reference
or by such an argument). While nothing is built, ``okplug-image:ADDRESS#FIELD`` stands for the
values.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from okplug.dockerfile import parse, resolve
from okplug.dockerfile.model import Inherited
from okplug.errors import Location, ManifestError
from okplug.graph import Cause, ImageGraph, Node
from okplug.manifest.expand import substitute_build_variables
from okplug.standins import stand_in, standing_in
from okplug.wanted import ImageFinder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from okplug.dockerfile.model import Dockerfile, ImageUse, Instruction
    from okplug.manifest.model import BuildArg, Image

_BUILD_ARGUMENT = re.compile(r"OKTETO_BUILD_([A-Z0-9_]+)_(IMAGE|REGISTRY|REPOSITORY|TAG|SHA)")
_UNKNOWN = Inherited(is_complete=False)


def build_graph(
    images: Iterable[Image],
    find: Callable[[str], str | None],
    environ: Mapping[str, str],
    platform: str,
) -> ImageGraph:
    """Read the Dockerfiles and link the images.

    :param find: returns the address of the image that a reference names, None for one from
        elsewhere.
    :param platform: of images that name none.
    :raises ManifestError: if a Dockerfile is wrong, a dependency is unknown, or images are built
        from each other in a circle.
    """
    return _Linker(tuple(images), find, environ, platform).graph


class _Linker:
    """Links the images of one workspace."""

    def __init__(
        self,
        images: tuple[Image, ...],
        find: Callable[[str], str | None],
        environ: Mapping[str, str],
        platform: str,
    ) -> None:
        self._find = find
        self._environ = environ
        self._platform = platform
        self._finder = ImageFinder(images)
        self._dockerfiles: dict[Path, Dockerfile] = {}
        self.graph = ImageGraph()
        for image in images:
            self.graph.put(self._node(image, self._arguments(image), lambda _: _UNKNOWN))
        for image in images:
            self._add_edges(image)
        self._inherit()

    def _inherit(self) -> None:
        """Resolve again what starts from another image, which passes on variables and triggers."""
        order = self.graph.order()
        for address in order:
            node = self.graph.node(address)
            if any(self._is_base(node, use) for use in node.resolution.images):
                self.graph.put(self._node(node.image, node.args, self._inherited))
                self._add_dockerfile_edges(node.image)
        self.graph.order()

    def _is_base(self, node: Node, use: ImageUse) -> bool:
        return use.cause == "FROM" and use.reference in node.images

    def _inherited(self, reference: str) -> Inherited:
        address = self._address(reference)
        return self.graph.node(address).resolution.passes_on if address else _UNKNOWN

    def _node(
        self, image: Image, args: Mapping[str, str], inherited: Callable[[str], Inherited]
    ) -> Node:
        dockerfile = self._read(image.dockerfile)
        resolution = resolve(
            dockerfile,
            target=image.target,
            args=args,
            platform=(image.platforms or (self._platform,))[0],
            inherited=inherited,
        )
        named = ((use.reference, self._address(use.reference)) for use in resolution.images)
        return Node(
            image, dockerfile, resolution, args, {text: name for text, name in named if name}
        )

    def _read(self, path: Path) -> Dockerfile:
        if path not in self._dockerfiles:
            try:
                data = path.read_bytes()
            except OSError as error:
                raise ManifestError(
                    f"the Dockerfile cannot be read: {error.strerror}", location=Location(path)
                ) from error
            self._dockerfiles[path] = parse(data, path)
        return self._dockerfiles[path]

    def _address(self, reference: str) -> str | None:
        """Return which image of the workspace an expanded reference means."""
        symbols = standing_in(reference)
        return symbols[0] if symbols else self._find(reference)

    # --------------------------------------------------------------------------------- arguments

    def _arguments(self, image: Image) -> dict[str, str]:
        """Return the image's arguments, and those for what it is built from, with stand-ins."""
        values = {arg.name: self._value(image, arg) for arg in image.args}
        for name, _ in _declared(self._read(image.dockerfile)):
            match = _BUILD_ARGUMENT.fullmatch(name)
            address = self._finder.by_variable(image, match[1]) if match else None
            if match and address and address != image.address:
                values[name] = stand_in(address, match[2])
        return values

    def _value(self, image: Image, arg: BuildArg) -> str:
        def of_image(name: str, field: str) -> str:
            address = self._finder.by_variable(image, name)
            if address:
                return stand_in(address, field)
            variable = f"OKTETO_BUILD_{name}_{field}"
            if variable in self._environ:
                return self._environ[variable]
            raise ManifestError(
                f"{variable} has no value: no image of the workspace is called {name}",
                location=arg.location,
                hint=f"images are {', '.join(self._finder.some_names())}",
            )

        return substitute_build_variables(arg.value, of_image)

    # ------------------------------------------------------------------------------------- edges

    def _add_edges(self, image: Image) -> None:
        for wanted in image.depends_on:
            address = self._finder.by_dependency(image, wanted)
            self.graph.add_edge(address, image.address, Cause("depends_on", wanted.location))
        self._add_dockerfile_edges(image)
        node = self.graph.node(image.address)
        places = {arg.name: arg.location for arg in image.args}
        lines = dict(_declared(node.dockerfile))
        for name, value in node.resolution.args:
            plain = name.partition("@")[0]
            for address in standing_in(value):
                if self.graph.causes(address, image.address):
                    continue
                line = lines[plain].line if plain in lines else 0
                place = places.get(plain) or Location(image.dockerfile, line, 1)
                self._link(address, image, Cause("build argument", place))

    def _add_dockerfile_edges(self, image: Image) -> None:
        node = self.graph.node(image.address)
        for use in node.resolution.images:
            address = node.images.get(use.reference)
            if address:
                place = Location(image.dockerfile, use.line, 1)
                self._link(address, image, Cause(use.cause, place))

    def _link(self, address: str, image: Image, cause: Cause) -> None:
        if address == image.address:
            raise ManifestError(
                f"{address} is built from itself",
                location=cause.location,
                hint="name another image",
            )
        self.graph.add_edge(address, image.address, cause)


def _declared(dockerfile: Dockerfile) -> Iterator[tuple[str, Instruction]]:
    """Yield the name of every ARG with its instruction, the first of a name last."""
    instructions = [
        *dockerfile.global_args,
        *(one for stage in dockerfile.stages for one in stage.instructions if one.name == "ARG"),
    ]
    for instruction in reversed(instructions):
        for name, _ in instruction.pairs:
            yield name, instruction
