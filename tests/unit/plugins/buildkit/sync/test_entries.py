"""Paths come in the order that transfers have."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from okplug_buildkit.sync.entries import decode, encode, order, parent

NAMES = st.sampled_from([b"a", b"b", b"a.b", b"a-", b"a\xff", b"\x01", "ü".encode(), b"A", b"aa"])
PATHS = st.lists(NAMES, min_size=1, max_size=4).map(b"/".join)


def walked(paths: set[bytes]) -> list[bytes]:
    """Return paths as a walk finds them: a folder, all in it, then its next sibling."""
    tops: dict[bytes, set[bytes]] = {}
    for path in paths:
        top, _, rest = path.partition(b"/")
        tops.setdefault(top, set()).add(rest)
    found = []
    for top in sorted(tops):
        rests = tops[top]
        found += [top] if b"" in rests else []
        found += [top + b"/" + path for path in walked(rests - {b""})]
    return found


@given(st.sets(PATHS, max_size=30))
def test_the_order_is_that_of_a_walk(paths: set[bytes]) -> None:
    assert sorted(paths, key=order) == walked(paths)


def test_what_is_in_a_folder_comes_before_a_longer_name() -> None:
    """The bytes of whole paths say otherwise."""
    paths = [b"a.b", b"a/b", b"a", b"a-c"]
    assert sorted(paths, key=order) == [b"a", b"a/b", b"a-c", b"a.b"]
    assert sorted(paths) != sorted(paths, key=order)


@given(st.binary(min_size=1, max_size=20))
def test_any_bytes_are_a_name_and_keep(path: bytes) -> None:
    assert encode(decode(path)) == path


def test_the_folder_of_a_path() -> None:
    assert parent(b"a/b/c") == b"a/b"
    assert parent(b"a") == b""
    assert parent(b"") == b""
