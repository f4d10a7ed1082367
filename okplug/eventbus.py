"""Bring events from all threads to the reporters: one queue, and one thread at its end."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Self

from okplug.events import StepLog

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from okplug.events import Event

#: lines of logs that may wait for the reporters before those who print more wait too
LIMIT = 10_000


class EventBus:
    """Calls a sink with every event, in the order of ``emit``, from one thread of its own.

    A sink that raises does not disturb the run: it gets the events that follow, and what it raised
    first comes out of ``close``.

    :param now: the clock that events are stamped with: seconds since the epoch.
    :param limit: how many events may be in the queue before ``emit`` of a ``StepLog`` waits. Other
        events never wait, so that whoever holds a lock can tell what happened.
    """

    def __init__(
        self,
        sink: Callable[[Event], object],
        *,
        now: Callable[[], float] = time.time,
        limit: int = LIMIT,
    ) -> None:
        self.now = now
        self._sink = sink
        self._limit = limit
        self._changed = threading.Condition()
        self._queue: deque[Event] = deque()
        self._is_closed = False
        self._fault: BaseException | None = None
        self._reporter = threading.Thread(target=self._report, name="okplug-reporter", daemon=True)
        self._reporter.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close; what the sink raised becomes a note on what ended the block, if anything did."""
        try:
            self.close()
        except Exception as fault:
            if error is None:
                raise
            error.add_note(f"a reporter failed, too: {type(fault).__name__}: {fault}")

    def emit(self, event: Event) -> None:
        """Queue an event; callable from any thread, also from the sink.

        After ``close`` the events of other threads are dropped: they come from workers that an
        interrupted run has left behind.
        """
        is_reporter = threading.current_thread() is self._reporter
        with self._changed:
            if isinstance(event, StepLog) and not is_reporter:
                self._changed.wait_for(self._has_room)
            if is_reporter or not self._is_closed:
                self._queue.append(event)
                self._changed.notify_all()

    def close(self) -> None:
        """Wait until the sink has had every event; a second call does nothing.

        :raises BaseException: what the sink raised first, as it is.
        """
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        self._reporter.join()
        fault, self._fault = self._fault, None
        if fault is not None:
            raise fault

    def _has_room(self) -> bool:
        return self._is_closed or len(self._queue) < self._limit

    def _report(self) -> None:
        while batch := self._take():
            for event in batch:
                try:
                    self._sink(event)
                except BaseException as error:  # noqa: BLE001  # raised by close
                    if self._fault is None:
                        self._fault = error

    def _take(self) -> deque[Event]:
        """Return all that is queued, at least one event; nothing once the bus is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._is_closed)
            batch, self._queue = self._queue, deque()
            self._changed.notify_all()
            return batch
