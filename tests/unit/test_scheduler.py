from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug.canceltoken import CancelToken
from okplug.errors import CancelledError
from okplug.scheduler import Outcome, Scheduler
from tests.processortime import processor_time

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

Dependencies = dict[str, set[str]]

SOURCE = Path(__file__).parents[2]


@dataclass
class Recorder:
    """Does the work of a test and writes down when it begins and ends."""

    failing: Collection[str] = ()
    told: list[Outcome] = field(default_factory=list)
    marks: list[tuple[str, str]] = field(default_factory=list)
    running: int = 0
    most_at_once: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def work(self, address: str) -> str:
        """Return the address in capitals, or raise it."""
        with self._lock:
            self.marks.append(("start", address))
            self.running += 1
            self.most_at_once = max(self.most_at_once, self.running)
        time.sleep(0)  # let others in
        with self._lock:
            self.running -= 1
            self.marks.append(("end", address))
        if address in self.failing:
            raise ValueError(address)
        return address.upper()

    def started(self) -> list[str]:
        """Return what was begun, in order."""
        return [address for mark, address in self.marks if mark == "start"]


def scheduler(
    dependencies: Mapping[str, Collection[str]],
    *,
    jobs: int = 2,
    priorities: Mapping[str, float] | None = None,
    max_failures: int = 0,
    token: CancelToken | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Scheduler:
    return Scheduler(
        dependencies,
        jobs=jobs,
        priorities=priorities or {},
        max_failures=max_failures,
        token=token or CancelToken(),
        clock=clock,
    )


def workers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("okplug-worker")]


def statuses(outcomes: Mapping[str, Outcome]) -> dict[str, str]:
    return {address: outcome.status for address, outcome in sorted(outcomes.items())}


def nothing(_outcome: Outcome) -> None:
    """Hear an outcome and do nothing."""


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    """Every run ends its workers."""
    yield
    assert workers() == []


# ---------------------------------------------------------------------------------- properties


@st.composite
def graphs(draw: st.DrawFn) -> Dependencies:
    """Draw a graph; a step only needs steps that were drawn before it."""
    names = draw(st.permutations([f"n{number}" for number in range(draw(st.integers(0, 9)))]))
    return {
        name: draw(st.sets(st.sampled_from(names[:place]))) if place else set()
        for place, name in enumerate(names)
    }


def ancestors(dependencies: Dependencies, address: str) -> set[str]:
    found: set[str] = set()
    todo = [*dependencies[address]]
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo.extend(dependencies[name])
    return found


@given(graphs(), st.integers(1, 4))
def test_nothing_starts_before_what_it_needs_is_done(dependencies: Dependencies, jobs: int) -> None:
    recorder = Recorder()
    outcomes = scheduler(dependencies, jobs=jobs).run(recorder.work, recorder.told.append)
    for address, needed in dependencies.items():
        start = recorder.marks.index(("start", address))
        assert all(recorder.marks.index(("end", other)) < start for other in needed)
    assert statuses(outcomes) == dict.fromkeys(sorted(dependencies), "done")
    assert {name: outcome.value for name, outcome in outcomes.items()} == {
        name: name.upper() for name in dependencies
    }


@given(graphs(), st.integers(1, 4), st.data())
def test_what_needs_a_failed_step_is_blocked_and_nothing_else(
    dependencies: Dependencies, jobs: int, data: st.DataObject
) -> None:
    failing = data.draw(st.sets(st.sampled_from(sorted(dependencies)))) if dependencies else set()
    recorder = Recorder(failing)
    outcomes = scheduler(dependencies, jobs=jobs).run(recorder.work, recorder.told.append)
    above = {address: ancestors(dependencies, address) for address in dependencies}
    roots = {address for address in failing if not above[address] & failing}
    for address in dependencies:
        outcome = outcomes[address]
        if above[address] & roots:
            assert outcome.status == "blocked"
            assert outcome.blocked_by in above[address] & roots
        elif address in roots:
            assert (outcome.status, str(outcome.error)) == ("failed", address)
        else:
            assert outcome.status == "done"
    assert set(recorder.started()) == {
        name for name, outcome in outcomes.items() if outcome.status != "blocked"
    }


