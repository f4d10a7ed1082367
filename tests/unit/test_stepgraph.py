from __future__ import annotations

import pytest

from okplug.stepgraph import StepGraph, make_step_graph


def test_what_each_step_needs_is_turned_around() -> None:
    graph = make_step_graph(
        {"web": ("api", "base"), "base": (), "api": ["base", "base"]}, {"base": 2.5}
    )
    assert graph == StepGraph(
        needs={"web": 2, "base": 0, "api": 1},
        dependants={"web": [], "base": ["web", "api"], "api": ["web"]},
        ranks={"web": (0.0, "web"), "base": (-2.5, "base"), "api": (0.0, "api")},
    )


def test_a_priority_of_what_is_no_step_is_no_matter() -> None:
    assert make_step_graph({}, {"gone": 1.0}) == StepGraph({}, {}, {})


def test_a_dependency_that_is_no_step() -> None:
    with pytest.raises(ValueError, match=r"^api needs base, which is no step of this run$"):
        make_step_graph({"api": ("base",)}, {})


@pytest.mark.parametrize(
    ("dependencies", "names"),
    [
        ({"a": ("a",)}, "a"),
        ({"free": (), "b": ("a", "free"), "a": ("b",)}, "a, b"),
        ({"a": ("b",), "b": ("a",), "victim": ("a",)}, "a, b, victim"),
    ],
)
def test_steps_that_wait_for_each_other(
    dependencies: dict[str, tuple[str, ...]], names: str
) -> None:
    with pytest.raises(ValueError, match=rf"^these steps wait for each other, .*: {names}$"):
        make_step_graph(dependencies, {})


def test_a_long_chain_is_no_matter() -> None:
    chain = {f"n{number}": (f"n{number - 1}",) for number in range(1, 50_000)}
    assert make_step_graph({"n0": (), **chain}, {}).needs["n49999"] == 1
