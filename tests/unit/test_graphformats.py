"""How the graph is shown."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug.dockerfile.model import Dockerfile, Inherited, Resolution
from okplug.errors import Location
from okplug.graph import Cause, ImageGraph, Node
from okplug.graphformats import ASCII, View, as_dot, as_json, as_mermaid, as_text
from okplug.manifest.model import Image

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path("/shop")


def make_graph(addresses: Iterable[str]) -> ImageGraph:
    graph = ImageGraph()
    place = Location(ROOT / "okteto.yaml")
    dockerfile = Dockerfile(ROOT / "Dockerfile", (), (), (), ())
    resolution = Resolution((), (), (), "", (), Inherited())
    for address in addresses:
        folder, _, name = address.rpartition(":")
        image = Image(name, folder, place, ROOT, dockerfile.path)
        graph.put(Node(image, dockerfile, resolution, {}, {}))
    return graph


def cause(kind: str = "FROM", path: str = "x/Dockerfile", line: int = 1, column: int = 1) -> Cause:
    return Cause(kind, Location(ROOT / path, line, column))


@pytest.fixture
def graph() -> ImageGraph:
    """A base below two images, one of them below a third, and an image on its own."""
    graph = make_graph(["base:base", "libs:log", "api:api", "web:web", ":alone"])
    graph.add_edge("base:base", "libs:log", cause(path="libs/Dockerfile", line=2))
    graph.add_edge("base:base", "api:api", cause("depends_on", "api/okteto.yaml", 5, 7))
    graph.add_edge("base:base", "api:api", cause("FROM", "api/Dockerfile", 9))
    graph.add_edge("libs:log", "api:api", cause("COPY --from", "api/Dockerfile", 12))
    graph.add_edge("api:api", "web:web", cause("build argument", "web/okteto.yaml", 8, 11))
    return graph


def view(graph: ImageGraph, *addresses: str) -> View:
    chosen = graph.closure(addresses) if addresses else {i.address for i in graph.images()}
    return View.of(graph, chosen, ROOT)


def dedent(text: str) -> str:
    return textwrap.dedent(text).removeprefix("\n")


# --------------------------------------------------------------------------------------------- text


def test_text_is_a_tree_below_each_image_that_no_other_needs(graph: ImageGraph) -> None:
    assert as_text(view(graph)) == dedent("""
        :alone
        web:web
        └── api:api  (build argument, web/okteto.yaml:8)
            ├── base:base  (FROM, api/Dockerfile:9; depends_on, api/okteto.yaml:5)
            └── libs:log  (COPY --from, api/Dockerfile:12)
                └── base:base  (FROM, libs/Dockerfile:2)
        """)


def test_what_has_been_shown_with_all_below_it_is_not_shown_so_again() -> None:
    graph = make_graph([":a", ":b", ":c", ":d"])
    for dependency, dependant in (("d", "c"), ("c", "b"), ("c", "a"), ("b", "a")):
        graph.add_edge(f":{dependency}", f":{dependant}", cause())
    assert as_text(view(graph)) == dedent("""
        :a
        ├── :b  (FROM, x/Dockerfile:1)
        │   └── :c  (FROM, x/Dockerfile:1)
        │       └── :d  (FROM, x/Dockerfile:1)
        └── :c  (FROM, x/Dockerfile:1) (above)
        """)


def test_text_for_terminals_that_know_no_lines(graph: ImageGraph) -> None:
    graph.add_edge("libs:log", "web:web", cause(path="web/Dockerfile", line=3))
    text = as_text(view(graph, "web:web"), ASCII)
    assert text.isascii()
    assert text == dedent("""
        web:web
        |-- api:api  (build argument, web/okteto.yaml:8)
        |   |-- base:base  (FROM, api/Dockerfile:9; depends_on, api/okteto.yaml:5)
        |   `-- libs:log  (COPY --from, api/Dockerfile:12)
        |       `-- base:base  (FROM, libs/Dockerfile:2)
        `-- libs:log  (FROM, web/Dockerfile:3) (above)
        """)


def test_a_part_of_a_graph_is_shown_by_itself(graph: ImageGraph) -> None:
    assert as_text(view(graph, "libs:log", ":alone")) == dedent("""
        :alone
        libs:log
        └── base:base  (FROM, libs/Dockerfile:2)
        """)


def test_places_elsewhere_and_places_without_a_line() -> None:
    graph = make_graph([":a", ":b"])
    graph.add_edge(":a", ":b", Cause("FROM", Location(Path("/elsewhere/Dockerfile"), 3, 1)))
    graph.add_edge(":a", ":b", Cause("smoke test", Location(ROOT / "okplugfile.py")))
    assert as_text(view(graph)) == dedent("""
        :b
        └── :a  (FROM, /elsewhere/Dockerfile:3; smoke test, okplugfile.py)
        """)


def test_text_of_nothing() -> None:
    assert as_text(view(make_graph([]))) == ""


def test_a_long_chain_needs_no_deep_stack() -> None:
    addresses = [f":i{number:04}" for number in range(3000)]
    graph = make_graph(addresses)
    for dependency, dependant in itertools.pairwise(addresses):
        graph.add_edge(dependency, dependant, cause())
    assert len(as_text(view(graph)).splitlines()) == 3000


def test_text_does_not_grow_with_the_number_of_paths() -> None:
    """20 layers of 3 images, each of which needs all three of the layer before."""
    layers = [[f":l{layer:02}{name}" for name in "abc"] for layer in range(20)]
    graph = make_graph(address for layer in layers for address in layer)
    for lower, upper in itertools.pairwise(layers):
        for dependency in lower:
            for dependant in upper:
                graph.add_edge(dependency, dependant, cause())
    assert len(as_text(view(graph)).splitlines()) == 3 + 19 * 9


# ---------------------------------------------------------------------------------------------- DOT


def test_dot(graph: ImageGraph) -> None:
    assert as_dot(view(graph, "api:api")) == dedent("""
        digraph okplug {
          rankdir=LR;
          node [shape=box];
          "base:base";
          "libs:log";
          "api:api";
          "base:base" -> "libs:log" [label="FROM"];
          "base:base" -> "api:api" [label="FROM, depends_on"];
          "libs:log" -> "api:api" [label="COPY --from"];
        }
        """)


ODD = 'a"b\\c\nd#<e>&f|g`h]:i'


