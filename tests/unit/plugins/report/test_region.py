from __future__ import annotations

import io
import os
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.file_proxy import FileProxy  # noqa: TID253  # what is tested here loads it anyhow

from okplug_report.region import Region, _Console, terminal_size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.unit.plugins.report.conftest import Emulator, Terminal


def threads() -> list[str]:
    return sorted(thread.name for thread in threading.enumerate())


class Shown:
    """A region whose lines a test sets."""

    def __init__(self, stream: Any, *lines: str) -> None:
        self.lines = list(lines)
        self.asked = 0
        self.region = Region(stream, self.picture, {"TERM": "xterm"})

    def picture(self, width: int, height: int) -> list[str]:
        """Return the lines as far as there is room."""
        assert (width, height) > (0, 0)
        self.asked += 1
        return [line[: width - 1] for line in self.lines]

    def wait_for_frames(self, number: int) -> None:
        """Wait until the picture was asked for a few times more."""
        end = self.asked + number
        while self.asked < end:
            threading.Event().wait(0.01)


@contextmanager
def shown(stream: Any, *lines: str) -> Iterator[Shown]:
    """Show a region for a while."""
    one = Shown(stream, *lines)
    one.region.open()
    try:
        yield one
    finally:
        one.region.close()


def test_lines_pass_above_it(terminals: Callable[..., Terminal]) -> None:
    terminal = terminals()
    before = threads()
    with shown(terminal.stream, "a:a 1s", "2 at work") as one:
        one.region.write("first\n")
        one.region.write("second\n")
        lines = terminal.wait_for(lambda lines: "second" in lines)
        assert lines == ["first", "second", "a:a 1s", "2 at work"]
        assert not terminal.emulator.has_cursor
    assert threads() == before
    assert terminal.end() == ["first", "second"]
    assert terminal.emulator.is_clean


def test_it_follows_the_picture_without_being_told(terminals: Callable[..., Terminal]) -> None:
    terminal = terminals()
    with shown(terminal.stream, "one", "two", "three") as one:
        terminal.wait_for(lambda lines: lines == ["one", "two", "three"])
        one.lines = ["three"]
        terminal.wait_for(lambda lines: lines == ["three"])
        one.lines = ["three", "four"]
        terminal.wait_for(lambda lines: lines == ["three", "four"])
    assert terminal.end() == [""]
    assert terminal.emulator.is_clean


def test_a_picture_that_stays_is_not_drawn_again(terminals: Callable[..., Terminal]) -> None:
    terminal = terminals()
    with shown(terminal.stream, "same") as one:
        terminal.wait_for(lambda lines: lines == ["same"])
        one.wait_for_frames(1)  # the end of the first has come by then
        fed = terminal.emulator.fed
        one.wait_for_frames(2)
        assert terminal.emulator.fed == fed


def test_it_fills_the_screen_and_more_passes_by(terminals: Callable[..., Terminal]) -> None:
    terminal = terminals(30, 6)
    with shown(terminal.stream, *"abcde") as one:
        for number in range(20):
            one.region.write(f"line {number}\n")
    assert terminal.end() == [f"line {number}" for number in range(20)]
    assert terminal.emulator.is_clean


def test_a_line_wider_than_the_terminal(terminals: Callable[..., Terminal]) -> None:
    terminal = terminals(10, 6)
    with shown(terminal.stream, "at work") as one:
        one.region.write("0123456789ABCDEF\n")
        one.region.write("next\n")
    assert terminal.end() == ["0123456789", "ABCDEF", "next"]


@pytest.mark.parametrize("narrow", [5, 7, 12, 25])
def test_a_terminal_made_narrower(terminals: Callable[..., Terminal], narrow: int) -> None:
    terminal = terminals(40, 20)
    wide = ["x" * 30, "y" * 39, "0/2 done; 2 at work"]
    with shown(terminal.stream, *wide) as one:
        one.region.write("first\n")
        terminal.wait_for(lambda lines: lines == ["first", *wide])
        terminal.resize(narrow, 20)
        cut = [line[: narrow - 1].rstrip() for line in wide]
        terminal.wait_for(lambda lines: lines == ["first", *cut])
        terminal.resize(40, 20)
        terminal.wait_for(lambda lines: lines == ["first", *wide])
    assert terminal.end() == ["first"]
    assert terminal.emulator.is_clean