@given(graphs(), st.integers(1, 4), st.integers(0, 2), st.data())
def test_every_step_has_exactly_one_outcome_however_it_goes(
    dependencies: Dependencies, jobs: int, max_failures: int, data: st.DataObject
) -> None:
    names = st.sampled_from(sorted(dependencies)) if dependencies else st.nothing()
    failing = data.draw(st.sets(names)) if dependencies else set()
    cancelling = data.draw(st.none() | names)
    token = CancelToken()
    recorder = Recorder(failing)

    def work(address: str) -> str:
        if address == cancelling:
            token.cancel()
        return recorder.work(address)

    outcomes = scheduler(dependencies, jobs=jobs, max_failures=max_failures, token=token).run(
        work, recorder.told.append
    )
    assert Counter(outcome.address for outcome in recorder.told) == Counter([*dependencies])
    assert list(outcomes.values()) == recorder.told
    assert [mark for mark, _ in recorder.marks].count("end") == len(recorder.started())
    assert workers() == []
    for address in set(dependencies) - set(recorder.started()):
        assert outcomes[address].status in {"blocked", "cancelled"}
        assert outcomes[address].duration == 0.0


@given(graphs(), st.integers(1, 4))
def test_no_more_than_jobs_are_at_work_at_once(dependencies: Dependencies, jobs: int) -> None:
    recorder = Recorder()
    scheduler(dependencies, jobs=jobs).run(recorder.work, nothing)
    assert recorder.most_at_once <= jobs


@given(graphs(), st.data())
def test_one_worker_takes_the_heaviest_first_then_in_alphabetical_order(
    dependencies: Dependencies, data: st.DataObject
) -> None:
    weights = st.sampled_from([0.0, 1.0, 2.5])
    priorities = {name: data.draw(weights) for name in sorted(dependencies)}
    recorder = Recorder()
    scheduler(dependencies, jobs=1, priorities=priorities).run(recorder.work, nothing)
    expected: list[str] = []
    while len(expected) < len(dependencies):
        ready = [
            name
            for name, needed in dependencies.items()
            if name not in expected and needed <= {*expected}
        ]
        expected.append(min(ready, key=lambda name: (-priorities[name], name)))
    assert recorder.started() == expected


# --------------------------------------------------------------------------------------- order


def test_nothing_to_do_is_done_at_once() -> None:
    assert scheduler({}).run(Recorder().work, nothing) == {}


def test_a_dependant_starts_while_others_are_still_at_work() -> None:
    """There are no levels: *leaf* needs *quick* only, and *slow* ends when *leaf* has begun."""
    leaf_began = threading.Event()

    def work(address: str) -> None:
        if address == "leaf":
            leaf_began.set()
        if address == "slow":
            assert leaf_began.wait(5)

    outcomes = scheduler({"quick": (), "slow": (), "leaf": ("quick",)}).run(work, nothing)
    assert statuses(outcomes) == {"leaf": "done", "quick": "done", "slow": "done"}


def test_all_workers_are_used() -> None:
    barrier = threading.Barrier(4)
    outcomes = scheduler(dict.fromkeys("abcd", ()), jobs=4).run(lambda _: barrier.wait(5), nothing)
    assert {outcome.status for outcome in outcomes.values()} == {"done"}


def test_an_outcome_is_told_before_what_waited_for_it_starts() -> None:
    log: list[str] = []
    scheduler({"base": (), "api": ("base",)}, jobs=2).run(
        lambda address: log.append(f"start {address}"),
        lambda outcome: log.append(f"told {outcome.address}"),
    )
    assert log == ["start base", "told base", "start api", "told api"]


