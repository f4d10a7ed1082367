from __future__ import annotations

import dataclasses
import itertools
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug.dockerfile.model import Dockerfile, Inherited, Resolution
from okplug.errors import Location, ManifestError
from okplug.graph import Cause, ImageGraph, Node
from okplug.manifest.model import Image

if TYPE_CHECKING:
    from collections.abc import Iterable

MANIFEST = Path("/shop/okteto.yaml")
CHAIN = 10_000


def image(name: str, **fields: object) -> Image:
    plain = Image(name, "", Location(MANIFEST), Path("/shop"), Path("/shop/Dockerfile"))
    return dataclasses.replace(plain, **fields)  # type: ignore[arg-type]  # the tests' own fields


def node(one: Image) -> Node:
    dockerfile = Dockerfile(one.dockerfile, (), (), (), ())
    return Node(one, dockerfile, Resolution((), (), (), "", (), Inherited()), {}, {})


def cause(line: int = 1, kind: str = "FROM") -> Cause:
    return Cause(kind, Location(MANIFEST, line))


def make_graph(names: Iterable[str], edges: Iterable[tuple[str, str]] = ()) -> ImageGraph:
    """Return a graph of images in the root; the causes of its edges lie on lines 1, 2, ..."""
    graph = ImageGraph()
    for name in names:
        graph.put(node(image(name)))
    for line, (dependency, dependant) in enumerate(edges, start=1):
        graph.add_edge(f":{dependency}", f":{dependant}", cause(line))
    return graph


def diamond() -> ImageGraph:
    edges = [("base", "left"), ("base", "right"), ("left", "top"), ("right", "top")]
    return make_graph(["top", "right", "left", "base", "alone"], edges)


# ------------------------------------------------------------------------------------------ queries


def test_an_empty_graph() -> None:
    graph = ImageGraph()
    assert graph.images() == ()
    assert graph.order() == ()
    assert graph.generations() == ()
    assert graph.priorities({}) == {}
    assert graph.closure(()) == frozenset()


def test_images_are_sorted_by_address() -> None:
    graph = make_graph(["web", "api", "base"])
    assert [each.address for each in graph.images()] == [":api", ":base", ":web"]
    assert graph.image(":web") == image("web")
    assert graph.node(":web").image == image("web")
    assert ":web" in graph
    assert "web" not in graph


def test_neighbours_are_sorted() -> None:
    graph = diamond()
    assert graph.dependencies(":top") == (":left", ":right")
    assert graph.dependencies(":base") == ()
    assert graph.dependants(":base") == (":left", ":right")
    assert graph.dependants(":top") == ()


def test_each_comes_after_what_it_depends_on_and_otherwise_by_name() -> None:
    assert diamond().order() == (":alone", ":base", ":left", ":right", ":top")
    late = make_graph(["a", "b", "z"], [("z", "a")])
    assert late.order() == (":b", ":z", ":a")


def test_generations_are_levels() -> None:
    assert diamond().generations() == ((":alone", ":base"), (":left", ":right"), (":top",))


def test_the_closure_is_what_images_are_built_from() -> None:
    graph = diamond()
    assert graph.closure([":left"]) == {":left", ":base"}
    assert graph.closure([":top", ":alone"]) == {":top", ":left", ":right", ":base", ":alone"}


def test_affected_is_what_is_built_from_images() -> None:
    graph = diamond()
    assert graph.affected([":left"]) == {":left", ":top"}
    assert graph.affected([":base"]) == {":base", ":left", ":right", ":top"}
    assert graph.affected([]) == frozenset()


def test_what_is_asked_of_an_image_that_there_is_not() -> None:
    graph = diamond()
    for query in (graph.image, graph.node, graph.remove_image):
        with pytest.raises(KeyError, match=":gone"):
            query(":gone")
    with pytest.raises(KeyError, match=":gone"):
        graph.replace_image(image("gone"))


# -------------------------------------------------------------------------------------------- edges


def test_an_edge_has_all_its_causes_once_and_sorted() -> None:
    graph = make_graph(["base", "api"])
    for kind, line in (("depends_on", 9), ("FROM", 3), ("FROM", 1), ("FROM", 3)):
        graph.add_edge(":base", ":api", cause(line, kind))
    assert [str(each) for each in graph.causes(":base", ":api")] == [
        "FROM, /shop/okteto.yaml:1",
        "FROM, /shop/okteto.yaml:3",
        "depends_on, /shop/okteto.yaml:9",
    ]


