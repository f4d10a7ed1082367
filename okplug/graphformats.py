"""The graph as text, DOT, Mermaid and JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

    from okplug.graph import Cause, ImageGraph


@dataclass(frozen=True, slots=True)
class Edge:
    """One edge with its causes, as ``kind, place below the root``."""

    dependency: str
    dependant: str
    causes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class View:
    """A part of a graph: addresses in build order, and the edges between them."""

    addresses: tuple[str, ...]
    edges: tuple[Edge, ...]

    @classmethod
    def of(cls, graph: ImageGraph, addresses: Collection[str], root: Path) -> View:
        """Take the part of a graph that lies between these addresses."""
        order = tuple(address for address in graph.order() if address in addresses)
        edges = tuple(
            Edge(
                dependency,
                dependant,
                tuple(_show(cause, root) for cause in graph.causes(dependency, dependant)),
            )
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


def _show(cause: Cause, root: Path) -> str:
    path, line = cause.location.path, cause.location.line
    name = path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
    return f"{cause.kind}, {name}:{line}" if line else f"{cause.kind}, {name}"


def as_text(view: View, asked: Collection[str]) -> str:
    """Return a tree for each image that was asked for and that no other one is built from.

    What has been shown with all below it is shown again without, marked ``(above)``.
    """
    below = view.below()
    inner = {edge.dependency for edge in view.edges if edge.dependant in asked}
    tops = sorted(address for address in asked if address not in inner)
    shown: set[str] = set()
    lines: list[str] = []
    for top in tops:
        lines.append(top)
        lines.extend(_tree(top, below, shown, ""))
    return "".join(f"{line}\n" for line in lines)


def _tree(
    address: str, below: Mapping[str, list[Edge]], shown: set[str], indent: str
) -> Iterator[str]:
    shown.add(address)
    edges = below[address]
    for edge in edges:
        is_last = edge is edges[-1]
        mark, deeper = ("└── ", "    ") if is_last else ("├── ", "│   ")
        repeats = edge.dependency in shown and bool(below[edge.dependency])
        causes = "; ".join(edge.causes)
        yield f"{indent}{mark}{edge.dependency}  ({causes}){' (above)' if repeats else ''}"
        if not repeats:
            yield from _tree(edge.dependency, below, shown, indent + deeper)


def as_dot(view: View) -> str:
    """Return the graph in Graphviz's language."""
    lines = ["digraph okplug {", "  rankdir=LR;", "  node [shape=box];"]
    lines += [f"  {_quoted(address)};" for address in view.addresses]
    lines += [
        f"  {_quoted(edge.dependency)} -> {_quoted(edge.dependant)} "
        f"[label={_quoted(', '.join(_kinds(edge)))}];"
        for edge in view.edges
    ]
    return "\n".join([*lines, "}", ""])


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def as_mermaid(view: View) -> str:
    """Return the graph in Mermaid's language, for Markdown pages."""
    names = {address: f"n{number}" for number, address in enumerate(view.addresses)}
    lines = ["flowchart LR"]
    lines += [f'  {names[address]}["{_entities(address)}"]' for address in view.addresses]
    lines += [
        f"  {names[edge.dependency]} -->|{_entities(', '.join(_kinds(edge)))}| "
        f"{names[edge.dependant]}"
        for edge in view.edges
    ]
    return "\n".join([*lines, ""])


def _entities(text: str) -> str:
    """Write what Mermaid would take for its own signs as numbered entities."""
    return "".join(c if c.isalnum() or c in " _/:.,-" else f"#{ord(c)};" for c in text)


def _kinds(edge: Edge) -> list[str]:
    return sorted({cause.partition(",")[0] for cause in edge.causes})


def as_json(view: View) -> str:
    """Return ``{"images": [address], "edges": [{dependency, dependant, causes}]}``."""
    document = {
        "images": list(view.addresses),
        "edges": [
            {
                "dependency": edge.dependency,
                "dependant": edge.dependant,
                "causes": list(edge.causes),
            }
            for edge in view.edges
        ],
    }
    return json.dumps(document, indent=2) + "\n"
