"""One run, phase by phase: read this first.

    collect   manifests, Dockerfiles and the graph that they make; the selection
    plan      files to fingerprints, fingerprints to keys, keys to verdicts
    build     the steps in graph order, in worker threads
    finish    the run history and the reports

Each phase takes the values of the one before it. What happens is told as events.
"""

from __future__ import annotations

from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from okplug.errors import ExitCode, PluginError
from okplug.statedir import NAME as STATE_DIR

if TYPE_CHECKING:
    from collections.abc import Iterator

    from okplug.backends import Builder
    from okplug.collect import Collection
    from okplug.config import Config
    from okplug.executor import Executor
    from okplug.fingerprint import ContextIndex
    from okplug.plan import Plan, Result
    from okplug.planning import Planner
    from okplug.reporting import Reporting
    from okplug.scheduler import Outcome


@dataclass(frozen=True, slots=True)
class Prepared:
    """A workspace with the plan for what was asked of it."""

    collection: Collection
    planner: Planner
    plan: Plan


@contextmanager
def begun_index(config: Config) -> Iterator[ContextIndex]:
    """Give the context index; what it knows is looked at while other things are done."""
    from okplug.contextstart import begin_index

    selects = bool(getattr(config.options, "selection", ()))
    index = begin_index(config.root, config.root / STATE_DIR / "index", with_files=not selects)
    try:
        yield index
    finally:
        index.close()


@contextmanager
def keyed(
    config: Config, reporting: Reporting | None = None, index: ContextIndex | None = None
) -> Iterator[tuple[Collection, Planner]]:
    """Collect, and stand ready to key; the context index is saved at the end of the block.

    What a watch has collected when it looked for news is used; the block of that saves the index.

    :raises ManifestError: if the workspace is wrong.
    """
    if config.rounds and config.rounds.collected:
        found = config.rounds.collected
        if isinstance(found, Exception):
            raise found
        if reporting:
            reporting.collected(found[0])
        yield found
        return
    with nullcontext(index) if index else begun_index(config) as files:
        from okplug.collect import collect
        from okplug.planning import Planner
        from okplug.state import State

        collection = collect(config, files)
        if reporting:
            reporting.collected(collection)
        folder = config.state_dir()
        with closing(State.open(folder / "state.sqlite" if folder else None)) as state:
            planner = Planner(config, collection, files, state)
            yield collection, planner
        files.save()
        planner.keyring.save()


@contextmanager
def prepared(
    config: Config, reporting: Reporting | None = None, index: ContextIndex | None = None
) -> Iterator[Prepared]:
    """Collect and plan; the run history stays open inside the block.

    :raises ManifestError: if the workspace is wrong.
    """
    with keyed(config, reporting, index) as (collection, planner):
        if reporting and collection.selection.needed and not planner.skipped:
            reporting.looking_up()
        yield Prepared(collection, planner, planner.plan())


def build(config: Config) -> ExitCode:
    """Build what the command line asks for and what that needs; say how it went.

    :raises OkplugError: if nothing could be begun.
    """
    is_collected = config.rounds and config.rounds.collected
    with nullcontext() if is_collected else begun_index(config) as index:
        from okplug.reporting import Reporting

        with Reporting(config, "build") as reporting:
            _build(config, reporting, index)
        return reporting.exit_code()


def _build(config: Config, reporting: Reporting, index: ContextIndex | None) -> None:
    with prepared(config, reporting, index) as run:
        builder = _builder(config, run)
        jobs = config.number("jobs") or _default_jobs(run, builder)
        reporting.planned(run.plan, builder, jobs)  # whose builder may keep us waiting
        if builder:
            run.planner.check(run.plan, builder)
        try:
            _carry_out(config, run, builder, jobs, reporting)
        finally:
            run.planner.remember(reporting.results)


def _builder(config: Config, run: Prepared) -> Builder | None:
    """Return the builder, None if nothing is to be built."""
    from okplug.plan import BUILD

    if not run.plan.count(BUILD):
        return None
    builder = config.plugins.builder(config)
    if builder is None:
        raise PluginError(
            f"no plugin offers the builder {', '.join(config.words('builder'))!r}",
            hint='okplug plugins lists those that are loaded; builder = "auto" takes the first',
        )
    return builder


def _default_jobs(run: Prepared, builder: Builder | None) -> int:
    return builder.jobs if builder else run.collection.registries.main.concurrency


def _carry_out(
    config: Config, run: Prepared, builder: Builder | None, jobs: int, reporting: Reporting
) -> None:
    from okplug.executor import Building, Executor
    from okplug.scheduler import CancelToken, Scheduler

    token = CancelToken()
    building = Building(
        builder, lambda address: reporting.control(address, token), reporting.started
    )
    executor = Executor(config, run.planner.keyring, run.collection.registries, run.plan, building)
    scheduler = Scheduler(
        {address: run.plan.dependencies.get(address, ()) for address in run.plan.steps},
        jobs=jobs,
        priorities=run.plan.priorities,
        max_failures=config.options.max_failures,
        token=token,
    )

    try:
        scheduler.run(executor, lambda outcome: reporting.finished(_result(executor, outcome)))
        if reporting.exit_code() == ExitCode.OK:
            executor.conclude()
            reporting.concluded()
    finally:
        reporting.withheld(executor.held)


def _result(executor: Executor, outcome: Outcome) -> Result:
    """Say in the plan's words how the scheduler's work ended."""
    from okplug.plan import Result

    step = executor.steps[outcome.address]
    return Result(
        step=step,
        verdict=step.verdict if outcome.status == "done" else outcome.status,
        duration=outcome.duration,
        artifact=executor.artifacts.get(outcome.address) if outcome.status == "done" else None,
        error=outcome.error,
        blocked_by=outcome.blocked_by,
    )