def test_a_dependency_that_is_named_twice_counts_once() -> None:
    outcomes = scheduler({"base": (), "api": ["base", "base"]}).run(Recorder().work, nothing)
    assert statuses(outcomes) == {"api": "done", "base": "done"}


def test_outcomes_are_never_told_by_two_threads_at_once() -> None:
    inside = threading.Lock()

    def on_finish(_outcome: Outcome) -> None:
        assert inside.acquire(blocking=False)
        time.sleep(0.001)
        inside.release()

    steps = {f"n{number}": () for number in range(20)}
    assert len(scheduler(steps, jobs=4).run(Recorder().work, on_finish)) == 20


def test_durations_come_from_the_clock() -> None:
    ticks = iter([10.0, 12.5])
    outcomes = scheduler({"api": ()}, jobs=1, clock=lambda: next(ticks)).run(
        Recorder().work, nothing
    )
    assert outcomes == {"api": Outcome("api", "done", 2.5, "API")}


def test_a_scheduler_can_run_again() -> None:
    twice = scheduler({"base": (), "api": ("base",)})
    first = twice.run(Recorder().work, nothing)
    assert statuses(twice.run(Recorder().work, nothing)) == statuses(first)


def test_ten_thousand_steps_take_little_time() -> None:
    dependencies = {
        f"n{number}": {f"n{other}" for other in {number // 2, number - 1} if 0 <= other < number}
        for number in range(10_000)
    }
    started = time.process_time()
    outcomes = scheduler(dependencies, jobs=8).run(lambda _: None, nothing)
    assert len(outcomes) == 10_000
    assert time.process_time() - started < 5


def test_waiting_takes_no_processor_time() -> None:
    steps = {"slow": (), "b": ("slow",), "c": ("slow",), "d": ("slow",)}

    def work(address: str) -> None:
        time.sleep(0.3 * (address == "slow"))

    assert processor_time(lambda: scheduler(steps, jobs=4).run(work, nothing)) < 0.15


# ----------------------------------------------------------------------------------- wrong use


def test_at_least_one_job() -> None:
    with pytest.raises(ValueError, match="jobs: expected 1 or more, not 0"):
        scheduler({}, jobs=0)


def test_a_graph_that_cannot_be_run() -> None:
    with pytest.raises(ValueError, match="api needs base, which is no step of this run"):
        scheduler({"api": ("base",)})


# ------------------------------------------------------------------------------------ failures


def chain() -> Dependencies:
    return {"base": set(), "lib": {"base"}, "api": {"lib"}, "web": {"api"}, "docs": set()}


def test_others_go_on_after_a_failure() -> None:
    recorder = Recorder({"lib"})
    outcomes = scheduler(chain(), jobs=1).run(recorder.work, recorder.told.append)
    assert [(o.address, o.status, o.blocked_by) for o in recorder.told] == [
        ("base", "done", ""),
        ("docs", "done", ""),
        ("lib", "failed", ""),
        ("api", "blocked", "lib"),
        ("web", "blocked", "lib"),
    ]
    assert isinstance(outcomes["lib"].error, ValueError)
    assert outcomes["api"] == Outcome("api", "blocked", blocked_by="lib")


def test_what_two_failures_block_names_the_first() -> None:
    steps = {"a": (), "b": (), "c": ("a", "b")}
    outcomes = scheduler(steps, jobs=1).run(Recorder({"a", "b"}).work, nothing)
    assert statuses(outcomes) == {"a": "failed", "b": "failed", "c": "blocked"}
    assert outcomes["c"].blocked_by == "a"


def test_exitfirst_starts_nothing_more() -> None:
    recorder = Recorder({"a"})
    steps = {"a": (), "b": (), "c": (), "d": ("a",)}
    outcomes = scheduler(steps, jobs=1, max_failures=1).run(recorder.work, nothing)
    assert statuses(outcomes) == {
        "a": "failed",
        "b": "cancelled",
        "c": "cancelled",
        "d": "blocked",
    }
    assert recorder.started() == ["a"]


def test_exitfirst_lets_what_is_at_work_end() -> None:
    began, failed = threading.Event(), threading.Event()

    def work(address: str) -> None:
        if address == "a":
            assert began.wait(5)
            raise ValueError
        began.set()
        assert failed.wait(5)

    def on_finish(outcome: Outcome) -> None:
        if outcome.status == "failed":
            failed.set()

    steps = {"a": (), "b": (), "c": ("b",)}
    outcomes = scheduler(steps, jobs=2, max_failures=1).run(work, on_finish)
    assert statuses(outcomes) == {"a": "failed", "b": "done", "c": "cancelled"}


def test_maxfail_counts_failures() -> None:
    recorder = Recorder({"a", "b", "c"})
    steps = dict.fromkeys("abcd", ())
    outcomes = scheduler(steps, jobs=1, max_failures=2).run(recorder.work, nothing)
    assert statuses(outcomes) == {
        "a": "failed",
        "b": "failed",
        "c": "cancelled",
        "d": "cancelled",
    }


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit()])
def test_a_worker_survives_whatever_the_work_raises(error: BaseException) -> None:
    def work(address: str) -> None:
        if address == "a":
            raise error

    outcomes = scheduler({"a": (), "b": (), "c": ("a",)}, jobs=1).run(work, nothing)
    assert statuses(outcomes) == {"a": "failed", "b": "done", "c": "blocked"}
    assert outcomes["a"].error is error


