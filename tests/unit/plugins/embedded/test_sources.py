"""Which paths of a tree the sources of COPY and ADD name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug_embedded.failures import InstructionError
from okplug_embedded.filesystem import FILE, LINK, Entry, FileSystem, shown
from okplug_embedded.sources import MissingSourceError, clean_names, find, missing, source_node

FILES = ("a.txt", "b.txt", "dir/one", "dir/two.md", "dir/sub/three", "dir/sub/four.md", "[x]", "B")
LINKS = {"link": "a.txt", "todir": "dir", "deep/up": "../dir", "dangling": "nowhere"}


@pytest.fixture
def tree() -> FileSystem:
    made = FileSystem()
    for path in FILES:
        names = tuple(path.split("/"))
        made.make_directories(names[:-1])
        made.put(names, Entry(FILE, 0o644))
    for path, target in LINKS.items():
        names = tuple(path.split("/"))
        made.make_directories(names[:-1])
        made.put(names, Entry(LINK, 0o777, target=target))
    return made


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("", ()),
        (".", ()),
        ("/", ()),
        ("..", ()),
        ("../../a", ("a",)),
        ("a//b/./c/", ("a", "b", "c")),
        ("/a/../b", ("b",)),
        ("//a", ("a",)),
        ("...", ("...",)),
    ],
)
def test_names_of_a_path(path: str, names: tuple[str, ...]) -> None:
    assert clean_names(path) == names


@given(st.text(alphabet="ab./", max_size=20))
def test_names_lead_nowhere_else(path: str) -> None:
    names = clean_names(path)
    assert not set(names) & {"", ".", ".."}
    assert clean_names("/".join(names)) == names


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("a.txt", ["/a.txt"]),
        ("nothing", ["/nothing"]),
        (".", ["/"]),
        ("*.txt", ["/a.txt", "/b.txt"]),
        ("?", ["/B"]),
        ("[ab].txt", ["/a.txt", "/b.txt"]),
        ("[^a].txt", ["/b.txt"]),
        ("[[]x]", ["/[x]"]),
        ("dir/*", ["/dir/one", "/dir/sub", "/dir/two.md"]),
        ("d*/*.md", ["/dir/two.md"]),
        ("dir/*/*.md", ["/dir/sub/four.md"]),
        ("*/sub/th*", ["/dir/sub/three"]),
        ("l*", ["/link"]),
        ("todir/*", ["/dir/one", "/dir/sub", "/dir/two.md"]),
        ("deep/up/s*", ["/dir/sub"]),
        ("to*/one", []),
        ("none*", []),
        ("a.txt/none*", []),
        ("none/*", []),
        ("*/none", []),
        ("dir[^x]*.md", ["/dir/two.md"]),
        ("d*[^x]*.md", []),
        ("di*[^x]*", ["/dir"]),
        ("dir[^x]*", ["/dir/one", "/dir/sub", "/dir/two.md"]),
        ("dir/sub[^x]*e", ["/dir/sub/three"]),
        ("none/s*[^x]*e", []),
    ],
)
def test_what_a_source_finds(tree: FileSystem, source: str, found: list[str]) -> None:
    assert [shown(path) for path in find(tree, source, is_whole=False)] == found


def test_names_come_in_the_order_of_their_bytes() -> None:
    tree = FileSystem()
    for name in ("é", "z", "A", "a", "\udcff"):
        tree.put((name,), Entry(FILE, 0o644))
    found = [path[0] for path in find(tree, "*", is_whole=True)]
    assert found == ["A", "a", "z", "é", "\udcff"]


@pytest.mark.parametrize("source", ["none/*", "a.txt/*", "dangling/*", "../none/x*"])
def test_wildcards_in_what_is_no_directory(tree: FileSystem, source: str) -> None:
    """A tree that has all that there is knows that this is wrong."""
    with pytest.raises(MissingSourceError) as caught:
        find(tree, source, is_whole=True)
    assert caught.value.near == source


@pytest.mark.parametrize("source", ["[a", "x/[]", "dir/[a-"])
def test_malformed_patterns(tree: FileSystem, source: str) -> None:
    with pytest.raises(InstructionError) as caught:
        find(tree, source, is_whole=False)
    assert "invalid pattern" in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("path", "message", "hint"),
    [
        ("c.txt", "/c.txt is not there", "there is a.txt, b.txt"),
        ("dir/ones", "/dir/ones is not there", "there is dir/one"),
        ("dir/zebra", "/dir/zebra is not there", ""),
        ("none/one", "/none/one is not there", ""),
        (
            "dangling",
            "/dangling is a link to nowhere, which is not there",
            "links are followed within what is copied from, and never out of it",
        ),
    ],
)
def test_what_is_missing(tree: FileSystem, path: str, message: str, hint: str) -> None:
    error = missing(tree, tuple(path.split("/")), path)
    assert (str(error), error.hint, error.near) == (message, hint, path)


def test_what_a_source_leads_to(tree: FileSystem) -> None:
    assert source_node(tree, ("dir",), "dir").is_directory
    with pytest.raises(MissingSourceError, match=r"^/none is not there$"):
        source_node(tree, ("none",), "none")
