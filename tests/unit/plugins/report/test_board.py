from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len  # noqa: TID253  # it says what is drawn how wide

from okplug import events
from okplug_report.board import Board, rows_taken

if TYPE_CHECKING:
    from collections.abc import Callable


class Show:
    """A board that follows what it is told, at a time that a test sets."""

    def __init__(self, encoding: str = "utf-8") -> None:
        self.now = 100.0
        self.board = Board(encoding, lambda: self.now)

    def plan(self, *addresses: str) -> None:
        """Begin a run of images."""
        self.follow(events.RunStarted, "build", ())
        for address in addresses:
            self.follow(events.StepPlanned, address, "", "build", ())

    def follow(self, kind: Callable[..., events.Event], *fields: Any) -> None:
        """Let something happen now."""
        self.board.follow(kind(self.now, *fields))

    def start(self, *addresses: str) -> None:
        """Let images be at work."""
        for address in addresses:
            self.follow(events.StepStarted, address, "build")

    def part(self, name: str, state: str, *amounts: int, address: str = "a:a") -> None:
        """Let a part, which has its name for its identity, begin, go on or end."""
        self.follow(events.StepProgress, address, name, name, state, *amounts)

    def text(self, width: int = 60, height: int = 24) -> str:
        """Return the picture as one text."""
        return "\n".join(self.board.lines(width, height))


@pytest.fixture
def show() -> Show:
    return Show()


def test_images_at_work(show: Show) -> None:
    show.plan("base:base", "services/api:api", "web:web", "lib:lib")
    show.start("base:base")
    show.now += 1
    show.follow(events.StepFinished, "base:base", "build", "")
    show.start("services/api:api", "web:web")
    show.part("[1/3] FROM alpine", "started", address="services/api:api")
    show.part("[1/3] FROM alpine", "done", address="services/api:api")
    show.part("[2/3] RUN make", "started", address="services/api:api")
    show.part("transferring context", "running", 12_300_000, address="web:web")
    show.now += 64.5
    assert show.text() == (
        "services/api:api   1m04s  [2/3] RUN make\n"
        "web:web            1m04s  transferring context  12.3 MB\n"
        "1/4 done: 1 built; 2 at work; 1m05s"
    )


def test_forty_columns(show: Show) -> None:
    show.plan("services/frontend/assets:assets", "b:b")
    show.start("services/frontend/assets:assets", "b:b")
    show.part("[2/3] RUN make", "started", address="b:b")
    show.part(
        "transferring context", "running", 5_000_000, address="services/frontend/assets:assets"
    )
    assert show.text(40) == (
        "services/frontend/as      0s  t  5.0 MB\n"
        "b:b                       0s  [2/3] RUN\n"
        "0/2 done; 2 at work; 0s"
    )


def test_there_are_never_more_rows_than_the_terminal_has(show: Show) -> None:
    addresses = [f"n:n{number}" for number in range(30)]
    show.plan(*addresses)
    show.start(*addresses)
    assert show.board.lines(60, 5) == [
        "n:n0      0s",
        "n:n1      0s",
        "n:n2      0s",
        "0/30 done; 30 at work; 0s",
    ]
    assert len(show.board.lines(60, 50)) == 31
    assert [len(show.board.lines(60, height)) for height in (3, 2, 1)] == [2, 1, 1]


# --------------------------------------------------------------------------------------- steps


def what(show: Show) -> str:
    """Return what the first image's line says that it does."""
    return show.board.lines(80, 24)[0].removeprefix("a:a      0s").strip()


def test_the_part_that_began_last_is_shown(show: Show) -> None:
    show.start("a:a")
    shown = []
    for name, state in [
        ("first", "started"),
        ("second", "started"),
        ("first", "running"),
        ("second", "cached"),
        ("third", "running"),
        ("third", "failed"),
        ("first", "done"),
        ("never began", "done"),
        ("first", "started"),
    ]:
        show.part(name, state)
        shown.append(what(show))
    assert shown == ["first", "second", "second", "first", "third", "first", "", "", "first"]


def test_without_parts_what_printed_last_is_shown(show: Show) -> None:
    show.start("a:a")
    show.follow(events.StepLog, "a:a", "RUN <<EOF\nmake\nEOF", "cc x.c")
    assert what(show) == "RUN <<EOF"
    show.part("[1/1] RUN make", "started")
    assert what(show) == "[1/1] RUN make"