def test_a_fault_of_the_listener_comes_out_when_the_workers_have_ended() -> None:
    recorder = Recorder()

    def on_finish(outcome: Outcome) -> None:
        recorder.told.append(outcome)
        raise LookupError(outcome.address)

    with pytest.raises(LookupError, match=r"^a$"):
        scheduler({"a": (), "b": ("a",)}, jobs=2).run(recorder.work, on_finish)
    assert recorder.started() == ["a"]
    assert [(outcome.address, outcome.status) for outcome in recorder.told] == [
        ("a", "done"),
        ("b", "cancelled"),
    ]


# -------------------------------------------------------------------------------- cancellation


def test_nothing_starts_when_the_run_is_cancelled_already() -> None:
    token = CancelToken()
    token.cancel()
    recorder = Recorder()
    outcomes = scheduler({"a": (), "b": ("a",)}, token=token).run(recorder.work, nothing)
    assert statuses(outcomes) == {"a": "cancelled", "b": "cancelled"}
    assert recorder.started() == []


def test_work_that_gives_up_is_cancelled_and_so_is_what_needs_it() -> None:
    def work(address: str) -> None:
        if address == "a":
            raise CancelledError

    outcomes = scheduler({"a": (), "b": ("a",), "c": ()}, jobs=1).run(work, nothing)
    assert statuses(outcomes) == {"a": "cancelled", "b": "cancelled", "c": "done"}
    assert outcomes["a"].error is None


def test_the_listener_may_cancel() -> None:
    token = CancelToken()
    recorder = Recorder()
    outcomes = scheduler({"a": (), "b": (), "c": ("a",)}, jobs=1, token=token).run(
        recorder.work, lambda _: token.cancel()
    )
    assert statuses(outcomes) == {"a": "done", "b": "cancelled", "c": "cancelled"}


def test_idle_workers_hear_of_cancellation() -> None:
    """One worker is at work, and three wait for what will never come."""
    token = CancelToken()

    def work(_address: str) -> None:
        token.cancel()

    steps = {"a": (), "b": ("a",), "c": ("a",), "d": ("a",)}
    outcomes = scheduler(steps, jobs=4, token=token).run(work, nothing)
    assert statuses(outcomes) == {
        "a": "done",
        "b": "cancelled",
        "c": "cancelled",
        "d": "cancelled",
    }


def interrupt_main_thread() -> None:
    """Do what Ctrl-C does to the thread that runs the scheduler."""
    ident = threading.main_thread().ident
    assert ident
    signal.pthread_kill(ident, signal.SIGINT)