def test_a_terminal_that_goes_away(terminals: Callable[..., Terminal]) -> None:
    terminal = terminals()
    broken = os.fdopen(os.dup(terminal.follower), "w", encoding="utf-8")
    stdout, stderr = sys.stdout, sys.stderr
    with shown(broken, "at work") as one:
        terminal.wait_for(lambda lines: lines == ["at work"])
        broken.close()
        one.region.write("unheard\n")
        one.lines = ["more"]
        one.region.write("unheard\n")
    assert (sys.stdout, sys.stderr) == (stdout, stderr)


def test_what_others_print_passes_above_it(terminals: Callable[..., Terminal]) -> None:
    terminal = terminals()
    stderr = sys.stderr
    with shown(terminal.stream, "at work"):
        sys.stderr.write("[bold]from a plugin[/bold] :smile:\n")
        terminal.wait_for(lambda lines: len(lines) > 1)
    assert sys.stderr is stderr
    assert terminal.end() == ["[bold]from a plugin[/bold] :smile:"]


def test_standard_output_that_is_no_terminal_is_left_alone(
    terminals: Callable[..., Terminal], capsys: pytest.CaptureFixture[str]
) -> None:
    terminal = terminals()
    with shown(terminal.stream, "at work"):
        sys.stdout.write("data\n")
    assert capsys.readouterr().out == "data\n"
    assert terminal.end() == [""]


def test_many_threads_write_whole_lines(terminals: Callable[..., Terminal]) -> None:
    terminal = terminals(60, 10)
    with shown(terminal.stream, "one", "two") as one:

        def write(name: str) -> None:
            for number in range(50):
                one.lines = ["at work"] * (1 + number % 5)
                one.region.write(f"{name} {number}\n")
                sys.stderr.write(f"{name} prints {number}\n")

        workers = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    lines = terminal.end()
    expected = [
        f"{name}{word} {n}" for name in "abcd" for word in ("", " prints") for n in range(50)
    ]
    assert sorted(lines) == sorted(expected)


# ------------------------------------------------------------------------------------ any text


class Deaf(io.StringIO):
    """A stream that does not know its size: 80 columns and 24 rows."""

    encoding = "utf-8"


PRINTABLE = st.text(st.characters(exclude_categories=("C", "Zl", "Zp")), max_size=100)


class Watched(io.StringIO):
    """A stream that knows whether somebody could draw while it is written to."""

    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.RLock()
        self.unguarded: list[str] = []

    def write(self, text: str) -> int:
        """Note what another thread might have drawn into."""

        def draw() -> None:
            if self.lock.acquire(blocking=False):
                self.unguarded.append(text)
                self.lock.release()

        other = threading.Thread(target=draw)
        other.start()
        other.join()
        return super().write(text)


def test_what_others_print_is_written_while_nobody_draws() -> None:
    """A line that is written between two halves of a frame would be lost."""
    stream = Watched()
    console = _Console(stream.lock, file=stream, force_terminal=True)
    FileProxy(console, stream).write("a plugin speaks\n")
    console.print("so does okplug")
    assert stream.getvalue() == "a plugin speaks\nso does okplug\n"
    assert stream.unguarded == []


@given(
    frames=st.lists(st.tuples(st.lists(PRINTABLE, min_size=1, max_size=6), PRINTABLE), max_size=6)
)
def test_nothing_is_left_but_the_lines(
    emulate: type[Emulator], frames: list[tuple[list[str], str]]
) -> None:
    stream = Deaf()
    one = Shown(stream, "at work")
    one.region.open()
    for lines, line in frames:
        one.lines = lines
        one.region.write(f"{line}\n")
    one.region.close()
    terminal, plain = emulate(), emulate()
    terminal.feed(stream.getvalue())
    plain.feed("".join(f"{line}\n" for _, line in frames))
    assert terminal.lines == plain.lines
    assert terminal.is_clean


def test_lines_keep_their_colours_and_markup_is_text() -> None:
    stream = Deaf()
    with shown(stream, "[red]at[/red] :smile: \\[") as one:
        one.region.write("\x1b[32m[bold]ok[/bold]\x1b[0m :smile:\n")
    assert "\x1b[32m[bold]ok[/bold]\x1b[0m :smile:\n" in stream.getvalue()
    assert "[red]at[/red] :smile: \\[" in stream.getvalue()


def test_the_size_of_what_is_no_terminal() -> None:
    assert terminal_size(io.StringIO()) == (80, 24)


def test_the_size_of_a_terminal(terminals: Callable[..., Terminal]) -> None:
    terminal = terminals(33, 7)
    assert terminal_size(terminal.stream) == (33, 7)
    terminal.resize(0, 0)
    assert terminal_size(terminal.stream) == (80, 24)
