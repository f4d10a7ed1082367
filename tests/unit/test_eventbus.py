from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug.eventbus import EventBus
from okplug.events import Event, StepLog, WarningRaised
from tests.processortime import processor_time

if TYPE_CHECKING:
    from collections.abc import Iterator


def log(text: str, address: str = "api") -> StepLog:
    return StepLog(0.0, address, "", text)


def reporters() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "okplug-reporter"]


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    """Every bus ends its thread."""
    yield
    assert reporters() == []


# ------------------------------------------------------------------------------------ delivery


def test_events_come_in_order_from_one_thread() -> None:
    seen: list[tuple[Event, str]] = []
    bus = EventBus(lambda event: seen.append((event, threading.current_thread().name)))
    sent = [log(str(number)) for number in range(1000)]
    for event in sent:
        bus.emit(event)
    bus.close()
    assert seen == [(event, "okplug-reporter") for event in sent]


@given(st.lists(st.integers(0, 30), min_size=1, max_size=4), st.integers(1, 5))
def test_the_order_of_each_thread_is_kept_and_nothing_is_lost(
    counts: list[int], limit: int
) -> None:
    seen: list[Event] = []
    bus = EventBus(seen.append, limit=limit)
    sent = {
        f"n{name}": [log(str(n), f"n{name}") for n in range(c)] for name, c in enumerate(counts)
    }

    def emit_all(name: str) -> None:
        for event in sent[name]:
            bus.emit(event)

    threads = [threading.Thread(target=emit_all, args=(name,)) for name in sent]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    bus.close()
    assert len(seen) == sum(counts)
    for name, events in sent.items():
        assert [e for e in seen if isinstance(e, StepLog) and e.address == name] == events


def test_emitting_does_not_wait_for_the_sink() -> None:
    release = threading.Event()
    seen: list[Event] = []

    def sink(event: Event) -> None:
        assert release.wait(5)
        seen.append(event)

    bus = EventBus(sink)
    for number in range(10):
        bus.emit(log(str(number)))
    assert seen == []
    release.set()
    bus.close()
    assert len(seen) == 10


def test_events_are_delivered_while_the_run_goes_on() -> None:
    delivered = threading.Event()
    bus = EventBus(lambda _: delivered.set())
    bus.emit(log("now"))
    assert delivered.wait(5)
    bus.close()


def test_an_idle_bus_takes_no_processor_time() -> None:
    with EventBus(lambda _: None):
        assert processor_time(lambda: time.sleep(0.2)) < 0.1


def test_the_clock_can_be_chosen() -> None:
    with EventBus(lambda _: None, now=lambda: 12.5) as bus:
        assert bus.now() == 12.5


# ------------------------------------------------------------------------------- back-pressure


def test_logs_wait_for_a_slow_sink() -> None:
    release, entered = threading.Event(), threading.Event()

    def sink(_event: Event) -> None:
        entered.set()
        assert release.wait(5)

    bus = EventBus(sink, limit=3)
    bus.emit(log("at the sink"))
    assert entered.wait(5)
    emitted: list[int] = []
    third = threading.Event()

    def emit_all() -> None:
        for number in range(10):
            bus.emit(log(str(number)))
            emitted.append(number)
            if number == 2:
                third.set()

    thread = threading.Thread(target=emit_all)
    thread.start()
    assert third.wait(5)
    thread.join(0.05)
    assert emitted == [0, 1, 2]
    release.set()
    thread.join(5)
    assert emitted == [*range(10)]
    bus.close()


def test_only_logs_wait() -> None:
    """A worker that tells an outcome may hold a lock that a reporter wants."""
    release, entered = threading.Event(), threading.Event()
    seen: list[Event] = []

    def sink(event: Event) -> None:
        entered.set()
        assert release.wait(5)
        seen.append(event)

    bus = EventBus(sink, limit=1)
    bus.emit(log("at the sink"))
    assert entered.wait(5)
    bus.emit(log("fills the queue"))
    for number in range(5):
        bus.emit(WarningRaised(0.0, str(number)))
    release.set()
    bus.close()
    assert len(seen) == 7


def test_the_sink_may_emit() -> None:
    """Its own events never wait, not even logs: nobody else could make room."""
    seen: list[str] = []

    def sink(event: Event) -> None:
        assert isinstance(event, StepLog)
        seen.append(event.text)
        if event.text == "first":
            for number in range(5):
                bus.emit(log(f"echo {number}"))

    bus = EventBus(sink, limit=2)
    bus.emit(log("first"))
    bus.close()
    assert seen == ["first", *(f"echo {number}" for number in range(5))]


# -------------------------------------------------------------------------------------- faults


def test_the_first_fault_of_the_sink_comes_out_of_close_as_it_is() -> None:
    seen: list[str] = []
    faults = {"a": LookupError("a"), "b": ValueError("b")}

    def sink(event: Event) -> None:
        assert isinstance(event, StepLog)
        seen.append(event.text)
        if event.text in faults:
            raise faults[event.text]

    bus = EventBus(sink)
    for text in ("a", "b", "c"):
        bus.emit(log(text))
    with pytest.raises(LookupError) as caught:
        bus.close()
    assert caught.value is faults["a"]
    assert seen == ["a", "b", "c"]
    bus.close()


def test_a_sink_that_wants_to_exit_does_not_end_the_thread() -> None:
    seen: list[Event] = []

    def sink(event: Event) -> None:
        seen.append(event)
        raise SystemExit(4)

    bus = EventBus(sink)
    bus.emit(log("a"))
    bus.emit(log("b"))
    with pytest.raises(SystemExit):
        bus.close()
    assert len(seen) == 2


def fail(_event: Event) -> None:
    raise LookupError("a reporter's fault")


def test_a_block_ends_with_the_fault_of_the_sink() -> None:
    with pytest.raises(LookupError, match="a reporter's fault"), EventBus(fail) as bus:
        bus.emit(log("a"))


def test_what_ends_the_block_counts_more_than_a_fault_of_the_sink() -> None:
    def interrupted_run() -> None:
        with EventBus(fail) as bus:
            bus.emit(log("a"))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        interrupted_run()
    assert caught.value.__notes__ == ["a reporter failed, too: LookupError: a reporter's fault"]


def test_a_block_without_faults() -> None:
    seen: list[Event] = []
    with EventBus(seen.append) as bus:
        bus.emit(log("a"))
    assert seen == [log("a")]
    with pytest.raises(ValueError, match="mine"), EventBus(seen.append):
        raise ValueError("mine")


# --------------------------------------------------------------------------------------- close


def test_nothing_is_delivered_after_close() -> None:
    seen: list[Event] = []
    bus = EventBus(seen.append)
    bus.close()
    bus.emit(log("late"))
    bus.close()
    assert seen == []


def test_close_frees_those_who_wait_for_room() -> None:
    release, entered = threading.Event(), threading.Event()

    def sink(_event: Event) -> None:
        entered.set()
        assert release.wait(5)

    bus = EventBus(sink, limit=1)
    bus.emit(log("at the sink"))
    assert entered.wait(5)
    bus.emit(log("fills the queue"))
    late = threading.Thread(target=bus.emit, args=(log("waits"),))
    late.start()
    closing = threading.Thread(target=bus.close)
    closing.start()
    late.join(5)
    assert not late.is_alive()
    release.set()
    closing.join(5)
    assert not closing.is_alive()
