"""What is to be done with each image, and why: the verdicts.

The registry is asked for all keys at once. An image whose key it has is reused; an image that
somebody only needs, and that nobody who is built needs, drops out of the plan.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from okplug.errors import OkplugError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from okplug.backends import Artifact, BuildControl, Builder, BuildRequest, Registry
    from okplug.errors import ExitCode
    from okplug.keys import KeyRecord
    from okplug.manifest.model import Image
    from okplug.reference import Reference

REUSE = "reuse"
BUILD = "build"
FAILED = "failed"


@dataclass(frozen=True, slots=True)
class BuildTask:
    """What ``okplug_build`` needs beside the step: known when the dependencies are built."""

    request: BuildRequest
    builder: Builder
    registry: Registry
    control: BuildControl


@dataclass(frozen=True, slots=True)
class Step:
    """One image of one run.

    :param verdict: ``reuse`` or ``build``.
    :param reasons: why, the most telling first.
    :param personal: the user's own references; none if the image is found by its key alone.
    :param shared: the reference that everybody finds the key under.
    :param own: the user's repository of the image in the registry that has the shared one.
    :param artifact: the image in the registry, of a step that reuses it.
    :param settled: those of *personal* that were seen to point at it already.
    :param awaits: the dependencies that changed, if nothing else did: the image is built unless
        their results come out equal.
    :param result: the key with what the dependencies came to in place of their keys, once that is
        known; None for an image that has none.
    :param task: what the builder is asked for, while it is built.
    """

    image: Image
    record: KeyRecord
    verdict: str
    reasons: tuple[str, ...]
    personal: tuple[Reference, ...]
    shared: Reference
    own: Reference
    artifact: Artifact | None = None
    settled: tuple[Reference, ...] = ()
    awaits: tuple[str, ...] = ()
    result: KeyRecord | None = None
    task: BuildTask | None = None

    @property
    def address(self) -> str:
        """The image's address."""
        return self.image.address

    @property
    def key(self) -> str:
        """The image's key."""
        return self.record.key

    def decided(self, found: Artifact | None) -> Step:
        """Return the step as it is once its dependencies are there.

        :param found: the image that equal dependencies gave, if there is one.
        """
        if found is not None:
            names = ", ".join(self.awaits) or "what it is built from"
            reasons = (f"{names} came out equal",)
            return replace(self, verdict=REUSE, reasons=reasons, awaits=(), artifact=found)
        if not self.awaits:
            return self
        changed = tuple(f"dependency {name} changed" for name in self.awaits)
        return replace(self, reasons=changed, awaits=())


@dataclass(slots=True)
class Plan:
    """The steps of a run in graph order; ``okplug_plan_modify`` may change it.

    :param steps: by address.
    :param dependencies: address -> the steps that must be done first, for steps that are built.
    :param asked: what the user selected; other steps are there because these need them.
    :param priorities: address -> weight; of the steps that could start, the heaviest does.
    :param deselected: the addresses that dropped out, with the reason.
    """

    steps: dict[str, Step]
    dependencies: dict[str, tuple[str, ...]]
    asked: frozenset[str]
    priorities: dict[str, float] = field(default_factory=dict)
    deselected: dict[str, str] = field(default_factory=dict)

    def deselect(self, address: str, reason: str) -> None:
        """Take a step out of the run, and the steps that only it needs.

        :raises ValueError: if another step waits for it.
        """
        waiting = [other for other, needs in self.dependencies.items() if address in needs]
        if waiting:
            raise ValueError(f"{address} cannot be deselected: {waiting[0]} is built from it")
        del self.steps[address]
        self.dependencies.pop(address, None)
        self.deselected[address] = reason
        self._drop_unneeded()

    def _drop_unneeded(self) -> None:
        needed = set(self.asked)
        for address in reversed(list(self.steps)):
            if address in needed:
                needed.update(self.dependencies.get(address, ()))
            else:
                del self.steps[address]
                self.dependencies.pop(address, None)

    def prefer(self, address: str, weight: float) -> None:
        """Let a step start before others that could start, if its weight is greater."""
        self.priorities[address] = weight

    def count(self, verdict: str) -> int:
        """Return how many steps have the verdict."""
        return sum(step.verdict == verdict for step in self.steps.values())


@dataclass(frozen=True, slots=True)
class Result:
    """How a step ended.

    :param verdict: ``reuse``, ``build``, ``failed``, ``blocked`` or ``cancelled``.
    :param duration: seconds.
    :param error: what went wrong.
    :param blocked_by: the address of the failed dependency.
    """

    step: Step
    verdict: str
    duration: float
    artifact: Artifact | None = None
    error: BaseException | None = None
    blocked_by: str = ""

    @property
    def message(self) -> str:
        """What went wrong, with place and remedy; for what is no OkplugError, its type as well."""
        if self.error is None:
            return ""
        if isinstance(self.error, OkplugError):
            return str(self.error)
        return f"internal error: {type(self.error).__name__}: {self.error}"


@dataclass(frozen=True, slots=True)
class Report:
    """How a run ended: what ``okplug_finish`` sees.

    :param results: as the images finished; empty when the run ended before anything was planned.
    :param duration: seconds.
    :param asked: the addresses that the user selected; others were built because these need them.
    :param withheld: the users' own tags that stay as they were, with ``--all-or-nothing``.
    """

    command: str
    exit_code: ExitCode
    duration: float
    results: tuple[Result, ...] = ()
    builder: str = ""
    asked: frozenset[str] = frozenset()
    withheld: tuple[str, ...] = ()


def make_plan(
    steps: Mapping[str, Step],
    asked: Collection[str],
    dependencies: Callable[[str], Iterable[str]],
) -> Plan:
    """Keep what the run needs: what was asked for, and what that is built from.

    :param steps: every step with its verdict, in graph order.
    :param dependencies: the addresses of what an image is built from.
    """
    kept = set(asked)
    for address in reversed(list(steps)):
        if address in kept and steps[address].verdict == BUILD:
            kept.update(dependencies(address))
    return Plan(
        {address: step for address, step in steps.items() if address in kept},
        {
            address: tuple(dependencies(address))
            for address, step in steps.items()
            if address in kept and step.verdict == BUILD
        },
        frozenset(asked),
    )