def test_there_are_no_causes_without_an_edge() -> None:
    graph = diamond()
    assert graph.causes(":left", ":base") == ()
    assert graph.causes(":gone", ":base") == ()


@pytest.mark.parametrize("edge", [(":gone", ":base"), (":base", ":gone")])
def test_an_edge_needs_both_its_images(edge: tuple[str, str]) -> None:
    graph = diamond()
    with pytest.raises(KeyError, match=":gone"):
        graph.add_edge(*edge, cause())
    assert ":gone" not in graph.order()


def test_a_removed_edge_is_gone_with_all_its_causes() -> None:
    graph = diamond()
    graph.add_edge(":left", ":top", cause(9, "depends_on"))
    graph.remove_edge(":left", ":top")
    assert graph.causes(":left", ":top") == ()
    assert graph.dependencies(":top") == (":right",)


def test_a_removed_image_takes_its_edges_along() -> None:
    graph = diamond()
    graph.remove_image(":left")
    assert ":left" not in graph
    assert graph.dependencies(":top") == (":right",)
    assert graph.order() == (":alone", ":base", ":right", ":top")


def test_every_change_makes_a_new_order() -> None:
    """The order is kept between questions, not over changes."""
    graph = make_graph(["a", "b"])
    assert graph.order() == (":a", ":b")
    graph.add_edge(":b", ":a", cause())
    assert graph.order() == (":b", ":a")
    graph.put(node(image("c")))
    assert graph.order() == (":b", ":a", ":c")
    graph.remove_edge(":b", ":a")
    assert graph.order() == (":a", ":b", ":c")
    graph.remove_image(":a")
    assert graph.order() == (":b", ":c")


def test_an_image_that_is_put_again_keeps_its_edges() -> None:
    graph = diamond()
    other = node(image("left", labels=(("team", "a"),)))
    graph.put(other)
    assert graph.node(":left") is other
    assert graph.dependencies(":left") == (":base",)


# ------------------------------------------------------------------------------- replacing an image


def test_an_image_gets_other_labels_and_keeps_what_its_dockerfile_comes_to() -> None:
    graph = diamond()
    before = graph.node(":left")
    labelled = image("left", labels=(("team", "a"),))
    graph.replace_image(labelled)
    assert graph.image(":left") == labelled
    assert graph.node(":left") == dataclasses.replace(before, image=labelled)
    assert graph.dependencies(":left") == (":base",)


def test_a_graph_of_nodes_alone_links_nothing() -> None:
    graph = diamond()
    with pytest.raises(ValueError, match=r"^a graph without a linker takes nodes only$"):
        graph.add_image(image("new"))
    with pytest.raises(ValueError, match=r"^a graph without a linker takes nodes only$"):
        graph.replace_image(image("left", target="other"))
    assert graph.dependencies(":left") == (":base",)


def test_there_is_one_image_of_an_address() -> None:
    graph = diamond()
    with pytest.raises(ManifestError) as caught:
        graph.add_image(image("left"))
    assert str(caught.value) == (
        "/shop/okteto.yaml: there are two images :left; the other one is at /shop/okteto.yaml\n"
        "  hint: rename one of them"
    )


# ------------------------------------------------------------------------------------------ circles


def circle_of(graph: ImageGraph) -> ManifestError:
    with pytest.raises(ManifestError) as caught:
        graph.order()
    return caught.value


def test_a_circle_is_told_edge_by_edge_with_the_place_of_each() -> None:
    graph = make_graph(["web", "api", "base"])
    graph.add_edge(":base", ":api", Cause("FROM", Location(Path("/shop/api/Dockerfile"), 3, 1)))
    graph.add_edge(":web", ":base", cause(12, "depends_on"))
    graph.add_edge(":api", ":web", Cause("COPY --from", Location(Path("/shop/web/Dockerfile"), 7)))
    assert str(circle_of(graph)) == (
        "/shop/web/Dockerfile:7: images are built from each other in a circle:\n"
        "  :api -> :web (COPY --from, /shop/web/Dockerfile:7)\n"
        "  :web -> :base (depends_on, /shop/okteto.yaml:12)\n"
        "  :base -> :api (FROM, /shop/api/Dockerfile:3:1)\n"
        "  hint: take one of these edges away"
    )


