from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug.terminal.text import columns, counted, padded, printed, rule, seconds, size, visible


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain text", "plain text"),
        ("a\ttab stays", "a\ttab stays"),
        ("\x1b[1;31mred\x1b[0m and \x1b[38:2:1:2:3mmore", "red and more"),
        ("Windows\r", "Windows"),
        ("10%\r20%\r30%", r"10%\r20%\r30%"),
        ("up\x1b[2A and clear\x1b[2J", r"up\x1b[2A and clear\x1b[2J"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("bell\x07 delete\x7f", r"bell\x07 delete\x7f"),
        ("C1 \x9b31m", r"C1 \x9b31m"),
        ("two\nlines", r"two\nlines"),
        ("turned \u202eround\u2066", r"turned \u202eround\u2066"),
        ("line\u2028separator", r"line\u2028separator"),
        ("größe 世界 ✓", "größe 世界 ✓"),
        ("", ""),
    ],
)
def test_foreign_text_cannot_move_the_cursor(text: str, expected: str) -> None:
    assert visible(text) == expected


@given(st.text())
def test_nothing_that_controls_a_terminal_is_left(text: str) -> None:
    shown = visible(text)
    assert all(char == "\t" or char.isprintable() or ord(char) >= 160 for char in shown)
    assert visible(shown) == shown


# -------------------------------------------------------------------------- output of programs


@pytest.mark.parametrize(
    ("text", "plain", "coloured"),
    [
        ("plain text", "plain text", "plain text"),
        ("a\ttab stays", "a\ttab stays", "a\ttab stays"),
        ("\x1b[1;31mred\x1b[0m more", "red more", "\x1b[1;31mred\x1b[0m more\x1b[0m"),
        ("\x1b[38:2:1:2:3mleft open", "left open", "\x1b[38:2:1:2:3mleft open\x1b[0m"),
        ("Windows\r", "Windows", "Windows"),
        ("10%\r20%\r30%", "30%", "30%"),
        ("10%\r20%\r\x1b[K", "20%", "20%"),
        ("\r\x1b[2K\x1b[32m90%\x1b[0m\r\r", "90%", "\x1b[32m90%\x1b[0m\x1b[0m"),
        ("\x1b[31mred\rplain", "plain", "plain"),
        ("up\x1b[2A and clear\x1b[2J", "up and clear", "up and clear"),
        ("\x1b[?25l\x1b[?1049hhidden", "hidden", "hidden"),
        ("\x1b]0;title\x07after", "after", "after"),
        ("\x1b]8;;https://x.test\x1b\\link\x1b]8;;\x1b\\", "link", "link"),
        ("\x1bP1$r0m\x1b\\\x1bXstring\x9c\x90other\x9cafter", "after", "after"),
        ("\x1b(0line\x1b7\x1b8\x1bc\x1b#8", "line", "line"),
        (
            "bell\x07 back\x08\x08 delete\x7f null\x00",
            "bell back delete null",
            "bell back delete null",
        ),
        ("C1 \x9b31mno colour \x85", "C1 no colour ", "C1 no colour "),
        ("cut off \x1b[3", "cut off ", "cut off "),
        ("cut off \x1b", "cut off ", "cut off "),
        ("cut off \x1b]0;title", "cut off ", "cut off "),
        ("turned \u202eround\u2028", r"turned \u202eround\u2028", r"turned \u202eround\u2028"),
        ("größe 世界 ✓", "größe 世界 ✓", "größe 世界 ✓"),
        ("\r", "", ""),
        ("", "", ""),
    ],
)
def test_output_of_programs(text: str, plain: str, coloured: str) -> None:
    assert printed(text) == plain
    assert printed(text, color=True) == coloured


TERMINAL_TEXT = st.text(
    st.sampled_from("\x1b\x9b[]()?;:0123mMKHhPX^_\\\x07\r\n\t\x90\x9cab \u202e")
)


@given(text=TERMINAL_TEXT | st.text(), color=st.booleans())
def test_output_of_programs_cannot_move_the_cursor(text: str, *, color: bool) -> None:
    shown = printed(text, color=color)
    left = re.sub(r"\x1b\[[0-9;:]*m", "", shown)
    assert all(char == "\t" or char.isprintable() or ord(char) >= 160 for char in left)
    assert color or left == shown
    assert left == shown or shown.endswith("\x1b[0m")


# ------------------------------------------------------------------------------ widths and words


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (12_340_000, "12.3 MB"),
        (999_949_999, "999.9 MB"),
        (999_999_999, "1.0 GB"),
        (5_100_000_000_000, "5.1 TB"),
        (10**16, "10000.0 TB"),
    ],
)
def test_sizes(number: int, expected: str) -> None:
    assert size(number) == expected


@pytest.mark.parametrize(
    ("text", "width"),
    [("", 0), ("api", 3), ("größe", 5), ("gro\u0308ße", 5), ("世界", 4), ("a\u200bb", 2)],
)
def test_columns(text: str, width: int) -> None:
    assert columns(text) == width


def test_padded() -> None:
    assert padded("世界", 6) == "世界  "
    assert padded("longer", 3) == "longer"


@pytest.mark.parametrize(
    ("title", "width", "expected"),
    [
        ("api", 11, "=== api ==="),
        ("api", 12, "=== api ===="),
        ("api", 7, "= api ="),
        ("api", 6, "api"),
        ("a title that is too long", 10, "a title that is too long"),
        ("世界", 10, "== 世界 =="),
    ],
)
def test_rules(title: str, width: int, expected: str) -> None:
    assert rule(title, "=", width) == expected


@given(st.text(max_size=40), st.integers(1, 60))
def test_a_rule_is_as_wide_as_the_terminal_or_no_rule(title: str, width: int) -> None:
    line = rule(title, "=", width)
    assert columns(line) == width or line == title


@pytest.mark.parametrize(
    ("duration", "expected"),
    [
        (0.0, "0.00s"),
        (0.034, "0.03s"),
        (59.99, "59.99s"),
        (59.996, "1m00s"),
        (65.2, "1m05s"),
        (599.6, "10m00s"),
        (3599.7, "1h00m00s"),
        (7210.0, "2h00m10s"),
    ],
)
def test_durations(duration: float, expected: str) -> None:
    assert seconds(duration) == expected


def test_nouns_follow_their_numbers() -> None:
    assert [counted(number, "image") for number in range(3)] == ["0 images", "1 image", "2 images"]
