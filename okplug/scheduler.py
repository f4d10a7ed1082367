"""Run the steps of a graph in worker threads, each as soon as all that it needs is done.

The workers share one queue of what can start, the heaviest first, and serve themselves from it: no
step waits for a thread that only hands out work. The thread that calls ``run`` does nothing but
wait, so that Ctrl-C finds it where nothing can be left half done.
"""

from __future__ import annotations

import heapq
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from okplug.canceltoken import CancelToken
from okplug.errors import CancelledError
from okplug.stepgraph import make_step_graph

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from okplug.stepgraph import StepGraph

__all__ = ["CancelToken", "Outcome", "Scheduler"]

Status: TypeAlias = Literal["done", "failed", "blocked", "cancelled"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one step ended; every step of a run has exactly one.

    :param duration: seconds at work, 0.0 if it never started.
    :param value: what the work returned, if it is done.
    :param error: what the work raised, if it failed.
    :param blocked_by: the failed step that a blocked one waited for, directly or not.
    """

    address: str
    status: Status
    duration: float = 0.0
    value: object | None = None
    error: BaseException | None = None
    blocked_by: str = ""


@dataclass(frozen=True, slots=True)
class _Limits:
    """How much may happen: steps at once, and failures, where 0 stands for any number."""

    jobs: int
    failures: int


class Scheduler:
    """Runs steps whose dependencies are known beforehand.

    :param dependencies: step -> the steps that must be done first.
    :param jobs: how many steps may be at work at once.
    :param priorities: of the steps that could start, the one with the greatest number does, in
        alphabetical order where they are equal; 0.0 for a step that is not there.
    :param token: cancelled on Ctrl-C; once it is, nothing starts.
    :param max_failures: start nothing after that many failures, 0 to keep going.
    :param clock: seconds from any fixed moment.
    :raises ValueError: if a step needs one that is not there, or itself by any number of steps.
    """

    def __init__(
        self,
        dependencies: Mapping[str, Collection[str]],
        *,
        jobs: int,
        priorities: Mapping[str, float],
        token: CancelToken,
        max_failures: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if jobs < 1:
            raise ValueError(f"jobs: expected 1 or more, not {jobs}")
        self._graph = make_step_graph(dependencies, priorities)
        self._limits = _Limits(jobs, max_failures)
        self._token = token
        self._clock = clock

    def run(
        self, work: Callable[[str], object], on_finish: Callable[[Outcome], object]
    ) -> dict[str, Outcome]:
        """Run all steps and return their outcomes in the order in which they came about.

        A step that fails blocks those that need it, and the others go on. On Ctrl-C the token is
        cancelled and the steps at work are waited for; a second Ctrl-C waits for nothing.

        :param work: called in a worker thread; ``CancelledError`` means that the step gave up
            because the run was interrupted, everything else that it raises that it failed.
        :param on_finish: told every outcome, from different threads but never from two at once, and
            before anything starts that waited for the step.
        :raises KeyboardInterrupt: on Ctrl-C, after all outcomes are told.
        :raises BaseException: what *on_finish* raised first; nothing has started after that.
        """
        run = _Run(self._graph, self._limits, self._token, work, on_finish, self._clock)
        self._token.on_cancel(run.wake)
        try:
            run.begin()
            run.wait()
        except BaseException as error:
            self._abort(run, error)
            raise
        if run.fault is not None:
            raise run.fault
        return run.outcomes

    def _abort(self, run: _Run, error: BaseException) -> None:
        """Cancel and wait; what interrupts the waiting goes out at once."""
        try:
            try:
                self._token.cancel()
            except ExceptionGroup as failed:
                error.__cause__ = failed
            run.settle()
            run.wait()
        finally:
            run.close()


class _Run:
    """What changes during one run.

    Everything happens under one lock but the work itself; the lock is reentrant because *on_finish*
    may cancel the run.
    """

    def __init__(
        self,
        graph: StepGraph,
        limits: _Limits,
        token: CancelToken,
        work: Callable[[str], object],
        on_finish: Callable[[Outcome], object],
        clock: Callable[[], float],
    ) -> None:
        self._dependants = graph.dependants
        self._ranks = graph.ranks
        self._token = token
        self._work = work
        self._on_finish = on_finish
        self._clock = clock
        self._changed = threading.Condition(threading.RLock())
        self._waiting = dict(graph.needs)
        self._ready = [graph.ranks[address] for address, count in graph.needs.items() if not count]
        heapq.heapify(self._ready)
        self._unstarted = dict.fromkeys(graph.needs)
        self._running = 0
        self._jobs = limits.jobs
        self._idle = 0
        self._failures_left = limits.failures or len(graph.needs) + 1
        self._workers: list[threading.Thread] = []
        self._is_closed = False
        self._is_over = not graph.needs
        self._end = threading.Lock()
        self._end.acquire()
        self.outcomes: dict[str, Outcome] = {}
        self.fault: BaseException | None = None

    def begin(self) -> None:
        """Start the first worker; the workers start more as there is more to do."""
        if not self._is_over:
            self._add_worker()

    def wait(self) -> None:
        """Return when nothing is at work, all outcomes are told and the workers have ended.

        It can be interrupted and called again. ``Thread.join`` of Python 3.11 and 3.12 cannot: it
        takes the thread that it was interrupted at for ended.
        """
        while not self._is_over:
            self._end.acquire()
        for worker in self._workers:
            if worker.ident is not None:  # else its start was interrupted, and it ends by itself
                worker.join()

    def wake(self) -> None:
        """Let workers who wait for something to do look whether there will be any."""
        with self._changed:
            self._changed.notify_all()

    def settle(self) -> None:
        """Tell that what has not started never will, unless something is still at work."""
        with self._changed:
            if self._running or self._is_over:
                return
            for address in tuple(self._unstarted):
                self._tell(Outcome(address, "cancelled"))
            self._is_over = True
            self._end.release()

    def close(self) -> None:
        """Tell nothing more, whoever may still be at work."""
        self._is_closed = True

    def _add_worker(self) -> None:
        name = f"okplug-worker-{len(self._workers) + 1}"
        self._workers.append(threading.Thread(target=self._serve, name=name, daemon=True))
        self._workers[-1].start()

    def _serve(self) -> None:
        """Do what can be done until nothing is left or nothing may start; a worker's whole life."""
        while (address := self._take()) is not None:
            self._finish(self._execute(address))

    def _take(self) -> str | None:
        """Return what to do next, None if there will be nothing more."""
        with self._changed:
            while self._may_start():
                if self._ready:
                    address = heapq.heappop(self._ready)[1]
                    del self._unstarted[address]
                    self._running += 1
                    self._get_help()
                    return address
                self._idle += 1
                self._changed.wait()
                self._idle -= 1
            self.settle()
            return None

    def _get_help(self) -> None:
        """Start a worker if there is something to do that nobody waits for."""
        if self._ready and not self._idle and len(self._workers) < self._jobs:
            try:
                self._add_worker()
            except RuntimeError:  # the system has no more threads: those that there are must do
                del self._workers[-1]
                self._jobs = len(self._workers)

    def _may_start(self) -> bool:
        return bool(
            self._unstarted
            and self._failures_left > 0
            and self.fault is None
            and not self._token.is_cancelled
            and not self._is_closed
        )

    def _execute(self, address: str) -> Outcome:
        started = self._clock()
        try:
            value = self._work(address)
        except CancelledError:
            return Outcome(address, "cancelled", self._clock() - started)
        except BaseException as error:  # noqa: BLE001  # a SystemExit fails the step, not the worker
            return Outcome(address, "failed", self._clock() - started, error=error)
        return Outcome(address, "done", self._clock() - started, value)

    def _finish(self, outcome: Outcome) -> None:
        """Tell the outcome and draw the consequences for what waited for the step."""
        with self._changed:
            self._running -= 1
            self._tell(outcome)
            if outcome.status == "done":
                self._release(outcome.address)
            else:
                self._failures_left -= outcome.status == "failed"
                self._cut_off(outcome)
            if not self._may_start():
                self._changed.notify_all()

    def _release(self, address: str) -> None:
        """Queue what waited for nothing but this step."""
        for dependant in self._dependants[address]:
            self._waiting[dependant] -= 1
            if not self._waiting[dependant]:
                heapq.heappush(self._ready, self._ranks[dependant])
                self._changed.notify()

    def _cut_off(self, lost: Outcome) -> None:
        """Tell that what needs the step, directly or not, will not start."""
        status: Status = "blocked" if lost.status == "failed" else "cancelled"
        blocked_by = lost.address if lost.status == "failed" else ""
        found = deque([lost.address])
        while found:
            for dependant in self._dependants[found.popleft()]:
                if dependant in self._unstarted:
                    self._tell(Outcome(dependant, status, blocked_by=blocked_by))
                    found.append(dependant)

    def _tell(self, outcome: Outcome) -> None:
        if self._is_closed:
            return
        self._unstarted.pop(outcome.address, None)
        self.outcomes[outcome.address] = outcome
        try:
            self._on_finish(outcome)
        except BaseException as error:  # noqa: BLE001  # raised by run when the workers have ended
            if self.fault is None:
                self.fault = error
