"""Paths are followed over links as BuildKit follows them."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING, Any

import pytest

from okplug_buildkit.sync.entries import Entry, encode, order
from okplug_buildkit.sync.followpaths import follow_paths
from okplug_buildkit.sync.trees import Listing

if TYPE_CHECKING:
    from collections.abc import Sequence


class Links(Listing):
    """A tree of links and files: ``name -> target`` or ``name`` alone."""

    def __init__(self, *lines: str) -> None:
        entries: dict[bytes, Entry] = {}
        for line in lines:
            path, arrow, target = line.partition(" -> ")
            names = path.split("/")
            for count in range(1, len(names)):
                above = encode("/".join(names[:count]))
                entries.setdefault(above, Entry(above, stat.S_IFDIR | 0o755))
            kind = stat.S_IFLNK | 0o777 if arrow else stat.S_IFREG | 0o644
            entries[encode(path)] = Entry(encode(path), kind, linkname=encode(target))
        super().__init__(sorted(entries.values(), key=lambda entry: order(entry.path)))

    def find(self, path: bytes) -> Entry | None:
        """Return an entry."""
        return self.by_path.get(path)


def followed(tree: Any, *paths: str) -> Sequence[str] | None:
    return follow_paths(tree, paths)


@pytest.mark.parametrize(
    ("lines", "paths", "expected"),
    [
        (["a"], ["a"], ["a"]),
        ([], ["missing"], ["missing"]),
        (["d/x"], ["d"], ["d"]),
        (["d/x"], ["d/y/z"], ["d/y/z"]),
        (["a"], ["./a/", "/a", "b/../a"], ["a"]),
        (["a"], ["../../a"], ["a"]),
        (["l -> a", "a"], ["l"], ["a", "l"]),
        (["l -> m", "m -> n", "n -> a", "a"], ["l"], ["a", "l", "m", "n"]),
        (["l -> /d", "d/x"], ["l/x"], ["d/x", "l"]),
        (["e/l -> ../d", "d/x"], ["e/l/x"], ["d/x", "e/l"]),
        (["l -> ../../../a"], ["l"], ["a", "l"]),
        (["l -> missing"], ["l/x/y"], ["l", "missing/x/y"]),
        (["l -> l"], ["l"], ["l"]),
        (["l -> l"], ["l/x"], ["l"]),
        (["l -> m", "m -> l"], ["l/x"], ["l", "m"]),
        (["l -> d/../e", "e/x"], ["l/x"], ["e/x", "l"]),
        (["*l -> a"], [r"\*l"], [r"\*l"]),
        (["x", "y"], ["*"], ["*"]),
        (["l1 -> a", "l2 -> b", "z"], ["l*"], ["a", "b", "l*"]),
        (["d/l1 -> ../a", "d/z"], ["d/l?"], ["a", "d/l?"]),
        (["l1 -> d", "x/1"], ["l?/f"], ["d/f", "l?"]),
        (["x/l -> a"], ["*/l"], ["*/l"]),
        (["[a -> b"], ["[a"], ["[a"]),
        (["ü -> ö", "ö"], ["ü"], ["ö", "ü"]),
        (["b\udcff -> c\udcfe"], ["b\udcff"], ["b\udcff", "c\udcfe"]),
        (["d/x"], ["d", "d/x", "d/y"], ["d"]),
        (["d/x"], ["d.e", "d/x", "d"], ["d", "d.e"]),
        (["l -> d/x"], ["l", "d"], ["d", "l"]),
    ],
)
def test_links_on_the_way_are_part_of_the_answer(
    lines: list[str], paths: list[str], expected: list[str]
) -> None:
    assert followed(Links(*lines), *paths) == expected


@pytest.mark.parametrize("path", [".", "/", "", "a/.."])
def test_the_root_asks_for_all(path: str) -> None:
    assert followed(Links("a"), "a", path) is None


@pytest.mark.parametrize("target", [".", "/", "..", "../.."])
def test_a_link_to_the_root_asks_for_all(target: str) -> None:
    assert (
        followed(Links(f"d/l -> {target}" if target == "../.." else f"l -> {target}"), "l", "d/l")
        is None
    )


def test_a_tree_of_nothing_answers_what_was_asked() -> None:
    assert followed(Links(), "b", "a") == ["a", "b"]


def test_the_answer_is_sorted_by_bytes() -> None:
    assert followed(Links(), "\udcff", "ü", "a", "\U0001f600") == ["a", "ü", "\U0001f600", "\udcff"]
