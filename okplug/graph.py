"""The images of a workspace and what each is built from.

This is the one module that knows networkx. Edges go from a dependency to its dependant, and each
has its causes: why it is there, and where that is written.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from okplug.errors import ManifestError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from okplug.dockerfile.model import Dockerfile, Resolution
    from okplug.errors import Location
    from okplug.manifest.model import Image

#: seconds that an image counts for while no run has measured it
_UNKNOWN_DURATION = 1.0


@dataclass(frozen=True, slots=True, order=True)
class Cause:
    """Why one image needs another.

    :param kind: ``depends_on``, ``FROM``, ``COPY --from``, ``RUN --mount``, ``build argument``, or
        what a plugin says.
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


class ImageGraph:
    """Images by address, and their edges; ``okplug_graph_modify`` may change it."""

    def __init__(self) -> None:
        import networkx as nx

        self._graph: nx.DiGraph[str] = nx.DiGraph()
        self._nodes: dict[str, Node] = {}
        self._order: tuple[str, ...] | None = None

    # ----------------------------------------------------------------------------------- changes

    def put(self, node: Node) -> None:
        """Add an image with its Dockerfile, or take it for the one of that address."""
        self._nodes[node.image.address] = node
        self._graph.add_node(node.image.address)
        self._order = None

    def replace_image(self, image: Image) -> None:
        """Take *image* for the image of that address, with other labels, platforms and the like.

        What its Dockerfile comes to stays: context, Dockerfile, target and arguments are those of
        the manifest.

        :raises KeyError: if there is none of that address.
        :raises ValueError: if it reads other files or another target than the one that was there.
        """
        node = self._nodes[image.address]
        for field in ("context", "dockerfile", "target", "args"):
            if getattr(image, field) != getattr(node.image, field):
                raise ValueError(f"{image.address}: a plugin cannot change {field} of an image")
        self._nodes[image.address] = replace(node, image=image)

    def remove_image(self, address: str) -> None:
        """Drop an image and its edges.

        :raises KeyError: if there is none of that address.
        """
        del self._nodes[address]
        self._graph.remove_node(address)
        self._order = None

    def add_edge(self, dependency: str, dependant: str, cause: Cause) -> None:
        """Say that one image is built after another, and why.

        :raises KeyError: if there is none of one of the addresses.
        """
        for address in (dependency, dependant):
            if address not in self._nodes:
                raise KeyError(address)
        causes = set(self.causes(dependency, dependant)) | {cause}
        self._graph.add_edge(dependency, dependant, causes=tuple(sorted(causes)))
        self._order = None

    def remove_edge(self, dependency: str, dependant: str) -> None:
        """Drop an edge with all its causes."""
        self._graph.remove_edge(dependency, dependant)
        self._order = None

    # ----------------------------------------------------------------------------------- queries

    def images(self) -> tuple[Image, ...]:
        """Return all images, sorted by address."""
        return tuple(self._nodes[address].image for address in sorted(self._nodes))

    def image(self, address: str) -> Image:
        """Return one image.

        :raises KeyError: if there is none of that address.
        """
        return self._nodes[address].image

    def node(self, address: str) -> Node:
        """Return one image with what its Dockerfile comes to."""
        return self._nodes[address]

    def __contains__(self, address: object) -> bool:
        return address in self._nodes

    def dependencies(self, address: str) -> tuple[str, ...]:
        """Return what an image is built from directly, sorted."""
        return tuple(sorted(self._graph.predecessors(address)))

    def dependants(self, address: str) -> tuple[str, ...]:
        """Return what is built from an image directly, sorted."""
        return tuple(sorted(self._graph.successors(address)))

    def causes(self, dependency: str, dependant: str) -> tuple[Cause, ...]:
        """Return why there is an edge, sorted; nothing if there is none."""
        if not self._graph.has_edge(dependency, dependant):
            return ()
        causes: tuple[Cause, ...] = self._graph.edges[dependency, dependant]["causes"]
        return causes

    def order(self) -> tuple[str, ...]:
        """Return all addresses, each after what it depends on, otherwise by name.

        :raises ManifestError: if images depend on each other in a circle.
        """
        if self._order is None:
            import networkx as nx

            try:
                order = nx.lexicographical_topological_sort(self._graph)
                self._order = tuple(order)
            except nx.NetworkXUnfeasible:
                raise self._cycle() from None
        return self._order

    def generations(self) -> tuple[tuple[str, ...], ...]:
        """Return the addresses in levels: each needs only what lies in levels before its own."""
        import networkx as nx

        levels = nx.topological_generations(self._graph)
        return tuple(tuple(sorted(level)) for level in levels)

    def closure(self, addresses: Iterable[str]) -> frozenset[str]:
        """Return the addresses and all that they are built from."""
        return self._reachable(addresses, self._graph.pred)

    def affected(self, addresses: Iterable[str]) -> frozenset[str]:
        """Return the addresses and all that is built from them."""
        return self._reachable(addresses, self._graph.succ)

    def priorities(self, durations: Mapping[str, float]) -> dict[str, float]:
        """Return for each address the seconds of the longest path from its start to the end."""
        weights: dict[str, float] = {}
        for address in reversed(self.order()):
            after = max((weights[name] for name in self._graph.succ[address]), default=0.0)
            weights[address] = after + durations.get(address, _UNKNOWN_DURATION)
        return weights

    def _reachable(
        self, addresses: Iterable[str], neighbours: Mapping[str, Iterable[str]]
    ) -> frozenset[str]:
        found = set(addresses)
        todo = list(found)
        while todo:
            for name in neighbours[todo.pop()]:
                if name not in found:
                    found.add(name)
                    todo.append(name)
        return frozenset(found)

    def _cycle(self) -> ManifestError:
        """Describe one circle, from its smallest address on, an edge to a line.

        networkx is slow to find a circle in a large graph and quick in a component that has one.
        """
        import networkx as nx

        components = nx.strongly_connected_components(self._graph)
        knot = min((sorted(part) for part in components if len(part) > 1), default=None)
        if knot is None:
            knot = [min(nx.nodes_with_selfloops(self._graph))]
        edges = [(a, b) for a, b, *_ in nx.find_cycle(self._graph.subgraph(knot))]
        start = edges.index(min(edges))
        edges = edges[start:] + edges[:start]
        causes = {edge: self.causes(*edge)[0] for edge in edges}
        lines = [f"  {a} -> {b} ({causes[a, b]})" for a, b in edges]
        return ManifestError(
            "\n".join(["images are built from each other in a circle:", *lines]),
            location=causes[edges[0]].location,
            hint="take one of these edges away",
        )
