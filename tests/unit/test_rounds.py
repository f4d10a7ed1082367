"""What goes from run to run."""

from __future__ import annotations

from typing import Any

import pytest

from okplug.errors import (
    ContextChangedError,
    ExitCode,
    ManifestError,
    RegistryError,
    UsageError,
)
from okplug.rounds import Rounds


class Events:
    """Listens to nothing."""

    def __init__(self, environ: object) -> None:
        self.environ = environ
        self.is_closed = False

    def close(self) -> None:
        """Take note."""
        self.is_closed = True


def test_without_a_watch_there_is_one_run() -> None:
    rounds = Rounds()
    assert not rounds.goes_on
    rounds.close()


def test_all_runs_share_what_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("okplug.fileevents.FileEvents", Events)
    rounds = Rounds()
    rounds.begin("/src/shop", {"A": "1"})
    assert rounds.goes_on
    first: Any = rounds.events
    assert first.environ == {"A": "1"}
    rounds.begin("/src", {"A": "2"})
    now: Any = rounds.events
    assert now is first
    assert rounds.root == "/src"
    rounds.close()
    assert first.is_closed


@pytest.mark.parametrize("number", [0, 3])
def test_an_interruption_ends_all_and_cuts_short_what_is_at_work(number: int) -> None:
    rounds = Rounds(is_wanted=True, number=number)
    assert rounds.interrupt()
    assert not rounds.goes_on


def test_the_end_of_a_wait_cuts_nothing_short() -> None:
    rounds = Rounds(is_wanted=True, number=1, is_waiting=True)
    assert not rounds.interrupt()
    assert not rounds.goes_on


@pytest.mark.parametrize(
    ("error", "goes_on"),
    [
        (ManifestError("it is half written"), True),
        (ContextChangedError("it is being written"), True),
        (UsageError("there is no such option"), False),
        (RegistryError("it is down"), False),
        (ValueError("a fault"), False),
    ],
)
def test_the_first_run_goes_on_with_what_an_edit_puts_right(
    error: Exception,
    goes_on: bool,  # noqa: FBT001  # a parameter
) -> None:
    rounds = Rounds(is_wanted=True)
    assert rounds.fail(error)
    assert rounds.goes_on == goes_on


@pytest.mark.parametrize("error", [UsageError("wrong"), ValueError("a fault")])
def test_later_runs_go_on_whatever_happens(error: Exception) -> None:
    rounds = Rounds(is_wanted=True, number=1)
    rounds.fail(error)
    assert rounds.goes_on


def test_what_is_over_stays_over() -> None:
    rounds = Rounds(is_wanted=True, is_over=True, number=1)
    rounds.fail(ManifestError("wrong"))
    assert not rounds.goes_on


def test_the_same_error_is_news_once() -> None:
    rounds = Rounds(number=1, is_waiting=True)
    assert rounds.fail(ManifestError("one"))
    assert not rounds.is_waiting, "it is said again what follows"
    rounds.is_waiting = True
    assert not rounds.fail(ManifestError("one"))
    assert rounds.is_waiting
    assert rounds.fail(ManifestError("two"))
    assert rounds.fail(ManifestError("one"))


@pytest.mark.parametrize("code", ExitCode)
def test_only_an_interruption_ends_what_tells_itself_why_it_ended(code: ExitCode) -> None:
    rounds = Rounds(is_wanted=True)
    assert rounds.exit(code) == code
    assert rounds.goes_on == (code != ExitCode.INTERRUPTED)


def test_lines_can_be_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    rounds = Rounds()
    rounds.say("one")
    rounds.is_mute = True
    rounds.say("two")
    assert capsys.readouterr().err == "one\n"
