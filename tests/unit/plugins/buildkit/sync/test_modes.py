"""Modes on the wire have Go's bits."""

from __future__ import annotations

import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug_buildkit.sync.modes import from_go, to_go

KINDS = (stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK)


@pytest.mark.parametrize(
    ("mode", "bits"),
    [
        (stat.S_IFREG | 0o644, 0o644),
        (stat.S_IFDIR | 0o755, 0x80000000 | 0o755),
        (stat.S_IFLNK | 0o777, 0x08000000 | 0o777),
        (stat.S_IFBLK | 0o660, 0x04000000 | 0o660),
        (stat.S_IFCHR | 0o620, 0x04200000 | 0o620),
        (stat.S_IFIFO | 0o600, 0x02000000 | 0o600),
        (stat.S_IFREG | stat.S_ISUID | 0o755, 0x00800000 | 0o755),
        (stat.S_IFREG | stat.S_ISGID | 0o755, 0x00400000 | 0o755),
        (stat.S_IFDIR | stat.S_ISVTX | 0o777, 0x80100000 | 0o777),
        (stat.S_IFREG | 0o7777, 0x00D00000 | 0o777),
    ],
)
def test_every_kind_and_flag_has_its_bit(mode: int, bits: int) -> None:
    assert to_go(mode) == bits
    assert from_go(bits) == mode


@given(st.sampled_from(KINDS), st.integers(0, 0o7777))
def test_there_and_back_is_the_same(kind: int, permissions: int) -> None:
    bits = to_go(kind | permissions)
    assert 0 <= bits < 1 << 32
    assert from_go(bits) == kind | permissions


def test_a_socket_cannot_be_sent() -> None:
    with pytest.raises(ValueError, match=r"^mode 140755 is of no kind that can be sent$"):
        to_go(stat.S_IFSOCK | 0o755)


@pytest.mark.parametrize("bits", [1 << 24, 1 << 19, 1 << 21, 1 << 31 | 1 << 27])
def test_sockets_and_strange_kinds_are_not_received(bits: int) -> None:
    with pytest.raises(ValueError, match="is of no kind that can be received"):
        from_go(bits | 0o644)


def test_bits_without_a_meaning_here_do_not_count() -> None:
    """Go has some for files that are only appended to, and the like."""
    assert from_go(1 << 30 | 1 << 29 | 1 << 28 | 0o640) == stat.S_IFREG | 0o640
