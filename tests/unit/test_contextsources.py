"""How sources are read, and how they lead through a context."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug.contextsources import (
    MAX_LINKS,
    Component,
    Search,
    Source,
    Tree,
    Way,
    decode,
    encode,
    read_sources,
    split,
)
from okplug.dockerfile.ignore import Matcher, Pattern
from okplug.dockerfile.model import ContextRead


def read_one(
    pattern: str, *, parents: bool = False, is_mount: bool = False, excludes: tuple[str, ...] = ()
) -> Source:
    (source,) = read_sources([ContextRead((pattern,), 1, excludes, parents, is_mount)])
    return source


def texts(source: Source) -> list[str]:
    return [decode(component.text) for component in source.components]


@given(st.binary(min_size=1, max_size=8).filter(lambda name: b"\0" not in name))
def test_any_name_survives_decoding(name: bytes) -> None:
    """Patterns see text, the disk sees bytes."""
    assert encode(decode(name)) == name


@pytest.mark.parametrize(
    ("path", "folder", "components"),
    [
        (b"a/b", b"", (b"a", b"b")),
        (b"/a//b/", b"x", (b"a", b"b")),
        (b"a", b"x/y", (b"x", b"y", b"a")),
        (b"../a", b"x/y", (b"x", b"a")),
        (b"../../../../a", b"x", (b"a",)),
        (b"..", b"x", ()),
        (b"/", b"x", ()),
        (b"//a", b"", (b"a",)),
        (b"./a/./b", b"", (b"a", b"b")),
        (b"x/../y", b"", (b"y",)),
        (b"\xff", b"\xfe", (b"\xfe", b"\xff")),
    ],
)
def test_split_never_leaves_the_context(
    path: bytes, folder: bytes, components: tuple[bytes, ...]
) -> None:
    """``..`` stops at the root, and an absolute path begins there."""
    assert split(path, folder) == components


def test_the_whole_context_is_one_source_without_components() -> None:
    """Its way is at its end at once."""
    (source,) = read_sources(None)
    way = source.way()
    assert way.is_end
    tree = way.tree(0)
    assert tree is not None
    assert tree.is_plain


def test_sources_are_numbered_as_they_stand() -> None:
    """By instruction and by source, so that messages can name them."""
    reads = [ContextRead(("a", "b"), 1), ContextRead((), 2), ContextRead(("c",), 3)]
    assert [(source.read, source.pattern, texts(source)) for source in read_sources(reads)] == [
        (0, 0, ["a"]),
        (0, 1, ["b"]),
        (2, 0, ["c"]),
    ]


def test_only_patterns_have_a_test() -> None:
    """What is literal is compared, and can be looked up."""
    source = read_one("src/*.py/a\\*b/plain")
    assert [component.test is not None for component in source.components] == [
        False,
        True,
        False,
        False,
    ]
    assert source.is_wild
    assert not read_one("a\\*b").is_wild


def test_a_backslash_without_a_wildcard_is_a_part_of_the_name() -> None:
    """BuildKit looks for that name, and for no other."""
    (component,) = read_one("a\\*b").components
    assert component.matches(b"a\\*b")
    assert not component.matches(b"a*b")
    (last,) = read_one("a\\").components
    assert last.matches(b"a\\")


def test_a_pattern_does_not_name_itself() -> None:
    """Brackets are a class, also where a file is called so."""
    (component,) = read_one("[a]").components
    assert component.matches(b"a")
    assert not component.matches(b"[a]")


@pytest.mark.parametrize(
    ("pattern", "parents", "wild"),
    [
        ("a/b", False, 0),
        ("*", False, 1),
        ("a/b/*.c/d", False, 2),
        ("a/*/b", True, 3),
        ("a/./*/b", True, 2),
        ("a*/./b", True, 2),
    ],
)
def test_what_comes_behind_the_folder_that_has_to_be_there(
    pattern: str, wild: int, *, parents: bool
) -> None:
    """It ends before the first wildcard, or at the pivot."""
    assert read_one(pattern, parents=parents).wild == wild


def test_mounts_are_literal() -> None:
    """And have no excludes."""
    source = read_one("../a*/[x", is_mount=True, excludes=("[",))
    assert texts(source) == ["a*", "[x"]
    assert not any(component.test for component in source.components)
    assert (source.excludes, source.is_malformed) == (None, False)


@pytest.mark.parametrize("parents", [False, True])
@pytest.mark.parametrize("pattern", ["[", "a/[b", "a/[]/c", "x[a-]"])
def test_malformed_sources_are_marked(pattern: str, *, parents: bool) -> None:
    """They match nothing, and the numbers stay."""
    source = read_one(pattern, parents=parents)
    assert (source.is_malformed, source.read, source.pattern) == (True, 0, 0)


@pytest.mark.parametrize(
    ("pattern", "components", "pivot", "include"),
    [
        ("a/b", ["a", "b"], 2, "a/b"),
        ("/a/b/", ["a", "b"], 2, "a/b"),
        ("./a", ["a"], 1, "a"),
        ("a/./b/c", ["a", "b", "c"], 2, "b/c"),
        ("a/b/./**/c", ["a", "b", "**", "c"], 2, "**/c"),
        ("a/./b/./c", ["a", "b", "c"], 2, "b/c"),
        ("/./a", ["a"], 1, "a"),
        ("a/./", ["a"], 0, None),
        (".", [], 0, None),
    ],
)
def test_parents_have_a_pivot(
    pattern: str, components: list[str], pivot: int, include: str | None
) -> None:
    """Behind it a pattern decides, before it components."""
    source = read_one(pattern, parents=True)
    assert texts(source) == components
    assert source.pivot == pivot
    assert getattr(source.include, "text", None) == include


def test_a_way_ends_in_a_tree_without_include() -> None:
    """Step by step, to the folder that is copied."""
    way = read_one("a/b").way()
    assert (way.is_end, way.tree(0)) == (False, None)
    way = way.step()
    assert way.tree(2) is None
    way = way.step()
    assert way.is_end
    assert way.tree(4) == Tree(way.source, 4)


def test_a_way_with_parents_has_its_tree_at_the_pivot() -> None:
    """And none at its end, for the pattern finds more than the way."""
    way = read_one("v/./a/**", parents=True, excludes=("x",)).way()
    assert way.tree(0) is None
    way = way.step()
    tree = way.tree(2)
    assert tree is not None
    assert tree.include == way.source.include
    assert tree.excludes is way.source.excludes
    assert not tree.is_plain
    way = way.step().step()
    assert (way.rest, way.is_end, way.tree(6)) == ((), False, None)


def test_a_detour_starts_at_the_root_again() -> None:
    """With the target's components in front of what is left."""
    way = read_one("l/x*/y").way().step()
    (detour,) = way.detour(b"a/l", b"../b/c*")
    assert [component.text for component in detour.rest] == [b"b", b"c*", b"x*", b"y"]
    assert [component.test is not None for component in detour.rest] == [False, False, True, False]
    assert detour.links == 1


