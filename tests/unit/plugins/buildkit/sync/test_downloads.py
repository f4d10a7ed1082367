"""Messages that come quickly are taken several at a time."""

from __future__ import annotations

from collections import deque

import pytest

from okplug_buildkit.rpc import CallCancelled
from okplug_buildkit.sync import downloads


class Bursts:
    """A call on which messages come in bursts, each while somebody pauses."""

    def __init__(self, *bursts: list[bytes]) -> None:
        self.bursts = deque(bursts)
        self.here: deque[bytes] = deque()
        self.waits = 0
        self.pauses: list[float] = []

    def pause(self, seconds: float) -> None:
        """Let the next burst come."""
        self.pauses.append(seconds)
        if self.bursts:
            self.here.extend(self.bursts.popleft())

    def receive_nowait(self) -> bytes | None:
        """Return what is here."""
        return self.here.popleft() if self.here else None

    def receive(self) -> bytes | None:
        """Return what is here, or the end."""
        self.waits += 1
        return self.here.popleft() if self.here else None


def received(call: Bursts, monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    monkeypatch.setattr("time.sleep", call.pause)
    messages = []
    while (message := downloads.receive(call)) is not None:  # type: ignore[arg-type]  # all it uses
        messages.append(message)
    return messages


def test_all_messages_come_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    call = Bursts([b"1", b"2"], [b"3"], [b"4", b"5", b"6"])
    assert received(call, monkeypatch) == [b"1", b"2", b"3", b"4", b"5", b"6"]


def test_whoever_receives_wakes_up_once_for_a_burst(monkeypatch: pytest.MonkeyPatch) -> None:
    call = Bursts([b"%d" % number for number in range(100)])
    assert len(received(call, monkeypatch)) == 100
    assert call.waits == 2  # for the burst, and for the end


def test_there_is_no_pause_while_messages_are_here(monkeypatch: pytest.MonkeyPatch) -> None:
    call = Bursts()
    call.here.extend([b"1", b"2", b"3"])
    assert received(call, monkeypatch) == [b"1", b"2", b"3"]
    assert len(call.pauses) == 1


def test_a_call_that_is_cancelled_meanwhile_is_told() -> None:
    class Cancelled(Bursts):
        def receive(self) -> bytes | None:
            raise CallCancelled

    with pytest.raises(CallCancelled):
        downloads.receive(Cancelled())  # type: ignore[arg-type]  # all it uses
