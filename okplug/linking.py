"""Find out what each image is built from: from images to their graph.

An image names another in its manifest (``depends_on``, an argument that holds
``${OKTETO_BUILD_<NAME>_<FIELD>}``) or in its Dockerfile (FROM, COPY --from or a mount, by reference
or by such an argument). While nothing is built, ``okplug-image:ADDRESS#FIELD`` stands for the
values.

A Dockerfile is resolved when those that it starts from are, since they pass variables on to it.
It is resolved again only where that could not be, or where ONBUILD instructions that it inherits
declare arguments. Which images it starts from does not depend on what they pass on, so that a
second round in graph order suffices.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from okplug.dockerfile import parse
from okplug.dockerfile.buildargs import is_proxy
from okplug.dockerfile.model import Inherited
from okplug.dockerfile.stagegraph import find_target
from okplug.errors import Location, ManifestError
from okplug.graph import ORDER, Cause, ImageGraph, Node
from okplug.manifest.expand import substitute_build_variables
from okplug.manifest.model import IMAGE, NAMED, Located
from okplug.notes import note_file
from okplug.resolving import resolve_on_all
from okplug.standins import fill_in, stand_in, standing_in
from okplug.suggestions import did_you_mean
from okplug.wanted import ImageFinder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from okplug.dockerfile.model import Dockerfile, ImageUse, Instruction, Resolution
    from okplug.manifest.model import BuildArg, Image

_BUILD_ARGUMENT = re.compile(r"OKTETO_BUILD_([A-Z0-9_]+)_(IMAGE|REGISTRY|REPOSITORY|TAG|SHA)")
_UNKNOWN = Inherited(is_complete=False)
#: how many Dockerfiles are begun at once, each because the one before starts from it
_MAX_BEGUN = 40


@dataclass(frozen=True)
class LinkInputs:
    """What images are linked by, beside their manifests and Dockerfiles.

    :param find: returns the address of the image that a reference names, None for one from
        elsewhere.
    :param platform: of images that name none.
    :param given: the arguments that every Dockerfile gets which declares them, unless its image
        has another value.
    """

    find: Callable[[str], str | None]
    environ: Mapping[str, str]
    platform: str
    given: Mapping[str, str] = field(default_factory=dict)


def build_graph(images: Iterable[Image], inputs: LinkInputs) -> ImageGraph:
    """Read the Dockerfiles and link the images.

    :raises ManifestError: if a Dockerfile is wrong, a dependency is unknown, or images are built
        from each other in a circle.
    """
    images = tuple(images)
    linker = _Linker(inputs)
    linker.finder.add(images)
    for image in images:
        if image.address not in linker.graph:
            linker.put(image)
        linker.graph.refuse_other(image)
    for image in images:
        linker.add_edges(image)
    linker.settle()
    for image in images:
        linker.add_order(image)
    return linker.graph


def relink(graph: ImageGraph, images: Iterable[Image], inputs: LinkInputs) -> bool:
    """Link some images of a graph again: they or their Dockerfiles are not what they were.

    :return: whether the graph is what ``build_graph`` would make of all images. If not, since one
        passes on to others what it did not, it is of no use any more.
    :raises ManifestError: if something is wrong; likewise.
    """
    images = tuple(images)
    linker = _Linker(inputs, graph)
    linker.finder.add((*graph.images(), *images))
    passed_on = {image.address: graph.node(image.address).resolution.passes_on for image in images}
    for image in images:
        graph.unlink(image.address)
        linker.put(image)
    for image in images:
        linker.add_edges(image)
    linker.settle()
    return not any(
        address in _bases(graph.node(dependant))
        for address, before in passed_on.items()
        if graph.node(address).resolution.passes_on != before
        for dependant in graph.dependants(address)
    )


class _Linker:
    """Links the images of one workspace.

    :param graph: has some of them already; without, it is a new one.
    """

    def __init__(self, inputs: LinkInputs, graph: ImageGraph | None = None) -> None:
        self._inputs = inputs
        self._dockerfiles: dict[Path, Dockerfile] = {}
        self._begun: list[str] = []
        self._unsettled: set[str] = set()
        self.finder = ImageFinder()
        self.graph = graph or ImageGraph(self)

    def link(self, image: Image) -> None:
        """Put an image into the graph, with its edges."""
        self.finder.add((image,))
        self.put(image)
        self.add_edges(image)
        self.settle()
        self.add_order(image)

    def forget(self, address: str) -> None:
        """Take the names of an image for those of no image."""
        self.finder.remove(address)

    def inherit(self, address: str) -> None:
        """Resolve again what starts from an image that passes on other things than before."""
        self._unsettled.update(
            name
            for name in self.graph.dependants(address)
            if address in _bases(self.graph.node(name))
        )
        self.settle()

    def settle(self) -> None:
        """Resolve in graph order what did not know its bases, and what starts from that.

        :raises ManifestError: if there is no order.
        """
        order = self.graph.order()
        for address in order if self._unsettled else ():
            if address in self._unsettled:
                node = self.graph.node(address)
                passed_on = [self._passed_on(name) for name in _bases(node)]
                self.put(node.image, [each for one in passed_on for each in one.triggers])
                self._add_dockerfile_edges(node.image)
                if self.graph.node(address).resolution.passes_on != node.resolution.passes_on:
                    self._unsettled.update(self.graph.dependants(address))
        self._unsettled.clear()
        self.graph.order()

    def _passed_on(self, address: str | None) -> Inherited:
        """Return what an image passes on, as far as it can be known now."""
        if address is None:
            return _UNKNOWN
        if address not in self.graph:
            if address in self._begun or len(self._begun) == _MAX_BEGUN:
                self._unsettled.add(self._begun[-1])
                return _UNKNOWN
            self.put(self.finder.image(address))
        return self.graph.node(address).resolution.passes_on

    # ------------------------------------------------------------------------------------- nodes

    def put(
        self,
        image: Image,
        triggers: Sequence[Instruction] | None = None,
    ) -> None:
        """Resolve an image's Dockerfile and put it into the graph, after what it starts from.

        :param triggers: the ONBUILD instructions that it inherits, None if that is not known.
        """
        for wanted in image.depends_on:
            self.finder.by_dependency(image, wanted)  # what it says tells more than a FROM would
        dockerfile = self._read(image)
        _check_target(image, dockerfile)
        args = self._arguments(image, (*_declared(dockerfile), *_declared_by(triggers or ())))
        contexts = self._contexts(image)

        def inherited(reference: str) -> Inherited:
            passed_on = self._passed_on(self._address(reference, contexts))
            if triggers is None and passed_on.triggers:
                self._unsettled.add(image.address)
            return passed_on

        self._begun.append(image.address)
        try:
            resolution = resolve_on_all(
                dockerfile,
                target=image.target,
                args=args,
                platforms=image.platforms or (self._inputs.platform,),
                inherited=inherited,
            )
        finally:
            self._begun.pop()
        images = {
            use.reference: self._address(use.reference, contexts) for use in resolution.images
        }
        named = {reference: address for reference, address in images.items() if address}
        args = _used(_counting(args, dockerfile, resolution), resolution)
        self.graph.put(Node(image, dockerfile, resolution, args, named))

    def _read(self, image: Image) -> Dockerfile:
        path = image.dockerfile
        if image.inline:
            return parse(image.inline.text.encode(), path, image.inline.first_line)
        if path not in self._dockerfiles:
            note_file(path)
            try:
                data = path.read_bytes()
            except OSError as error:
                raise ManifestError(
                    f"the Dockerfile cannot be read: {error.strerror}",
                    location=Location(path),
                    hint="make it a file that you may read",
                ) from error
            self._dockerfiles[path] = parse(data, path)
        return self._dockerfiles[path]

    def _address(self, reference: str, contexts: Mapping[str, str]) -> str | None:
        """Return which image of the workspace an expanded reference means.

        :param contexts: named contexts, which stand for the images of their names.
        """
        context = contexts.get(reference)
        if context is not None:
            reference = context.removeprefix(IMAGE)
            if reference == context:
                return None
        stood_for = standing_in(reference)
        found = stood_for[0] if stood_for else self._inputs.find(reference)
        return found if found in self.finder else None

    def _contexts(self, image: Image) -> dict[str, str]:
        """Return named contexts, with stand-ins for those that name images of the workspace."""
        return {
            name: IMAGE + stand_in(self._named(image, value), "IMAGE")
            if value.startswith(NAMED)
            else value
            for name, value in image.named_contexts
        }

    def _named(self, image: Image, context: str) -> str:
        """Return which image of the workspace a named context is.

        :raises ManifestError: if there is none, or several might be.
        """
        text = context.removeprefix(NAMED)
        try:
            return self.finder.by_dependency(image, Located(text, image.place("contexts")))
        except ManifestError as error:
            raise ManifestError(
                error.message,
                location=error.location,
                hint=f"{error.hint}; a folder that is not there yet is written ./{text}",
            ) from error

    # --------------------------------------------------------------------------------- arguments

    def _arguments(
        self, image: Image, declared: Iterable[tuple[str, Instruction]]
    ) -> dict[str, str]:
        """Return the image's arguments, and those for what it is built from, with stand-ins.

        Those that are given to all are among them if they are declared.
        """
        values = {arg.name: self._value(image, arg) for arg in image.args}
        for name, _ in declared:
            match = _BUILD_ARGUMENT.fullmatch(name)
            address = self.finder.by_variable(image, match[1]) if match else None
            if match and address and address != image.address:
                values[name] = stand_in(address, match[2])
            elif name in self._inputs.given:
                values.setdefault(name, self._inputs.given[name])
        return values

    def _value(self, image: Image, arg: BuildArg) -> str:
        def of_image(name: str, field: str) -> str:
            address = self.finder.by_variable(image, name)
            if address:
                return stand_in(address, field)
            variable = f"OKTETO_BUILD_{name}_{field}"
            if variable in self._inputs.environ:
                return self._inputs.environ[variable]
            raise ManifestError(
                f"{variable} has no value: no image of the workspace is called {name}"
                f"{did_you_mean(name, self.finder.variable_parts())}",
                location=arg.location,
                hint=f"images are {', '.join(self.finder.some_names())}",
            )

        return substitute_build_variables(arg.value, of_image)

    # ------------------------------------------------------------------------------------- edges

    def add_edges(self, image: Image) -> None:
        """Add an edge from everything that the image names."""
        for wanted in image.depends_on:
            address = self.finder.by_dependency(image, wanted)
            self.graph.add_edge(address, image.address, Cause("depends_on", wanted.location))
        self._add_dockerfile_edges(image)

    def add_order(self, image: Image) -> None:
        """Add an edge from what an image comes after, unless that is built from the image."""
        if image.after:
            late = self.graph.affected((image.address,))
            for before in image.after:
                if before.value in self.graph and before.value not in late:
                    self.graph.add_edge(before.value, image.address, Cause(ORDER, before.location))

    def _add_dockerfile_edges(self, image: Image) -> None:
        node = self.graph.node(image.address)
        contexts = dict(image.named_contexts)
        place = image.place("contexts")
        for use in node.resolution.images:
            address = node.images.get(use.reference)
            if address and use.reference in contexts:
                self._link(address, image, Cause("named context", place))
            elif address:
                self._link(address, image, _cause(use, image))
        self._add_argument_edges(node)

    def _add_argument_edges(self, node: Node) -> None:
        """Add an edge from what an argument holds, unless that only leads to a FROM or the like."""
        image = node.image
        places = {arg.name: arg.location for arg in image.args}
        lines = {name: instruction.line for name, instruction in _declared(node.dockerfile)}
        for name, value in node.resolution.args:
            plain = name.partition("@")[0]
            for address in standing_in(value):
                if address in node.images.values():
                    continue
                line = lines.get(plain, 0)
                place = places.get(plain) or Location(image.dockerfile, line, 1 if line else 0)
                self._link(address, image, Cause("build argument", place))

    def _link(self, address: str, image: Image, cause: Cause) -> None:
        if address == image.address:
            raise ManifestError(
                f"{address} is built from itself",
                location=cause.location,
                hint="name another image",
            )
        self.graph.add_edge(address, image.address, cause)


def _bases(node: Node) -> Iterator[str]:
    """Yield the images of the workspace that stages of an image start from."""
    for use in node.resolution.images:
        if use.cause == "FROM" and use.reference in node.images:
            yield node.images[use.reference]


def _cause(use: ImageUse, image: Image) -> Cause:
    return Cause(use.cause, Location(image.dockerfile, use.line, 1))


def _counting(
    args: Mapping[str, str], dockerfile: Dockerfile, resolution: Resolution
) -> dict[str, str]:
    """Leave out what nothing declares: only an ONBUILD of a base from elsewhere would take it."""
    known = {name.partition("@")[0] for name, _ in resolution.args}
    known.update(name for name, _ in _declared(dockerfile))
    return {name: value for name, value in args.items() if name in known or is_proxy(name)}


def _used(args: Mapping[str, str], resolution: Resolution) -> dict[str, str]:
    """Put ``scratch`` for images that only unreached stages name: they are not built for this.

    A FROM must not be empty, whether its stage is reached or not.
    """
    texts = [value for _, value in resolution.args] + [use.reference for use in resolution.images]
    used = {address for text in texts for address in standing_in(text)}
    return {
        name: value
        if used.issuperset(standing_in(value))
        else fill_in(value, lambda _address, _field: "scratch")
        for name, value in args.items()
    }


def _check_target(image: Image, dockerfile: Dockerfile) -> None:
    try:
        find_target(dockerfile, image.target)
    except ManifestError as error:
        raise ManifestError(
            error.message, location=image.place("target"), hint=error.hint
        ) from None


def _declared(dockerfile: Dockerfile) -> Iterator[tuple[str, Instruction]]:
    """Yield the name of every ARG with its instruction, the first of a name last."""
    instructions = [
        *dockerfile.global_args,
        *(one for stage in dockerfile.stages for one in stage.instructions if one.name == "ARG"),
    ]
    for instruction in reversed(instructions):
        for name, _ in instruction.pairs:
            yield name, instruction


def _declared_by(triggers: Iterable[Instruction]) -> Iterator[tuple[str, Instruction]]:
    """Yield the names that ``ONBUILD ARG`` declares."""
    for trigger in triggers:
        if trigger.trigger and trigger.trigger.name == "ARG":
            for name, _ in trigger.trigger.pairs:
                yield name, trigger
