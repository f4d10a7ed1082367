"""A terminal that remembers what it shows, and refuses what it does not know."""

from __future__ import annotations

import codecs
import fcntl
import os
import pty
import re
import struct
import termios
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO
from unicodedata import category, east_asian_width

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TOKEN = re.compile(
    r"\x1b\[(?P<private>\??)(?P<number>\d*)(?P<kind>[A-Za-z])|(?P<char>.)", re.DOTALL
)

#: a sequence whose end is not there yet, or nothing
BEGUN = re.compile(r"(?:\x1b(?:\[\??\d*)?)?\Z")


class Emulator:
    """A terminal with what has left it at its top; wide lines are broken, and anew when resized.

    :param width: columns.
    :param height: rows.

    ``fed`` is how many characters it was given.
    """

    def __init__(self, width: int = 80, height: int = 24) -> None:
        self.width = width
        self.height = height
        self.fed = 0
        self.has_cursor = True
        self.breaks_lines = True
        self._rows: list[list[str]] = [[]]
        self._continues: set[int] = set()
        self._row = 0
        self._column = 0

    @property
    def lines(self) -> list[str]:
        """What was ever shown and not erased, row by row."""
        return "\n".join("".join(row).rstrip() for row in self._rows).rstrip("\n").split("\n")

    @property
    def is_clean(self) -> bool:
        """Whether a shell would find all as it was, at the beginning of an empty line."""
        is_at_end = not any("".join(row).strip() for row in self._rows[self._row :])
        return self.has_cursor and self.breaks_lines and is_at_end and self._column == 0

    def feed(self, text: str) -> None:
        """Show a text; what it takes from a program is all that the live view may send."""
        self.fed += len(text)
        for match in TOKEN.finditer(text):
            if match["char"] is not None:
                self._show(match["char"])
                continue
            number = int(match["number"] or 1)
            match match["private"] + match["kind"], number:
                case "A", _:
                    self._row = max(self._row - number, len(self._rows) - self.height, 0)
                case "K", 2:
                    self._rows[self._row].clear()
                    self._continues.discard(self._row)
                case "m", _:
                    pass
                case "?l" | "?h" as change, 25:
                    self.has_cursor = change == "?h"
                case "?l" | "?h" as change, 7:
                    self.breaks_lines = change == "?h"
                case _:
                    raise AssertionError(f"a sequence that no screen should get: {match[0]!r}")

    def resize(self, width: int, height: int) -> None:
        """Break all lines anew, as terminals do; the cursor stays in its text."""
        rows: list[list[str]] = []
        continues = set()
        line: list[str] = []
        cursor = (0, 0)
        for number, row in enumerate(self._rows):
            if number == self._row:
                offset = len(line) + self._column
                cursor = (len(rows) + offset // width, offset % width)
            line += row
            if number not in self._continues:
                parts = [line[i : i + width] for i in range(0, len(line), width)] or [[]]
                continues |= set(range(len(rows), len(rows) + len(parts) - 1))
                rows += parts
                line = []
        self.width, self.height = width, height
        self._rows, self._continues = rows, continues
        self._row, self._column = cursor
        while self._row >= len(self._rows):
            self._rows.append([])

    def _show(self, char: str) -> None:
        if char == "\r":
            self._column = 0
        elif char == "\n":
            self._down()
        else:
            assert char.isprintable() or char == "\t" or ord(char) >= 160, repr(char)
            self._put(char)

    def _down(self) -> None:
        self._column = 0
        self._row += 1
        if self._row == len(self._rows):
            self._rows.append([])

    def _put(self, char: str) -> None:
        columns = (
            0 if category(char) in {"Mn", "Me", "Cf"} else 1 + (east_asian_width(char) in "WF")
        )
        if self._column + columns > self.width:
            if self.breaks_lines:
                self._continues.add(self._row)
                self._down()
            else:
                self._column = self.width - columns
        row = self._rows[self._row]
        row += [" "] * (self._column + columns - len(row))
        if columns:
            row[self._column : self._column + columns] = [char, ""][:columns]
        self._column += columns


class Terminal:
    """A pseudo-terminal with an emulator at its other end.

    :param stream: what a program writes to.
    """

    def __init__(self, width: int, height: int) -> None:
        self.leader, self.follower = pty.openpty()
        self.emulator = Emulator(width, height)
        self.stream: TextIO = os.fdopen(os.dup(self.follower), "w", encoding="utf-8")
        self.lock = threading.Lock()
        self.resize(width, height)
        self._faults: list[BaseException] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def resize(self, width: int, height: int) -> None:
        """Give the window another size."""
        with self.lock:
            fcntl.ioctl(self.follower, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
            self.emulator.resize(width or 80, height or 24)

    def wait_for(self, is_there: Callable[[list[str]], bool]) -> list[str]:
        """Wait until the screen shows something, and return all of it."""
        deadline = time.monotonic() + 30
        while True:
            with self.lock:
                lines = self.emulator.lines
            if is_there(lines):
                return lines
            assert time.monotonic() < deadline, "\n".join(lines)
            time.sleep(0.01)

    def end(self) -> list[str]:
        """Return all that is on the screen when every program has closed it."""
        self.hang_up()
        assert self._faults == []
        return self.emulator.lines

    def hang_up(self) -> None:
        """Close what programs write to, and read what they wrote."""
        if self.follower >= 0:
            os.close(self.follower)
            self.follower = -1
            with suppress(OSError):
                self.stream.close()
        self._reader.join()

    def _read(self) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")()
        left = ""
        with suppress(OSError):  # the other end is closed
            while chunk := os.read(self.leader, 65536):
                text = left + decoder.decode(chunk)
                left = BEGUN.search(text)[0]  # type: ignore[index]  # it fits every text
                self._feed(text.removesuffix(left))

    def _feed(self, text: str) -> None:
        with self.lock:
            try:
                self.emulator.feed(text)
            except AssertionError as fault:
                self._faults.append(fault)


@pytest.fixture(scope="session")
def emulate() -> type[Emulator]:
    """Return what makes a terminal that is fed with text."""
    return Emulator


@pytest.fixture
def terminals() -> Iterator[Callable[..., Terminal]]:
    """Return what makes a terminal that programs can write to."""
    made: list[Terminal] = []

    def make(width: int = 80, height: int = 24) -> Terminal:
        made.append(Terminal(width, height))
        return made[-1]

    yield make
    for terminal in made:
        terminal.hang_up()
        os.close(terminal.leader)