def test_a_circle_of_two() -> None:
    assert circle_of(make_graph("ab", [("a", "b"), ("b", "a")])).message == (
        "images are built from each other in a circle:\n"
        "  :a -> :b (FROM, /shop/okteto.yaml:1)\n"
        "  :b -> :a (FROM, /shop/okteto.yaml:2)"
    )


def test_an_image_that_is_built_from_itself() -> None:
    graph = make_graph(["a", "b"], [("a", "b"), ("b", "b")])
    assert circle_of(graph).message == (
        "images are built from each other in a circle:\n  :b -> :b (FROM, /shop/okteto.yaml:2)"
    )


@pytest.mark.parametrize("edges", [*itertools.permutations(["bc", "ca", "ab", "xa", "cy"])])
def test_a_circle_begins_at_its_first_address_whatever_the_order_of_edges(
    edges: tuple[str, ...],
) -> None:
    graph = make_graph("yxcba")
    for edge in edges:
        graph.add_edge(f":{edge[0]}", f":{edge[1]}", cause())
    lines = circle_of(graph).message.splitlines()[1:]
    assert [line.split(" (")[0] for line in lines] == ["  :a -> :b", "  :b -> :c", "  :c -> :a"]


def test_of_two_circles_the_one_with_the_first_address_is_told() -> None:
    edges = [("y", "z"), ("z", "y"), ("a", "m"), ("b", "n"), ("n", "b")]
    lines = circle_of(make_graph("zynmba", edges)).message.splitlines()[1:]
    assert [line.split(" (")[0] for line in lines] == ["  :b -> :n", "  :n -> :b"]


def test_a_circle_of_many_has_all_its_edges() -> None:
    names = [f"n{number:05}" for number in range(CHAIN)]
    graph = make_graph(names, itertools.pairwise([*names, names[0]]))
    assert len(circle_of(graph).message.splitlines()) == 1 + CHAIN


def test_a_circle_that_is_cut_is_none() -> None:
    graph = make_graph("ab", [("a", "b"), ("b", "a")])
    circle_of(graph)
    graph.remove_edge(":b", ":a")
    assert graph.order() == (":a", ":b")


# --------------------------------------------------------------------------------------- priorities


def test_the_priority_is_the_longest_path_to_the_end() -> None:
    durations = {":base": 1.0, ":left": 2.0, ":right": 30.0, ":top": 4.0, ":alone": 0.5}
    assert diamond().priorities(durations) == {
        ":top": 4.0,
        ":right": 34.0,
        ":left": 6.0,
        ":base": 35.0,
        ":alone": 0.5,
    }


def test_an_image_that_was_never_measured_counts_for_the_median_of_the_others() -> None:
    weights = diamond().priorities({":left": 10.0, ":right": 20.0, ":gone": 90.0})
    assert weights[":top"] == 20.0
    assert weights[":base"] == 20.0 + 20.0 + 20.0


def test_without_any_measurement_every_image_counts_for_one_second() -> None:
    assert diamond().priorities({}) == {
        ":top": 1.0,
        ":right": 2.0,
        ":left": 2.0,
        ":base": 3.0,
        ":alone": 1.0,
    }


# ------------------------------------------------------------------------------------ large and any


class CountingGraph(ImageGraph):
    """Counts the edges that are looked at: an algorithm that goes over them again shows."""

    def __init__(self) -> None:
        super().__init__()
        self.looked_at = 0

    def causes(self, dependency: str, dependant: str) -> tuple[Cause, ...]:
        """Count, and return them."""
        self.looked_at += 1
        return super().causes(dependency, dependant)


def test_a_long_chain_needs_no_deep_stack() -> None:
    assert sys.getrecursionlimit() < CHAIN
    names = [f"n{number:05}" for number in range(CHAIN)]
    graph = make_graph(names, itertools.pairwise(names))
    addresses = tuple(f":{name}" for name in names)
    assert graph.order() == addresses
    assert graph.generations() == tuple((address,) for address in addresses)
    assert graph.closure(addresses[-1:]) == set(addresses)
    assert graph.affected(addresses[:1]) == set(addresses)
    assert graph.priorities({})[":n00000"] == CHAIN


