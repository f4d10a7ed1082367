from __future__ import annotations

import threading

import pytest

from okplug.canceltoken import CancelToken


def test_it_is_not_cancelled_until_it_is() -> None:
    token = CancelToken()
    assert not token.is_cancelled
    token.cancel()
    assert token.is_cancelled


def test_callbacks_come_in_order_and_from_the_thread_that_cancels() -> None:
    token = CancelToken()
    calls: list[tuple[str, threading.Thread]] = []
    token.on_cancel(lambda: calls.append(("first", threading.current_thread())))
    token.on_cancel(lambda: calls.append(("second", threading.current_thread())))
    thread = threading.Thread(target=token.cancel)
    thread.start()
    thread.join()
    assert calls == [("first", thread), ("second", thread)]


def test_callbacks_are_called_once() -> None:
    token = CancelToken()
    calls: list[int] = []
    token.on_cancel(lambda: calls.append(1))
    token.cancel()
    token.cancel()
    assert calls == [1]


def test_a_callback_that_comes_late_is_called_at_once() -> None:
    token = CancelToken()
    token.cancel()
    calls: list[threading.Thread] = []
    token.on_cancel(lambda: calls.append(threading.current_thread()))
    assert calls == [threading.current_thread()]


def test_callbacks_see_that_it_is_cancelled_and_may_add_more() -> None:
    token = CancelToken()
    seen: list[bool] = []

    def callback() -> None:
        seen.append(token.is_cancelled)
        token.on_cancel(lambda: seen.append(True))

    token.on_cancel(callback)
    token.cancel()
    assert seen == [True, True]


def test_one_that_fails_does_not_stop_the_others() -> None:
    token = CancelToken()
    calls: list[str] = []

    def fail() -> None:
        raise ValueError("no such process")

    token.on_cancel(fail)
    token.on_cancel(lambda: calls.append("second"))
    token.on_cancel(fail)
    with pytest.raises(ExceptionGroup, match="what was at work could not be cancelled") as caught:
        token.cancel()
    assert calls == ["second"]
    assert [str(error) for error in caught.value.exceptions] == ["no such process"] * 2


def test_no_callback_is_lost_between_threads() -> None:
    token = CancelToken()
    calls: list[int] = []
    barrier = threading.Barrier(9)

    def add(number: int) -> None:
        barrier.wait()
        for count in range(100):
            token.on_cancel(lambda: calls.append(100 * number + count))  # noqa: B023  # only counted

    threads = [threading.Thread(target=add, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    barrier.wait()
    token.cancel()
    for thread in threads:
        thread.join()
    assert len(calls) == 800
