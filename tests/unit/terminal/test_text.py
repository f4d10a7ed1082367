from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug.terminal.text import columns, counted, padded, rule, seconds, visible


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
