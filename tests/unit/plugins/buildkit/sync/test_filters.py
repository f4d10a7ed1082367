"""What a call asks for, held against a naive reading of the same rules."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug import ManifestError
from okplug.dockerfile import Matcher
from okplug_buildkit.sync.entries import Entry, decode, encode, order, parent
from okplug_buildkit.sync.filters import Filter, Wanted
from okplug_buildkit.sync.trees import MemoryTree

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

NAMES = ("a", "b", "c.txt", "a.b", "ü")
PIECES = (*NAMES, "*", "?", "*.txt", "**", "a*")
PATHS = st.lists(st.sampled_from(NAMES), min_size=1, max_size=4).map("/".join)
PATTERNS = st.builds(
    lambda mark, pieces: mark + "/".join(pieces),
    st.sampled_from(["", "", "!"]),
    st.lists(st.sampled_from(PIECES), min_size=1, max_size=3),
)


def tree_of(paths: Iterable[str]) -> list[Entry]:
    """Return entries for files, with the folders above them; a folder is never a file."""
    folders = {b""}
    for path in map(encode, paths):
        above = parent(path)
        while above:
            folders.add(above)
            above = parent(above)
    files = {encode(path) for path in paths} - folders
    entries = [Entry(path, stat.S_IFDIR | 0o755) for path in folders - {b""}]
    entries += [Entry(path, stat.S_IFREG | 0o644) for path in files]
    return sorted(entries, key=lambda entry: order(entry.path))


def walk(matcher: Matcher, path: str) -> bool:
    """Tell what the patterns say of a path, from the root down to it."""
    results: tuple[bool, ...] = ()
    matched = False
    names = path.split("/")
    for count in range(1, len(names) + 1):
        matched, results = matcher.enter("/".join(names[:count]), results)
    return matched


def naive(
    entries: Sequence[Entry], includes: Sequence[str] | None, excludes: Sequence[str]
) -> list[bytes]:
    """Return what is to be sent: what is wanted by itself, and the folders above that."""
    includer = None if includes is None else Matcher(includes)
    excluder = Matcher(excludes)
    wanted = set()
    for entry in entries:
        path = decode(entry.path)
        if (includer is None or walk(includer, path)) and not walk(excluder, path):
            wanted.add(entry.path)
    above = {
        entry.path
        for entry in entries
        if any(path.startswith(entry.path + b"/") for path in wanted)
    }
    return [entry.path for entry in entries if entry.path in wanted | above]


def pruned(entries: Sequence[Entry], chosen: Filter) -> list[Entry]:
    """Return what a walk finds that does not look into folders that are skipped."""
    found: list[Entry] = []
    skipped: list[bytes] = []
    for entry in entries:
        if any(entry.path.startswith(path + b"/") for path in skipped):
            continue
        found.append(entry)
        if stat.S_ISDIR(entry.mode) and chosen.skips(entry.path):
            skipped.append(entry.path)
    return found


@given(
    st.lists(PATHS, max_size=15),
    st.none() | st.lists(PATTERNS, min_size=1, max_size=4),
    st.lists(PATTERNS, max_size=4),
)
def test_what_is_sent_is_what_the_rules_say(
    paths: list[str], includes: list[str] | None, excludes: list[str]
) -> None:
    """Also where a walk leaves out folders that hold nothing."""
    entries = tree_of(paths)
    expected = naive(entries, includes, excludes)
    assert [entry.path for entry in Filter(includes, excludes).select(entries)] == expected
    chosen = Filter(includes, excludes)
    assert [entry.path for entry in chosen.select(pruned(entries, chosen))] == expected


def sent(
    paths: Sequence[str], includes: Sequence[str] | None, excludes: Sequence[str] = ()
) -> list[str]:
    return [decode(entry.path) for entry in Filter(includes, excludes).select(tree_of(paths))]


def test_a_file_brings_the_folders_above_it() -> None:
    assert sent(["a/b/c", "a/d", "e"], ["a/b/c"]) == ["a", "a/b", "a/b/c"]


def test_a_folder_brings_all_below_it() -> None:
    assert sent(["a/b/c", "a/d", "e"], ["a"]) == ["a", "a/b", "a/b/c", "a/d"]


def test_an_exception_brings_the_folder_back() -> None:
    assert sent(["a/b", "a/c", "d"], None, ["a", "!a/b"]) == ["a", "a/b", "d"]


def test_what_is_excluded_is_not_sent_though_it_is_included() -> None:
    assert sent(["a/b", "a/c"], ["a"], ["**/c"]) == ["a", "a/b"]


def test_an_empty_folder_is_sent_if_it_is_wanted() -> None:
    entries = [Entry(b"void", stat.S_IFDIR | 0o755), Entry(b"x", stat.S_IFREG | 0o644)]
    assert Filter(None, ["x"]).select(entries) == entries[:1]
    assert Filter(["x"], ()).select(entries) == entries[1:]


def test_folders_in_which_nothing_is_wanted_are_skipped() -> None:
    chosen = Filter(["a/b", "c/*"], ["a/b/secret"])
    assert not chosen.skips(b"a")
    assert not chosen.skips(b"a/b")
    assert chosen.skips(b"a/b/secret")
    assert chosen.skips(b"a/x")
    assert not chosen.skips(b"c")
    assert chosen.skips(b"d")


def test_a_folder_with_an_exception_below_is_not_skipped() -> None:
    assert not Filter(None, ["a", "!a/b"]).skips(b"a")
    assert Filter(None, ["a"]).skips(b"a")


def test_a_malformed_pattern_is_an_error() -> None:
    with pytest.raises(ManifestError, match="invalid pattern"):
        Filter(["[a"], ())


# --------------------------------------------------------------------------------- what calls say


def metadata(**values: list[str]) -> dict[str, list[str]]:
    return {key.replace("_", "-"): value for key, value in values.items()}


def read(**values: list[str]) -> Wanted:
    found = metadata(**values)
    return Wanted.read(lambda key: found.get(key, []))


def test_a_call_says_what_it_wants() -> None:
    wanted = read(
        dir_name=["context"],
        include_patterns=["a", "b"],
        exclude_patterns=["c"],
        followpaths=["d", "e"],
    )
    assert wanted == Wanted("context", ("a", "b"), ("c",), ("d", "e"))


def test_a_call_that_says_nothing_wants_all_of_nothing_known() -> None:
    assert read() == Wanted("")


def test_escaped_values_are_read() -> None:
    """They are, as soon as one of them is not ASCII; the others then are as well."""
    wanted = read(
        dir_name=["k%C3%BCche"],
        dir_name_encoded=["1"],
        followpaths=["%C3%BC+x", "a%2Bb", "%FF"],
        followpaths_encoded=["1"],
    )
    assert wanted.directory == "küche"
    assert wanted.follow == ("ü x", "a+b", "\udcff")


def test_values_that_are_not_escaped_stay() -> None:
    wanted = read(followpaths=["a+b", "100%25"], exclude_patterns=["c+d"])
    assert wanted.follow == ("a+b", "100%25")
    assert wanted.excludes == ("c+d",)


TREE = MemoryTree({"a/x": b"1", "a/y": b"2", "b": b"3", ".dockerignore": b"y\n"})


class WholeTree(MemoryTree):
    """A tree that may be sent as a whole."""

    @property
    def is_whole(self) -> bool:
        """It may."""
        return True


def selected(wanted: Wanted, tree: MemoryTree = TREE, *, narrow: bool = False) -> list[bytes]:
    return [entry.path for entry in wanted.select(tree, narrow=narrow)]


ALL = [b".dockerignore", b"a", b"a/x", b"a/y", b"b"]


@pytest.mark.parametrize(
    ("wanted", "paths"),
    [
        (Wanted("context"), ALL),
        (Wanted("context", follow=("a/x",)), [b"a", b"a/x"]),
        (Wanted("context", follow=("b", ".")), ALL),
        (Wanted("context", excludes=("a",)), [b".dockerignore", b"b"]),
        (Wanted("context", includes=("b",), follow=("a/y",)), [b"a", b"a/y", b"b"]),
        (Wanted("context", includes=("b",), follow=(".",)), [b"b"]),
        (Wanted("context", follow=("missing",)), []),
        (Wanted("context", excludes=("**/y",), follow=("a",)), [b"a", b"a/x"]),
    ],
)
def test_what_is_wanted_is_selected(wanted: Wanted, paths: list[bytes]) -> None:
    assert selected(wanted) == paths


def whole() -> WholeTree:
    return WholeTree({"a/x": b"1", "a/y": b"2", "b": b"3", ".dockerignore": b"y\n"})


def test_a_whole_tree_is_sent_whole_whatever_is_named() -> None:
    assert selected(Wanted("context", follow=("b",)), whole()) == ALL
    assert selected(Wanted("context", includes=("b",)), whole()) == ALL


def test_what_is_excluded_is_never_sent() -> None:
    """A copy of the whole context must not find it."""
    wanted = Wanted("context", excludes=("a/y",), follow=("b",))
    assert selected(wanted, whole()) == [b".dockerignore", b"a", b"a/x", b"b"]


def test_a_whole_tree_is_not_sent_for_the_ignore_file() -> None:
    """The daemon asks for it before anything else, and would ask for all files."""
    assert selected(Wanted("context", follow=(".dockerignore",)), whole()) == [b".dockerignore"]


def test_a_whole_tree_is_sent_narrow_on_demand() -> None:
    assert selected(Wanted("context", follow=("b",)), whole(), narrow=True) == [b"b"]