def test_dot_keeps_odd_names_apart_from_its_own_signs() -> None:
    assert as_dot(view(make_graph([ODD, "x\\:y\\"]))) == dedent(r"""
        digraph okplug {
          rankdir=LR;
          node [shape=box];
          "a\"b\\c\nd#<e>&f|g`h]:i";
          "x\\:y\\";
        }
        """)


def test_graphviz_draws_it(graph: ImageGraph) -> None:
    assert shutil.which("dot"), "Graphviz is not installed; tests/run installs it"
    for each in (graph, make_graph([ODD, "x\\:y\\"])):
        drawn = subprocess.run(
            ["dot", "-Tplain"], input=as_dot(view(each)), capture_output=True, text=True, check=True
        )
        assert drawn.stdout.count("\nnode ") == len(each.images())


# ------------------------------------------------------------------------------------------ Mermaid


def test_mermaid(graph: ImageGraph) -> None:
    assert as_mermaid(view(graph, "api:api")) == dedent("""
        flowchart LR
          n0["base:base"]
          n1["libs:log"]
          n2["api:api"]
          n0 -->|"FROM"| n1
          n0 -->|"FROM, depends#95;on"| n2
          n1 -->|"COPY --from"| n2
        """).replace("#95;", "_")


def test_mermaid_gets_odd_names_as_entities() -> None:
    assert as_mermaid(view(make_graph([ODD]))) == (
        "flowchart LR\n"
        '  n0["a#34;b#92;c#10;d#35;#60;e#62;#38;f#124;g#96;h#93;:i"]\n'
    )  # fmt: skip


@given(st.text(max_size=12), st.text(max_size=12))
def test_no_name_breaks_out_of_its_quotes(name: str, kind: str) -> None:
    graph = make_graph([":a", f"x{name}:b"])
    graph.add_edge(":a", f"x{name}:b", cause(kind or "FROM"))
    lines = as_mermaid(view(graph)).split("\n")
    assert len(lines) == 5
    assert [line.count('"') for line in lines] == [0, 2, 2, 2, 0]
    quotes = [
        line.replace("\\\\", "").replace('\\"', "") for line in as_dot(view(graph)).split("\n")
    ]
    assert [line.count('"') for line in quotes] == [0, 0, 0, 2, 2, 6, 0, 0]


# --------------------------------------------------------------------------------------------- JSON


def test_json(graph: ImageGraph) -> None:
    document = json.loads(as_json(view(graph, "libs:log")))
    assert document == {
        "images": [
            {"address": "base:base", "dependencies": []},
            {
                "address": "libs:log",
                "dependencies": [
                    {
                        "address": "base:base",
                        "causes": [
                            {"kind": "FROM", "path": "libs/Dockerfile", "line": 2, "column": 1}
                        ],
                    }
                ],
            },
        ]
    }


def test_json_has_all_causes_and_any_name(graph: ImageGraph) -> None:
    graph.add_edge("web:web", ":alone", Cause("a, b", Location(Path("/else/caf\udce9"), 1)))
    (alone,) = (i for i in json.loads(as_json(view(graph)))["images"] if i["address"] == ":alone")
    assert alone["dependencies"][0]["causes"] == [
        {"kind": "a, b", "path": "/else/caf\udce9", "line": 1, "column": 0}
    ]


def test_images_come_in_build_order_in_every_format(graph: ImageGraph) -> None:
    order = list(graph.order())
    assert [image["address"] for image in json.loads(as_json(view(graph)))["images"]] == order
    assert [line.strip(' ";') for line in as_dot(view(graph)).splitlines()[3:8]] == order
    mermaid = as_mermaid(view(graph)).splitlines()[1:6]
    assert [line.partition('"')[2].rstrip('"]') for line in mermaid] == order
