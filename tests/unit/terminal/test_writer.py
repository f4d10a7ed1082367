from __future__ import annotations

import fcntl
import io
import os
import pty
import struct
import subprocess
import sys
import termios
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from okplug.terminal.writer import Writer, terminal_width, wants_color

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

SOURCE = Path(__file__).parents[3]


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


@pytest.fixture
def terminal() -> Iterator[TextIO]:
    """Return a real terminal of 23 columns."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 23, 0, 0))
    with os.fdopen(follower, "w", encoding="utf-8") as stream:
        yield stream
    os.close(leader)


# --------------------------------------------------------------------------------------- lines


def test_lines_and_rules() -> None:
    stream = io.StringIO()
    writer = Writer(stream, width=20)
    writer.rule("failures")
    writer.rule("api", "_", "bold", "red")
    writer.line("text")
    writer.line()
    assert stream.getvalue() == "===== failures =====\n_______ api ________\ntext\n\n"


def test_colours_do_not_count_for_the_width() -> None:
    stream = io.StringIO()
    writer = Writer(stream, width=11, color=True)
    writer.rule("api", "=", "bold", "red")
    writer.line(writer.styled("plain"))
    assert stream.getvalue() == "\x1b[1m\x1b[31m=== api ===\x1b[0m\nplain\n"


def test_there_are_no_colours_unless_they_are_wanted() -> None:
    assert Writer(io.StringIO()).styled("text", "green") == "text"


@pytest.mark.parametrize(("color", "expected"), [(True, "\x1b[32mok\x1b[0m"), (False, "ok")])
def test_output_of_programs_has_colours_where_there_are_any(*, color: bool, expected: str) -> None:
    assert Writer(io.StringIO(), color=color).printed("1\r\x1b[32mok") == expected


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [("ascii", rb"\u2713 gr\xf6\xdfe \udcff"), ("latin-1", b"\\u2713 gr\xf6\xdfe \\udcff")],
)
def test_what_the_encoding_lacks_is_escaped(encoding: str, expected: bytes) -> None:
    buffer = io.BytesIO()
    stream = io.TextIOWrapper(buffer, encoding)
    Writer(stream).line("✓ größe \udcff")
    assert buffer.getvalue() == expected + b"\n"


def test_every_line_is_flushed() -> None:
    buffer = io.BytesIO()
    stream = io.TextIOWrapper(io.BufferedWriter(buffer), "utf-8")
    Writer(stream).line("now")
    assert buffer.getvalue() == b"now\n"


# ------------------------------------------------------------------------------ streams that end


def test_a_closed_stream_is_no_error() -> None:
    stream = io.StringIO()
    writer = Writer(stream)
    stream.close()
    writer.line("unheard")
    writer.line("unheard")


def test_nothing_is_written_after_the_first_error() -> None:
    class Broken(io.StringIO):
        calls = 0

        def write(self, text: str) -> int:
            self.calls += 1
            raise OSError(5, text)

    stream = Broken()
    writer = Writer(stream)
    writer.line("a")
    writer.line("b")
    assert stream.calls == 1


def test_the_run_goes_on_when_nobody_reads() -> None:
    """Python's own flush at the end must not turn it into an error either."""
    program = """
        import sys
        from okplug.terminal.writer import Writer
        writer = Writer(sys.stderr)
        sys.stdin.read()
        for number in range(3):
            writer.line(f"line {number}")
        sys.stderr.write("after that")
        print("done")
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
    ) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        process.stderr.close()
        process.stdin.close()
        assert process.stdout.read() == b"done\n"
    assert process.returncode == 0


# ------------------------------------------------------------------------------------- colours


@pytest.mark.parametrize(
    ("choice", "environ", "is_terminal", "expected"),
    [
        ("always", {"NO_COLOR": "1"}, False, True),
        ("never", {"FORCE_COLOR": "1"}, True, False),
        ("auto", {}, True, True),
        ("auto", {}, False, False),
        ("auto", {"TERM": "dumb"}, True, False),
        ("auto", {"TERM": "xterm"}, True, True),
        ("auto", {"NO_COLOR": "1"}, True, False),
        ("auto", {"NO_COLOR": ""}, True, True),
        ("auto", {"FORCE_COLOR": "1"}, False, True),
        ("auto", {"FORCE_COLOR": "1", "TERM": "dumb"}, False, True),
        ("auto", {"FORCE_COLOR": "1", "NO_COLOR": "1"}, True, False),
        ("auto", {"PY_COLORS": "1", "NO_COLOR": "1"}, False, True),
        ("auto", {"PY_COLORS": "0", "FORCE_COLOR": "1"}, True, False),
        ("auto", {"PY_COLORS": "perhaps"}, True, True),
    ],
)
def test_who_decides_on_colours(
    *, choice: str, environ: dict[str, str], is_terminal: bool, expected: bool
) -> None:
    stream = Terminal() if is_terminal else io.StringIO()
    assert wants_color(choice, environ, stream) is expected


def test_a_closed_stream_has_no_colours() -> None:
    stream = io.StringIO()
    stream.close()
    assert not wants_color("auto", {}, stream)


# --------------------------------------------------------------------------------------- width


@pytest.mark.parametrize(
    ("environ", "expected"),
    [({}, 80), ({"COLUMNS": "100"}, 100), ({"COLUMNS": "0"}, 80), ({"COLUMNS": "wide"}, 80)],
)
def test_width_of_what_is_no_terminal(environ: dict[str, str], expected: int) -> None:
    assert terminal_width(environ, io.StringIO()) == expected


def test_width_of_a_file(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as stream:
        assert terminal_width({}, stream) == 80


def test_width_of_a_terminal(terminal: TextIO) -> None:
    assert terminal_width({}, terminal) == 23
    assert terminal_width({"COLUMNS": "50"}, terminal) == 50
    assert wants_color("auto", {"TERM": "xterm"}, terminal)


def test_a_terminal_that_does_not_know_its_width() -> None:
    leader, follower = pty.openpty()
    with os.fdopen(follower, "w", encoding="utf-8") as stream:
        assert terminal_width({}, stream) == 80
    os.close(leader)
