"""The steps of a run as the scheduler sees them: who waits for whom, and who goes first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping


@dataclass(frozen=True, slots=True)
class StepGraph:
    """What is known of the steps before a run.

    :param needs: step -> how many steps it waits for.
    :param dependants: step -> the steps that wait for it.
    :param ranks: step -> its place in the queue, the smallest first.
    """

    needs: dict[str, int]
    dependants: dict[str, list[str]]
    ranks: dict[str, tuple[float, str]]


def make_step_graph(
    dependencies: Mapping[str, Collection[str]], priorities: Mapping[str, float]
) -> StepGraph:
    """Turn around what each step needs.

    :raises ValueError: if a step needs one that is not there, or itself by any number of steps.
    """
    dependants: dict[str, list[str]] = {address: [] for address in dependencies}
    needs = {}
    for address, needed in dependencies.items():
        distinct = dict.fromkeys(needed)
        needs[address] = len(distinct)
        for dependency in distinct:
            if dependency not in dependants:
                raise ValueError(f"{address} needs {dependency}, which is no step of this run")
            dependants[dependency].append(address)
    _check_for_cycles(needs, dependants)
    ranks = {address: (-priorities.get(address, 0.0), address) for address in dependencies}
    return StepGraph(needs, dependants, ranks)


def _check_for_cycles(needs: Mapping[str, int], dependants: Mapping[str, Iterable[str]]) -> None:
    """Take away, again and again, what waits for nothing; what is left waits for itself."""
    left = dict(needs)
    free = [address for address, count in needs.items() if not count]
    while free:
        address = free.pop()
        del left[address]
        for dependant in dependants[address]:
            left[dependant] -= 1
            if not left[dependant]:
                free.append(dependant)
    if left:
        names = ", ".join(sorted(left))
        raise ValueError(f"these steps wait for each other, or for some that do: {names}")
