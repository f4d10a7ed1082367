"""Durations and sizes: what is read, what is refused, and what is written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug import UsageError
from okplug_buildkit.commands.units import format_size, parse_duration, parse_size

SECOND = 1_000_000_000


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("1ns", 1),
        ("2us", 2_000),
        ("3ms", 3_000_000),
        ("45s", 45 * SECOND),
        ("90m", 5400 * SECOND),
        ("48h", 48 * 3600 * SECOND),
        ("7d", 7 * 24 * 3600 * SECOND),
        ("2w", 14 * 24 * 3600 * SECOND),
        ("1h30m", 5400 * SECOND),
        ("1.5h", 5400 * SECOND),
        ("0s", 0),
    ],
)
def test_durations(text: str, nanoseconds: int) -> None:
    assert parse_duration(text, "--keep") == nanoseconds


@pytest.mark.parametrize(
    "text", ["", "48", "h", "1 h", "-1h", "1H", "1h 30m", "1y", "h1", "1h30", "999999999w"]
)
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_duration(text, "--keep-duration")
    assert caught.value.message == f"--keep-duration {text!r} is no duration"
    assert caught.value.hint == "such as 30m, 1h30m, 48h or 7d"


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("1024", 1024),
        ("12b", 12),
        ("3k", 3_000),
        ("3kB", 3_000),
        ("3KiB", 3_072),
        ("512MB", 512_000_000),
        ("10 GB", 10_000_000_000),
        ("10gb", 10_000_000_000),
        ("1.5GiB", 1_610_612_736),
        ("2T", 2_000_000_000_000),
        (" 1TiB ", 1_099_511_627_776),
    ],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text, "--keep-storage") == size


@pytest.mark.parametrize("text", ["", "GB", "-1GB", "1EB", "1,5GB", "1GBs", "ten"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_size(text, "--keep-storage")
    assert caught.value.message == f"--keep-storage {text!r} is no size"
    assert caught.value.hint == "such as 512MB, 10GB or 1.5GiB"


def test_a_size_that_no_message_holds() -> None:
    with pytest.raises(UsageError, match="is too large"):
        parse_size("9999999999GB", "--keep-storage")


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (1540, "1.5 kB"),
        (999_949, "999.9 kB"),
        (999_960, "1.0 MB"),
        (21_500_000_000, "21.5 GB"),
        (1_000_000_000_000_000, "1000.0 TB"),
    ],
)
def test_how_sizes_are_written(size: int, text: str) -> None:
    assert format_size(size) == text


@given(st.integers(0, 10**15))
def test_what_is_written_is_read_again_nearly(size: int) -> None:
    assert abs(parse_size(format_size(size), "x") - size) <= size * 0.05


@given(st.integers(0, 10**6), st.integers(0, 59), st.integers(0, 59))
def test_parts_of_a_duration_add_up(hours: int, minutes: int, seconds: int) -> None:
    text = f"{hours}h{minutes}m{seconds}s"
    assert parse_duration(text, "x") == (hours * 3600 + minutes * 60 + seconds) * SECOND
