"""The graph as text, DOT, Mermaid and JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

    from okplug.graph import ImageGraph


class Reason(NamedTuple):
    """A cause of an edge.

    :param path: POSIX path below the root, absolute for a file elsewhere.
    :param line: from 1, 0 when it is not known; so is *column*.
    """

    kind: str
    path: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.kind}, {self.path}:{self.line}" if self.line else f"{self.kind}, {self.path}"


@dataclass(frozen=True, slots=True)
class Edge:
    """One edge with its causes."""

    dependency: str
    dependant: str
    causes: tuple[Reason, ...]

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of its causes, each once."""
        return tuple(dict.fromkeys(cause.kind for cause in self.causes))


@dataclass(frozen=True, slots=True)
class View:
    """A part of a graph: addresses in build order, and the edges between them."""

    addresses: tuple[str, ...]
    edges: tuple[Edge, ...]

    @classmethod
    def of(cls, graph: ImageGraph, addresses: Collection[str], root: Path) -> View:
        """Take the part of a graph that lies between these addresses.

        :param root: the workspace, which paths are told from.
        """
        order = tuple(address for address in graph.order() if address in addresses)
        edges = tuple(
            Edge(dependency, dependant, _reasons(graph, dependency, dependant, root))
            for dependant in order
            for dependency in graph.dependencies(dependant)
            if dependency in addresses
        )
        return cls(order, edges)

    def below(self) -> Mapping[str, list[Edge]]:
        """Return for each address the edges to what it is built from."""
        found: dict[str, list[Edge]] = {address: [] for address in self.addresses}
        for edge in self.edges:
            found[edge.dependant].append(edge)
        return found


def _reasons(graph: ImageGraph, dependency: str, dependant: str, root: Path) -> tuple[Reason, ...]:
    places = ((cause.kind, cause.location) for cause in graph.causes(dependency, dependant))
    return tuple(
        Reason(kind, shown_path(place.path, root), place.line, place.column)
        for kind, place in places
    )


def shown_path(path: Path, root: Path) -> str:
    """Return the POSIX path below the root, the absolute one of a file elsewhere."""
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


class Lines(NamedTuple):
    """What a tree is drawn with: before an entry, and before all that is below it."""

    entry: str = "├── "
    last_entry: str = "└── "
    below: str = "│   "
    below_last: str = "    "


ASCII = Lines("|-- ", "`-- ", "|   ", "    ")


def as_text(view: View, lines: Lines | None = None) -> str:
    """Return a tree for each image that no other one is built from.

    What has been shown with all below it is shown again without, marked ``(above)``.
    """
    return "".join(f"{line}\n" for line in _forest(view, lines or Lines()))


def _forest(view: View, lines: Lines) -> Iterator[str]:
    below = view.below()
    inner = {edge.dependency for edge in view.edges}
    shown: set[str] = set()
    for top in sorted(set(view.addresses) - inner):
        yield top
        # a stack of what is still to be shown at each depth: a chain of images can be long
        levels = [list(reversed(below[top]))]
        indents = [""]
        while levels:
            if not levels[-1]:
                levels.pop()
                indents.pop()
                continue
            edge, indent = levels[-1].pop(), indents[-1]
            is_last = not levels[-1]
            repeats = edge.dependency in shown and bool(below[edge.dependency])
            shown.add(edge.dependency)
            mark = lines.last_entry if is_last else lines.entry
            causes = "; ".join(map(str, edge.causes))
            yield f"{indent}{mark}{edge.dependency}  ({causes}){' (above)' if repeats else ''}"
            if not repeats:
                levels.append(list(reversed(below[edge.dependency])))
                indents.append(indent + (lines.below_last if is_last else lines.below))


def as_dot(view: View) -> str:
    """Return the graph in Graphviz's language."""
    lines = ["digraph okplug {", "  rankdir=LR;", "  node [shape=box];"]
    lines += [f"  {_quoted(address)};" for address in view.addresses]
    lines += [
        f"  {_quoted(edge.dependency)} -> {_quoted(edge.dependant)} "
        f"[label={_quoted(', '.join(edge.kinds))}];"
        for edge in view.edges
    ]
    return "\n".join([*lines, "}", ""])


def _quoted(text: str) -> str:
    """Return a string of DOT; labels would take a single backslash for an escape."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def as_mermaid(view: View) -> str:
    """Return the graph in Mermaid's language, for Markdown pages."""
    names = {address: f"n{number}" for number, address in enumerate(view.addresses)}
    lines = ["flowchart LR"]
    lines += [f'  {names[address]}["{_entities(address)}"]' for address in view.addresses]
    lines += [
        f'  {names[edge.dependency]} -->|"{_entities(", ".join(edge.kinds))}"| '
        f"{names[edge.dependant]}"
        for edge in view.edges
    ]
    return "\n".join([*lines, ""])


def _entities(text: str) -> str:
    """Write what Mermaid or HTML would take for signs of their own as numbered entities."""
    return "".join(c if c.isalnum() or c in " _/:.,-" else f"#{ord(c)};" for c in text)


def as_json(view: View) -> str:
    """Return the images in build order, each with what it is built from and why."""
    below = view.below()
    images = [
        {"address": address, "dependencies": [_dependency(edge) for edge in below[address]]}
        for address in view.addresses
    ]
    return json.dumps({"images": images}, indent=2) + "\n"


def _dependency(edge: Edge) -> dict[str, Any]:
    return {
        "address": edge.dependency,
        "causes": [cause._asdict() for cause in edge.causes],
    }