def test_ctrl_c_tells_those_at_work_and_waits_for_them() -> None:
    token = CancelToken()
    recorder = Recorder()

    def work(address: str) -> None:
        recorder.marks.append(("start", address))
        told = threading.Event()
        token.on_cancel(told.set)
        interrupt_main_thread()
        assert told.wait(5)
        recorder.marks.append(("end", address))
        raise CancelledError

    steps = {"a": (), "b": ("a",), "c": ()}
    with pytest.raises(KeyboardInterrupt):
        scheduler(steps, jobs=1, token=token).run(work, recorder.told.append)
    assert recorder.marks == [("start", "a"), ("end", "a")]
    assert sorted((outcome.address, outcome.status) for outcome in recorder.told) == [
        ("a", "cancelled"),
        ("b", "cancelled"),
        ("c", "cancelled"),
    ]


def test_ctrl_c_waits_for_all_who_are_at_work() -> None:
    """Python's own ``join`` forgets the thread at which it was interrupted."""
    token = CancelToken()
    told: list[Outcome] = []
    everybody = threading.Barrier(3)

    def work(address: str) -> None:
        cancelled = threading.Event()
        token.on_cancel(cancelled.set)
        if everybody.wait(5) == 0:
            interrupt_main_thread()
        assert cancelled.wait(5)
        time.sleep(0.02 * "cba".index(address))
        raise CancelledError

    with pytest.raises(KeyboardInterrupt):
        scheduler(dict.fromkeys("abc", ()), jobs=3, token=token).run(work, told.append)
    assert [outcome.address for outcome in told] == ["c", "b", "a"]
    assert workers() == []


def test_ctrl_c_at_any_moment_leaves_one_outcome_for_each() -> None:
    dice = random.Random(7)
    for _ in range(50):
        steps = {f"n{number}": {f"n{dice.randrange(number)}"} for number in range(1, 12)}
        steps["n0"] = set()
        fatal = dice.choice(sorted(steps))
        recorder = Recorder()

        def work(address: str, recorder: Recorder = recorder, fatal: str = fatal) -> None:
            recorder.work(address)
            if address == fatal:
                interrupt_main_thread()

        with pytest.raises(KeyboardInterrupt):
            scheduler(steps, jobs=dice.randint(1, 4)).run(work, recorder.told.append)
        assert Counter(outcome.address for outcome in recorder.told) == Counter([*steps])
        assert workers() == []


def test_work_that_ends_well_after_ctrl_c_is_done() -> None:
    token = CancelToken()
    told: list[Outcome] = []

    def work(_address: str) -> None:
        cancelled = threading.Event()
        token.on_cancel(cancelled.set)
        interrupt_main_thread()
        assert cancelled.wait(5)

    with pytest.raises(KeyboardInterrupt):
        scheduler({"a": (), "b": ("a",)}, jobs=2, token=token).run(work, told.append)
    assert [(outcome.address, outcome.status) for outcome in told] == [
        ("a", "done"),
        ("b", "cancelled"),
    ]


def test_what_could_not_be_cancelled_is_the_cause_of_the_interrupt() -> None:
    token = CancelToken()
    told: list[Outcome] = []

    def refuse() -> None:
        raise OSError("no such process")

    def work(_address: str) -> None:
        cancelled = threading.Event()
        token.on_cancel(refuse)
        token.on_cancel(cancelled.set)
        interrupt_main_thread()
        assert cancelled.wait(5)

    with pytest.raises(KeyboardInterrupt) as caught:
        scheduler({"a": ()}, token=token).run(work, told.append)
    assert isinstance(caught.value.__cause__, ExceptionGroup)
    assert [outcome.status for outcome in told] == ["done"]