def test_bytes_of_all_parts_at_work(show: Show) -> None:
    show.start("a:a")
    show.part("pulling 1", "running", 1_000, 9_000)
    show.part("pulling 2", "running", 500_000, 1_000_000)
    show.part("unpacking", "started")
    assert what(show) == "unpacking  501.0 kB / 1.0 MB"
    show.part("exporting", "running", 10)
    assert what(show) == "exporting  501.0 kB"
    show.part("pulling 2", "done", 1_000_000, 1_000_000)
    show.part("exporting", "done")
    assert what(show) == "unpacking  1.0 kB / 9.0 kB"


def test_parts_of_an_image_that_is_not_at_work(show: Show) -> None:
    show.part("late", "started")
    show.follow(events.StepLog, "a:a", "RUN make", "late")
    assert show.board.lines(60, 24) == ["0/0 done; 0 at work; 0s"]


# ---------------------------------------------------------------------------------------- counts


def test_the_worst_is_counted_first(show: Show) -> None:
    verdicts = ("reuse", "build", "build", "signed", "cancelled", "blocked", "failed")
    show.plan(*verdicts)
    for verdict in verdicts:
        show.follow(events.StepFinished, f"x:{verdict}", verdict, "")
    assert show.text(120) == (
        "7/7 done: 1 failed, 1 blocked, 1 cancelled, 2 built, 1 reused, 1 signed; 0 at work; 0s"
    )


def test_images_that_nobody_planned(show: Show) -> None:
    show.follow(events.StepFinished, "a:a", "build", "")
    assert show.text() == "1/1 done: 1 built; 0 at work; 0s"


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0.9, "0s"), (59.9, "59s"), (60, "1m00s"), (3599, "59m59s"), (7265, "2h01m"), (-5, "0s")],
)
def test_how_long_it_takes(show: Show, seconds: float, expected: str) -> None:
    show.plan("a:a")
    show.now += seconds
    assert show.text() == f"0/1 done; 0 at work; {expected}"


# ---------------------------------------------------------------------------------- foreign text


def test_markup_and_sequences_are_text(show: Show) -> None:
    show.start("a:a")
    show.part("[bold red]RUN[/] \x1b[2Jx\ty :smile: \u202e", "started")
    assert what(show) == r"[bold red]RUN[/] \x1b[2Jx y :smile: \u202e"


def test_what_the_terminal_cannot_show_is_escaped() -> None:
    show = Show("ascii")
    show.start("größe:größe")
    assert show.board.lines(60, 24)[0] == r"gr\xf6\xdfe:gr\xf6\xdfe      0s"


def test_wide_characters_are_cut_whole(show: Show) -> None:
    show.start("世界世界世界世界:x")
    assert show.board.lines(20, 24) == ["世界世界世      0s", "0/0 done; 1 at work"]
    assert show.board.lines(22, 24)[0] == "世界世界世       0s"


@given(
    texts=st.lists(st.text(), min_size=4, max_size=4),
    sizes=st.tuples(st.integers(1, 90), st.integers(1, 8)),
    amounts=st.lists(st.integers(0, 10**15), min_size=2, max_size=2),
    encoding=st.sampled_from(["utf-8", "ascii", "latin-1"]),
)
def test_no_text_can_break_a_line(
    texts: list[str], sizes: tuple[int, int], amounts: list[int], encoding: str
) -> None:
    width, height = sizes
    show = Show(encoding)
    address, part, name, instruction = texts
    show.plan(address)
    show.start(address, "b:b", "c:c")
    show.follow(events.StepProgress, address, part, name, "running", *amounts)
    show.follow(events.StepLog, "b:b", instruction, "text")
    lines = show.board.lines(width, height)
    assert 1 <= len(lines) <= max(height - 1, 1)
    for line in lines:
        assert cell_len(line) < width
        assert all(char.isprintable() or ord(char) >= 160 for char in line)
        line.encode(encoding)


@pytest.mark.parametrize(
    ("lines", "width", "rows"),
    [
        ([], 10, 0),
        ([""], 10, 1),
        (["x" * 10], 10, 1),
        (["x" * 11, "y"], 10, 3),
        (["世" * 10], 10, 2),
        (["xx"], 0, 2),
    ],
)
def test_rows_of_lines_that_are_broken(lines: list[str], width: int, rows: int) -> None:
    assert rows_taken(lines, width) == rows
