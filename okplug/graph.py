"""The images of a workspace and what each is built from.

Edges go from a dependency to its dependant, and each has its causes: why it is there, and where
that is written.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, TypeAlias

from okplug.errors import ManifestError
from okplug.graphcircles import find_circle
from okplug.manifest.model import IMAGE
from okplug.standins import standing_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from networkx import DiGraph

    from okplug.dockerfile.model import Dockerfile, Resolution
    from okplug.errors import Location
    from okplug.manifest.model import Image

#: its name in the Dockerfile, the line there, and what it means
ImageFromElsewhere: TypeAlias = tuple[str, int, str]

#: seconds that an image counts for while no run has measured any
_UNKNOWN_DURATION = 1.0
#: what manifests and Dockerfiles have edges for; a plugin may say anything else
CAUSES = frozenset(
    {"depends_on", "FROM", "COPY --from", "RUN --mount", "build argument", "named context", "order"}
)
#: the cause of an edge that only says which image is begun first
ORDER = "order"
#: what of an image its Dockerfile's meaning and its edges depend on
_LINKING = (
    "depends_on",
    "after",
    "dockerfile",
    "inline",
    "target",
    "args",
    "platforms",
    "named_contexts",
)


@dataclass(frozen=True, slots=True, order=True)
class Cause:
    """Why one image needs another.

    :param kind: ``depends_on``, ``FROM``, ``COPY --from``, ``RUN --mount``, ``build argument``,
        ``named context``, ``order``, or what a plugin says.
    """

    kind: str
    location: Location

    def __str__(self) -> str:
        return f"{self.kind}, {self.location}"


@dataclass(frozen=True, slots=True)
class Node:
    """An image with what its Dockerfile comes to.

    :param args: build arguments; ``okplug-image:ADDRESS#FIELD`` stands for images not built yet.
    :param images: reference as the Dockerfile has it after expansion -> address of the image.
    """

    image: Image
    dockerfile: Dockerfile
    resolution: Resolution
    args: Mapping[str, str]
    images: Mapping[str, str]

    @property
    def elsewhere(self) -> tuple[ImageFromElsewhere, ...]:
        """The images that are no image of the workspace."""
        contexts = dict(self.image.named_contexts)
        found = []
        for use in self.resolution.images:
            text = contexts.get(use.reference, IMAGE + use.reference)
            if use.reference not in self.images and text.startswith(IMAGE):
                found.append((use.reference, use.line, text.removeprefix(IMAGE)))
        return tuple(found)

    @property
    def uses(self) -> frozenset[str]:
        """The addresses of the images that the Dockerfile names, itself or by an argument."""
        by_argument = (name for value in self.args.values() for name in standing_in(value))
        return frozenset((*self.images.values(), *by_argument))


@dataclass(frozen=True, slots=True)
class KnownGraph:
    """A graph without what the Dockerfiles come to.

    :param edges: address -> what it is built after, with the causes.
    :param elsewhere: address -> the images that it uses and that are none of the workspace.
    :param order: all addresses, each after what it depends on.
    """

    images: tuple[Image, ...]
    edges: Mapping[str, Mapping[str, tuple[Cause, ...]]]
    order: tuple[str, ...]
    elsewhere: Mapping[str, tuple[ImageFromElsewhere, ...]]


class Linker(Protocol):
    """What reads the Dockerfile of an image, and finds what the image is built from."""

    def link(self, image: Image) -> None:
        """Put the image into the graph, with its edges.

        :raises ManifestError: if its Dockerfile is wrong or a dependency is unknown.
        """

    def inherit(self, address: str) -> None:
        """Link again what starts from this image, which passes on other things than before."""

    def forget(self, address: str) -> None:
        """Take the names of an image for those of no image."""


class ImageGraph:
    """Images by address, and their edges; ``okplug_graph_modify`` may change it.

    :param linker: links what is added and what is replaced; without one, nodes are given.
    """

    def __init__(self, linker: Linker | None = None) -> None:
        self._linker = linker
        self._images: dict[str, Image] = {}
        self._nodes: dict[str, Node] = {}
        self._load: Callable[[str], Node] | None = None
        self._before: dict[str, dict[str, tuple[Cause, ...]]] = {}
        self._after: dict[str, set[str]] = {}
        self._order: tuple[str, ...] | None = None
        self._elsewhere: Mapping[str, tuple[ImageFromElsewhere, ...]] = {}
        self._bereft: set[str] = set()

    @classmethod
    def restored(cls, known: KnownGraph, load: Callable[[str], Node]) -> ImageGraph:
        """Return a graph that is known, without a linker.

        :param load: returns the node of an image, when it is first asked for.
        """
        graph = cls()
        graph._load = load
        graph._images = {image.address: image for image in known.images}
        graph._after = {address: set() for address in graph._images}
        graph._before = {address: dict(known.edges.get(address, {})) for address in graph._images}
        for address, before in graph._before.items():
            for name in before:
                graph._after[name].add(address)
        graph._order = known.order
        graph._elsewhere = known.elsewhere
        return graph

    # ----------------------------------------------------------------------------------- changes

    def put(self, node: Node) -> None:
        """Add an image with its Dockerfile, or take it for the one of that address."""
        address = node.image.address
        self._images[address], self._nodes[address] = node.image, node
        self._before.setdefault(address, {})
        self._after.setdefault(address, set())
        self._order = None

    def add_image(self, image: Image) -> None:
        """Add an image, and find what it is built from as for an image of a manifest.

        :raises ManifestError: if there is one of that address, or it cannot be linked.
        """
        self.refuse_other(image)
        self._link(image)

    def refuse_other(self, image: Image) -> None:
        """See that no other image has the address of this one.

        :raises ManifestError: if one has.
        """
        other = self._images.get(image.address)
        if other is not None and other is not image:
            raise ManifestError(
                f"there are two images {image.address}; the other one is at {other.location}",
                location=image.location,
                hint="rename one of them",
            )

    def replace_image(self, image: Image) -> None:
        """Take *image* for the image of that address; it is linked again where that matters.

        Edges that a plugin added for a cause of its own stay.

        :raises KeyError: if there is none of that address.
        :raises ManifestError: if it cannot be linked.
        """
        node = self.node(image.address)
        if all(getattr(image, field) == getattr(node.image, field) for field in _LINKING):
            self.put(replace(node, image=image))
            return
        linker = self._link(image)
        if self.node(image.address).resolution.passes_on != node.resolution.passes_on:
            linker.inherit(image.address)

    def _link(self, image: Image) -> Linker:
        if self._linker is None:
            raise ValueError("a graph without a linker takes nodes only")
        self.unlink(image.address)
        self._linker.link(image)
        return self._linker

    def unlink(self, address: str) -> None:
        """Drop the edges that an image has because of its manifest and Dockerfile."""
        for dependency in self.dependencies(address) if address in self else ():
            kept = [each for each in self.causes(dependency, address) if each.kind not in CAUSES]
            self._cut(dependency, address)
            for cause in kept:
                self.add_edge(dependency, address, cause)

    def remove_image(self, address: str) -> None:
        """Drop an image and its edges.

        When the graph is next asked for its order, what the image's dependants named it by is the
        name of another image, of one from elsewhere, or an error.

        :raises KeyError: if there is none of that address.
        """
        del self._images[address]
        self._nodes.pop(address, None)
        dependants = self._after.pop(address)
        self._bereft.update(dependants)
        for dependant in dependants:
            del self._before[dependant][address]
        for dependency in self._before.pop(address):
            self._after[dependency].discard(address)
        self._order = None
        if self._linker:
            self._linker.forget(address)

    def add_edge(self, dependency: str, dependant: str, cause: Cause) -> None:
        """Say that one image is built after another, and why.

        :raises KeyError: if there is none of one of the addresses.
        """
        for address in (dependency, dependant):
            if address not in self._images:
                raise KeyError(address)
        causes = set(self.causes(dependency, dependant)) | {cause}
        self._before[dependant][dependency] = tuple(sorted(causes))
        self._after[dependency].add(dependant)
        self._order = None

    def remove_edge(self, dependency: str, dependant: str) -> None:
        """Drop an edge with all its causes, such as one that ``depends_on`` or a plugin made.

        :raises KeyError: if there is none.
        :raises ValueError: if the dependant's Dockerfile uses the dependency.
        """
        if not self.causes(dependency, dependant):
            raise KeyError((dependency, dependant))
        if dependency in self.node(dependant).uses:
            raise ValueError(f"the Dockerfile of {dependant} uses {dependency}")
        self._cut(dependency, dependant)

    def _cut(self, dependency: str, dependant: str) -> None:
        del self._before[dependant][dependency]
        self._after[dependency].discard(dependant)
        self._order = None

    # ----------------------------------------------------------------------------------- queries

    def images(self) -> tuple[Image, ...]:
        """Return all images, sorted by address."""
        return tuple(self._images[address] for address in sorted(self._images))

    def image(self, address: str) -> Image:
        """Return one image.

        :raises KeyError: if there is none of that address.
        """
        return self._images[address]

    def node(self, address: str) -> Node:
        """Return one image with what its Dockerfile comes to.

        :raises KeyError: if there is none of that address.
        """
        if address not in self._nodes and address in self._images and self._load:
            self._nodes[address] = self._load(address)
        return self._nodes[address]

    def elsewhere(self, address: str) -> tuple[ImageFromElsewhere, ...]:
        """Return the images that an image uses and that are none of the workspace."""
        if address in self._elsewhere and address not in self._nodes:
            return self._elsewhere[address]
        return self.node(address).elsewhere

    def __contains__(self, address: object) -> bool:
        return address in self._images

    def dependencies(self, address: str) -> tuple[str, ...]:
        """Return what is built before an image directly, sorted."""
        return tuple(sorted(self._before[address]))

    def ingredients(self, address: str) -> tuple[str, ...]:
        """Return what an image is built from directly, sorted: no edge says ``order`` alone."""
        return tuple(sorted(self._ingredients(address)))

    def _ingredients(self, address: str) -> Iterator[str]:
        for name, causes in self._before[address].items():
            if any(cause.kind != ORDER for cause in causes):
                yield name

    def dependants(self, address: str) -> tuple[str, ...]:
        """Return what is built from an image directly, sorted."""
        return tuple(sorted(self._after[address]))

    def causes(self, dependency: str, dependant: str) -> tuple[Cause, ...]:
        """Return why there is an edge, sorted; nothing if there is none."""
        return self._before.get(dependant, {}).get(dependency, ())

    def order(self) -> tuple[str, ...]:
        """Return all addresses, each after what it depends on, otherwise by name.

        :raises ManifestError: if images depend on each other in a circle, or an image that was
            removed is needed.
        """
        if self._order is None:
            import networkx as nx

            self._settle()
            try:
                order = nx.lexicographical_topological_sort(self._network())
                self._order = tuple(order)
            except nx.NetworkXUnfeasible:
                raise self._cycle() from None
        return self._order

    def _settle(self) -> None:
        """Link again what was built from images that are gone."""
        bereft = sorted(self._bereft & self._images.keys())
        self._bereft.clear()
        for address in bereft if self._linker else ():
            self._link(self.image(address))

    def generations(self) -> tuple[tuple[str, ...], ...]:
        """Return the addresses in levels: each needs only what lies in levels before its own.

        :raises ManifestError: if images depend on each other in a circle.
        """
        import networkx as nx

        self.order()
        levels = nx.topological_generations(self._network())
        return tuple(tuple(sorted(level)) for level in levels)

    def closure(self, addresses: Iterable[str]) -> frozenset[str]:
        """Return the addresses and all that they are built from."""
        return self._reachable(addresses, self._ingredients)

    def affected(self, addresses: Iterable[str]) -> frozenset[str]:
        """Return the addresses and all that is built from them."""
        return self._reachable(addresses, self._after.__getitem__)

    def priorities(self, durations: Mapping[str, float]) -> dict[str, float]:
        """Return for each address the seconds of the longest path from its start to the end.

        :param durations: of the images that were measured; others count for the median of these.
        """
        usual = _UNKNOWN_DURATION
        if durations:
            import statistics  # which takes longer than a plan of ten images

            usual = statistics.median(durations.values())
        weights: dict[str, float] = {}
        for address in reversed(self.order()):
            after = max((weights[name] for name in self._after[address]), default=0.0)
            weights[address] = after + durations.get(address, usual)
        return weights

    def _network(self) -> DiGraph[str]:
        """Return the graph as networkx has it, whose import a run without changes goes without."""
        import networkx as nx

        network: DiGraph[str] = nx.DiGraph()
        network.add_nodes_from(self._images)
        edges = ((name, address) for address, names in self._before.items() for name in names)
        network.add_edges_from(edges)
        return network

    def known(self) -> KnownGraph:
        """Return what of the graph a later run can begin with.

        :raises ManifestError: if images depend on each other in a circle.
        """
        elsewhere = {address: self.elsewhere(address) for address in self._images}
        return KnownGraph(self.images(), self._before, self.order(), elsewhere)

    def _reachable(
        self, addresses: Iterable[str], neighbours: Callable[[str], Iterable[str]]
    ) -> frozenset[str]:
        found = set(addresses)
        todo = list(found)
        while todo:
            for name in neighbours(todo.pop()):
                if name not in found:
                    found.add(name)
                    todo.append(name)
        return frozenset(found)

    def _cycle(self) -> ManifestError:
        """Describe one circle, from its smallest address on, an edge to a line."""
        path = find_circle(self._network())
        edges = list(zip(path, [*path[1:], path[0]], strict=True))
        lines = [f"  {a} -> {b} ({self.causes(a, b)[0]})" for a, b in edges]
        return ManifestError(
            "\n".join(["images are built from each other in a circle:", *lines]),
            location=self.causes(*edges[0])[0].location,
            hint="take one of these edges away",
        )
