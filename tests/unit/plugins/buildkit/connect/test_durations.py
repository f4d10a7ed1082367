"""Durations of settings."""

from __future__ import annotations

import pytest

from okplug_buildkit.connect.durations import check_duration, check_time, seconds


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10m", 600),
        ("1h30m", 5400),
        ("1.5s", 1.5),
        (".5s", 0.5),
        ("300ms", 0.3),
        ("+2m3s", 123),
        ("0", 0),
        ("0s", 0),
        ("5us", 5e-6),
        ("5µs", 5e-6),
    ],
)
def test_the_syntax_of_go(text: str, expected: float) -> None:
    assert seconds(text) == pytest.approx(expected)
    assert check_duration(text) == text


@pytest.mark.parametrize(
    "text", ["", "600", "10 m", "1d", "-5s", "s", "m5", "1h-3m", "1e3s", "\uff15s"]
)
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="expected a duration such as 90s, 10m or 1h30m, not "):
        check_duration(text)


def test_a_time_is_above_0() -> None:
    assert check_time("1ms") == "1ms"
    with pytest.raises(ValueError, match="expected a duration above 0, not '0s'"):
        check_time("0s")