def test_a_wide_graph_is_asked_once_for_each_edge() -> None:
    names = [f"n{number:05}" for number in range(CHAIN)]
    graph = CountingGraph()
    for name in ["base", *names, "top"]:
        graph.put(node(image(name)))
    for name in names:
        graph.add_edge(":base", f":{name}", cause())
        graph.add_edge(f":{name}", ":top", cause())
    assert graph.looked_at == 2 * CHAIN
    assert [len(level) for level in graph.generations()] == [1, CHAIN, 1]
    assert len(graph.closure([":top"])) == CHAIN + 2
    assert graph.priorities({})[":base"] == 3
    assert graph.looked_at == 2 * CHAIN


def test_a_circle_behind_a_dense_graph_is_found() -> None:
    """Each of 60 layers of 20 images needs all of the layer before: paths are without number."""
    layers = [[f"l{layer:02}n{number:02}" for number in range(20)] for layer in range(60)]
    edges = [edge for pair in itertools.pairwise(layers) for edge in itertools.product(*pair)]
    graph = make_graph(itertools.chain(*layers, "yz"), [*edges, ("y", "z"), ("z", "y")])
    lines = circle_of(graph).message.splitlines()[1:]
    assert [line.split(" (")[0] for line in lines] == ["  :y -> :z", "  :z -> :y"]


@st.composite
def acyclic_graphs(draw: st.DrawFn) -> ImageGraph:
    """Draw graphs whose edges lead from a smaller number to a larger one, under other names."""
    size = draw(st.integers(1, 8))
    names = draw(st.permutations([f"n{number}" for number in range(size)]))
    pairs = list(itertools.combinations(names, 2))
    edges = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    return make_graph(sorted(names), edges)


@given(acyclic_graphs())
def test_order_generations_and_closure_agree(graph: ImageGraph) -> None:
    order = graph.order()
    place = {address: number for number, address in enumerate(order)}
    level = {name: number for number, names in enumerate(graph.generations()) for name in names}
    assert sorted(order) == [each.address for each in graph.images()] == sorted(level)
    for address in order:
        dependencies = graph.dependencies(address)
        assert all(place[name] < place[address] for name in dependencies)
        assert level[address] == max((level[name] + 1 for name in dependencies), default=0)
        below = graph.closure([address])
        assert below == {address}.union(*map(graph.closure, ([name] for name in dependencies)))
        assert {name for name in order if address in graph.affected([name])} == below


@given(acyclic_graphs(), st.data())
def test_an_edge_back_makes_a_circle_that_can_be_walked(
    graph: ImageGraph, data: st.DataObject
) -> None:
    address = data.draw(st.sampled_from(graph.order()))
    start = data.draw(st.sampled_from(sorted(graph.closure([address]))))
    graph.add_edge(address, start, cause(99))
    lines = circle_of(graph).message.splitlines()[1:]
    walked = [tuple(line.split(" (")[0].strip().split(" -> ")) for line in lines]
    assert all(edge[0] in graph.dependencies(edge[1]) for edge in walked)
    assert [edge[1] for edge in walked] == [*(edge[0] for edge in walked[1:]), walked[0][0]]
    assert (address, start) in walked
    assert walked[0][0] == min(edge[0] for edge in walked)


# -------------------------------------------------------------------------------------------- order


def test_what_is_only_built_before_is_no_ingredient() -> None:
    graph = diamond()
    graph.add_edge(":alone", ":base", cause(9, "order"))
    assert graph.dependencies(":base") == (":alone",)
    assert graph.ingredients(":base") == ()
    assert graph.closure([":left"]) == {":left", ":base"}
    assert graph.order().index(":alone") < graph.order().index(":base")


def test_what_is_built_before_and_from_is_an_ingredient() -> None:
    graph = make_graph(["base", "web"], [("base", "web")])
    graph.add_edge(":base", ":web", cause(9, "order"))
    assert graph.ingredients(":web") == (":base",)