def test_a_second_ctrl_c_waits_for_nothing() -> None:
    token = CancelToken()
    release = threading.Event()
    told: list[Outcome] = []

    def work(_address: str) -> None:
        token.on_cancel(interrupt_main_thread)
        interrupt_main_thread()
        assert release.wait(5)

    try:
        with pytest.raises(KeyboardInterrupt):
            scheduler({"a": (), "b": ("a",)}, token=token).run(work, told.append)
        assert workers()
        assert all(worker.daemon for worker in workers())
    finally:
        release.set()
        for worker in workers():
            worker.join()
    assert told == []


def test_fewer_workers_do_when_the_system_has_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if thread.name == "okplug-worker-3":
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    barrier = threading.Barrier(2)
    outcomes = scheduler(dict.fromkeys("abcd", ()), jobs=4).run(lambda _: barrier.wait(5), nothing)
    assert {outcome.status for outcome in outcomes.values()} == {"done"}


def test_there_are_no_more_workers_than_there_is_work(monkeypatch: pytest.MonkeyPatch) -> None:
    names: list[str] = []
    start = threading.Thread.start

    def note(thread: threading.Thread) -> None:
        names.append(thread.name)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", note)
    scheduler({"a": (), "b": ("a",), "c": ("b",)}, jobs=64).run(Recorder().work, nothing)
    assert names == ["okplug-worker-1"]


def test_no_thread_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    told: list[Outcome] = []
    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(RuntimeError, match="can't start new thread"):
        scheduler({"a": (), "b": ("a",)}).run(Recorder().work, told.append)
    assert [(o.address, o.status) for o in told] == [("a", "cancelled"), ("b", "cancelled")]


# ------------------------------------------------------------------------- whole processes

PROGRAM = """
import sys, threading
from okplug.canceltoken import CancelToken
from okplug.errors import CancelledError
from okplug.scheduler import Scheduler

def say(text):
    sys.stdout.write(text + "\\n")
    sys.stdout.flush()

token = CancelToken()
token.on_cancel(lambda: say("cancelled"))

def work(address):
    say(f"start {address}")
    stopped = threading.Event()
    if sys.argv[1] == "obedient":
        token.on_cancel(stopped.set)
    stopped.wait(60)
    raise CancelledError

steps = {"a": (), "b": (), "c": ("a",), "d": ()}
scheduler = Scheduler(steps, jobs=2, priorities={"a": 2.0, "b": 1.0}, token=token)
try:
    scheduler.run(work, lambda outcome: say(f"{outcome.address} {outcome.status}"))
except KeyboardInterrupt:
    say(f"interrupted, {threading.active_count() - 1} left")
    sys.exit(2)
"""


@pytest.fixture
def program() -> Callable[[str], subprocess.Popen[str]]:
    """Return what starts a process that runs four steps."""

    def start(behaviour: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(PROGRAM), behaviour],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(SOURCE)},
        )

    return start


def read_until(process: subprocess.Popen[str], last: set[str]) -> list[str]:
    """Return the lines of a process up to the one with which all of *last* have come."""
    assert process.stdout
    lines: list[str] = []
    while not last <= {*lines}:
        line = process.stdout.readline()
        assert line, f"the process ended after {lines}"
        lines.append(line.rstrip())
    return lines


def test_a_process_that_gets_sigint(program: Callable[[str], subprocess.Popen[str]]) -> None:
    with program("obedient") as process:
        read_until(process, {"start a", "start b"})
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=20)
    assert stdout.splitlines()[0] == "cancelled"
    assert sorted(stdout.splitlines()[1:-1]) == [
        "a cancelled",
        "b cancelled",
        "c cancelled",
        "d cancelled",
    ]
    assert stdout.splitlines()[-1] == "interrupted, 0 left"
    assert (process.returncode, stderr) == (2, "")


def test_a_process_that_gets_sigint_twice(
    program: Callable[[str], subprocess.Popen[str]],
) -> None:
    with program("stubborn") as process:
        read_until(process, {"start a", "start b"})
        process.send_signal(signal.SIGINT)
        read_until(process, {"cancelled"})
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=20)
    assert stdout.splitlines() == ["interrupted, 2 left"]
    assert (process.returncode, stderr) == (2, "")
