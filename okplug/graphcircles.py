"""Find a circle in a graph that has one."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from networkx import DiGraph


def find_circle(graph: DiGraph[str]) -> list[str]:
    """Return a shortest circle through the first node that is in one, from that node on.

    The search stays within a component that has a circle: in a whole graph it, and that of
    networkx, can take quadratic time.

    :raises ValueError: if there is no circle.
    """
    import networkx as nx

    knots = [part for part in nx.strongly_connected_components(graph) if len(part) > 1]
    knots += [{node} for node in nx.nodes_with_selfloops(graph)]
    knot = min(knots, key=min)
    start = min(knot)
    before: dict[str, str] = {}
    todo = deque([start])
    while start not in before:
        node = todo.popleft()
        for name in sorted(knot.intersection(graph.succ[node]) - before.keys()):
            before[name] = node
            todo.append(name)
    path = [start]
    while before[path[-1]] != start:
        path.append(before[path[-1]])
    return [start, *reversed(path[1:])]