def test_a_detour_before_the_pivot_keeps_it() -> None:
    """The pattern begins where the link leads to."""
    source = read_one("v/./l/x", parents=True, excludes=("x",))
    (detour,) = source.way().step().detour(b"v", b"w")
    assert (detour.pivot, detour.is_in_pattern) == (2, False)
    assert detour.step().is_pivot
    assert detour.step().tree(2) == Tree(source, 2, source.include, source.excludes)


@pytest.mark.parametrize(
    ("pattern", "parents", "followed"),
    [
        ("a/b", False, [True, True]),
        ("a/b*", False, [True, True]),
        ("a/*/c/d", False, [True, False, False, True]),
        ("a/b", True, [False, False]),
        ("a/b/./c/d", True, [True, True, False, False]),
        ("a/*/b/./c", True, [True, False, True, False]),
    ],
)
def test_which_links_lead_on(pattern: str, followed: list[bool], *, parents: bool) -> None:
    """Those before the first wildcard, those that it finds, and none within a pattern."""
    way = read_one(pattern, parents=parents).way()
    found = []
    while way.rest:
        way = way.step()
        found.append(way.may_follow)
    assert found == followed
    assert way.is_in_pattern == parents


def test_wildcards_that_take_a_slash_are_searched_for() -> None:
    """The whole of them is held against whole paths below the folder where they begin."""
    source = read_one("v/lib[^0-9]*/x*")
    assert (source.pivot, source.wild) == (2, 2)
    tree = source.way().step().tree(2)
    assert tree is not None
    assert isinstance(tree.include, Search)
    assert [bool(tree.include.test(path)) for path in ("liba/x", "lib/b/xy", "lib1/x")] == [
        True,
        True,
        False,
    ]
    assert tree.enter("v/lib/b/x") == (True, Tree(source, 10))
    assert tree.enter("v/lib") == (False, tree)
    assert tree.may_go_on("v/lib")
    assert tree.may_go_on("v/libs/x")
    assert not tree.may_go_on("v/li")
    assert not tree.may_go_on("v/x/lib")
    assert [*tree.end("v/lib")] == []
    (end,) = tree.end("v/lib/b/x")
    assert (end.is_end, end.may_follow, end.is_in_pattern) == (True, True, False)


@pytest.mark.parametrize("pattern", ["[^a]*", "*[^a]", "v/[^a]*/b", "a[bc]*", "lib[^0-9]"])
def test_others_are_matched_name_by_name(pattern: str) -> None:
    assert read_one(pattern).include is None


def test_ways_are_told_apart_by_where_they_lead() -> None:
    """Not by how many links they took, or a loop would never end."""
    source = read_one("a")
    rest = (Component(b"x"),)
    assert Way(source, rest, links=1) == Way(source, rest, links=2)
    assert Way(source, rest) != Way(read_one("a"), rest)
    assert list(Way(source, rest, links=MAX_LINKS).detour(b"l", b"m")) == []


def test_a_tree_with_include_copies_what_matches_and_all_below() -> None:
    """Relative to where it starts."""
    tree = Tree(Source(0, 0), len("v/"), Pattern.parse("a/*.go"))
    copied, inner = tree.enter("v/a")
    assert (copied, inner.include) == (False, tree.include)
    assert inner.may_go_on("v/a")
    assert not tree.enter("v/b")[1].may_go_on("v/b")
    assert inner.enter("v/a/x.go") == (True, Tree(tree.source, 2))
    assert inner.enter("v/a/x.py")[0] is False


def test_a_tree_with_excludes_remembers_what_they_said_above() -> None:
    """An exception may bring back what lies in a folder that is excluded."""
    tree = Tree(Source(0, 0), 0, None, Matcher(["a", "!a/b"]))
    copied, inner = tree.enter("a")
    assert not copied
    assert inner.may_go_on("a")
    assert inner.enter("a/b")[0]
    assert not inner.enter("a/c")[0]
    assert not inner.enter("a/c")[1].may_go_on("a/c")
