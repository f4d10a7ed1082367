from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug.events import StepLog, StepProgress
from okplug.terminal.steps import Steps
from okplug.terminal.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable


class Told:
    """What is written of the events that it is given."""

    def __init__(self, *, color: bool = False) -> None:
        self._stream = io.StringIO()
        self._steps = Steps(Writer(self._stream, color=color))

    def part(self, time: float, part: str, name: str, state: str, current: int = 0) -> None:
        """Tell of a part of the image a:a."""
        self._steps.progress(StepProgress(time, "a:a", part, name, state, current, 0))

    def log(self, text: str, instruction: str = "", address: str = "a:a") -> None:
        """Print a line in a build."""
        self._steps.log(StepLog(0.0, address, instruction, text))

    @property
    def lines(self) -> list[str]:
        """All lines so far."""
        return self._stream.getvalue().splitlines()


@pytest.fixture
def told() -> Told:
    return Told()


def test_parts_of_a_build(told: Told, screen: Callable[[str], str]) -> None:
    told.part(10.0, "from", "[1/3] FROM docker.io/library/alpine", "cached")
    told.part(10.0, "make", "[2/3] RUN make", "started")
    told.log("cc x.c", "RUN make")
    told.part(10.5, "context", "transferring context", "running", 5)
    told.log("\x1b[32mcc\x1b[0m y.c", "RUN make")
    told.part(11.0, "context", "transferring context", "running", 500)
    told.part(11.25, "make", "[2/3] RUN make", "done")
    told.part(75.5, "context", "transferring context", "done", 12_345_678)
    told.part(76.0, "test", "[3/3] RUN test", "started")
    told.part(76.0, "test", "[3/3] RUN test", "failed")
    assert "\n".join(told.lines) + "\n" == screen(
        """
        a:a #1 [1/3] FROM docker.io/library/alpine
        a:a #1 CACHED
        a:a #2 [2/3] RUN make
        a:a | cc x.c
        a:a #3 transferring context
        a:a > RUN make
        a:a | cc y.c
        a:a #2 DONE 1.25s
        a:a #3 DONE 1m05s 12.3 MB
        a:a #4 [3/3] RUN test
        a:a #4 FAILED 0.00s
        """
    )


def test_each_image_counts_its_own_parts() -> None:
    stream = io.StringIO()
    steps = Steps(Writer(stream))
    for address in ("a:a", "b:b", "a:a"):
        for part in ("x", "y"):
            steps.progress(StepProgress(0.0, address, part, f"part {part}", "started"))
    assert stream.getvalue() == "a:a #1 part x\na:a #2 part y\nb:b #1 part x\nb:b #2 part y\n"


def test_what_was_said_already_is_not_said_again(told: Told) -> None:
    for state in ("started", "started", "running", "running", "done", "done"):
        told.part(1.0, "x", "RUN x", state)
    assert told.lines == ["a:a #1 RUN x", "a:a #1 DONE 0.00s"]


def test_a_part_that_begins_again_keeps_its_number(told: Told) -> None:
    told.part(1.0, "x", "exporting", "started")
    told.part(2.0, "x", "exporting", "done")
    told.part(5.0, "x", "exporting", "started")
    told.part(5.5, "x", "exporting", "done")
    told.part(6.0, "x", "pushing", "started")
    told.part(9.0, "x", "pushing", "done")
    assert told.lines == [
        "a:a #1 exporting",
        "a:a #1 DONE 1.00s",
        "a:a #1 DONE 0.50s",
        "a:a #1 pushing",
        "a:a #1 DONE 3.00s",
    ]


def test_a_clock_that_is_set_back(told: Told) -> None:
    told.part(9.0, "x", "x", "started")
    told.part(1.0, "x", "x", "done")
    assert told.lines[-1] == "a:a #1 DONE 0.00s"


@pytest.mark.parametrize(
    ("state", "line"),
    [
        ("done", "a:a #1 \x1b[32mDONE\x1b[0m 0.00s"),
        ("cached", "a:a #1 \x1b[32mCACHED\x1b[0m"),
        ("failed", "a:a #1 \x1b[31mFAILED\x1b[0m 0.00s"),
    ],
)
def test_colours(state: str, line: str) -> None:
    told = Told(color=True)
    told.part(1.0, "x", "x", state)
    assert told.lines[-1] == line


def test_output_has_its_colours() -> None:
    told = Told(color=True)
    told.log("\x1b[35mtest\x1b[0m\x1b[2J")
    assert told.lines == ["a:a | \x1b[35mtest\x1b[0m\x1b[0m"]


def test_output_without_an_instruction_has_no_heading(told: Told) -> None:
    told.log("cc", "RUN make")
    told.log("between")
    told.log("cc", "RUN make")
    assert told.lines == [
        "a:a > RUN make",
        "a:a | cc",
        "a:a | between",
        "a:a > RUN make",
        "a:a | cc",
    ]


def test_a_heading_that_only_ends_alike_is_none(told: Told) -> None:
    told.part(1.0, "x", "[1/1] RUN make", "started")
    told.log("cc", "make")
    assert told.lines[1:] == ["a:a > make", "a:a | cc"]


@given(st.text(), st.text(), st.text(), st.text())
def test_foreign_text_stays_on_its_line(part: str, name: str, text: str, instruction: str) -> None:
    told = Told()
    told.part(1.0, part, name, "started")
    told.log(text, instruction)
    *titles, last = told.lines
    assert 1 <= len(titles) <= 2
    assert last.startswith("a:a |")
    assert all(line.isprintable() or "\t" in line or not line.isascii() for line in told.lines)
