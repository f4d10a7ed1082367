"""Which files of a context an image may read."""

from __future__ import annotations

import os
import posixpath
import re
import socket
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from okplug.contextfiles import (
    IGNORED,
    MALFORMED,
    MISSING,
    NOWHERE,
    Unmatched,
    select_files,
)
from okplug.contextfolders import FolderCache
from okplug.contextstore import Stored
from okplug.dockerfile.ignore import Matcher, Results
from okplug.dockerfile.model import ContextRead
from okplug.errors import ContextChangedError, ManifestError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from okplug.contextfiles import Selection


def plant(root: Path, entries: Iterable[str]) -> None:
    """Make files (``a/b``), folders (``a/``) and links (``a -> b``)."""
    for entry in entries:
        name, _, target = entry.partition(" -> ")
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if target:
            path.symlink_to(target)
        elif entry.endswith("/"):
            path.mkdir(exist_ok=True)
        else:
            path.write_text(entry)


def copy(*patterns: str, excludes: tuple[str, ...] = (), parents: bool = False) -> ContextRead:
    return ContextRead(patterns, 1, excludes, parents)


def mount(pattern: str) -> ContextRead:
    return ContextRead((pattern,), 1, is_mount=True)


def select(
    root: Path, reads: Sequence[ContextRead] | None, ignore: Sequence[str] = ()
) -> Selection:
    path = os.path.realpath(os.fsencode(root))
    return select_files(path, FolderCache(Stored(), path + b"/.okplug"), reads, ignore)


def selected(selection: Selection) -> list[str]:
    """Return all entries as one sorted list, folders with a slash at the end."""
    names = [*selection.files, *(name + b"/" for name in selection.directories)]
    return sorted(os.fsdecode(name) for name in names)


def test_without_reads_the_whole_context_counts(tmp_path: Path) -> None:
    """Empty folders count, links are not followed, the root is no entry."""
    plant(tmp_path, ["a", "b/c", "empty/", "link -> b", "out -> ../../etc"])
    assert selected(select(tmp_path, None)) == ["a", "b/", "b/c", "empty/", "link", "out"]
    assert select(tmp_path, None).unmatched == ()


def test_no_reads_at_all_read_nothing(tmp_path: Path) -> None:
    """An image that copies nothing does not depend on its context."""
    plant(tmp_path, ["a"])
    selection = select(tmp_path, [])
    assert (selected(selection), selection.visited) == ([], {})


TREE = [
    "main.py",
    "app/main.py",
    "app/util.py",
    "app/data/x.json",
    "app/data/deep/y.json",
    "lib/main.py",
    "lib/empty/",
    "we[i]rd",
    "star*",
]


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        (["main.py"], ["main.py"]),
        (["/main.py"], ["main.py"]),
        (["./main.py"], ["main.py"]),
        (["../../main.py"], ["main.py"]),
        (["lib/../main.py"], ["main.py"]),
        (["lib/"], ["lib/", "lib/empty/", "lib/main.py"]),
        (["app/*.py"], ["app/", "app/main.py", "app/util.py"]),
        (["*/main.py"], ["app/", "app/main.py", "lib/", "lib/main.py"]),
        (["**/main.py"], ["app/", "app/main.py", "lib/", "lib/main.py"]),
        (["app/d*"], [
            "app/", "app/data/", "app/data/deep/", "app/data/deep/y.json", "app/data/x.json",
        ]),
        (["app/dat?/deep"], ["app/", "app/data/", "app/data/deep/", "app/data/deep/y.json"]),
        (["lib/empty"], ["lib/", "lib/empty/"]),
        (["we[[]i[]]rd"], []),
        (["we[[]i\\]rd"], ["we[i]rd"]),
        (["star\\*"], []),
        (["[s]tar\\*"], ["star*"]),
        (["main.py", "lib/m*"], ["lib/", "lib/main.py", "main.py"]),
    ],
)  # fmt: skip
def test_sources_of_copy(tmp_path: Path, sources: list[str], expected: list[str]) -> None:
    """A path or a pattern per component; folders bring all below them and those above."""
    plant(tmp_path, TREE)
    assert selected(select(tmp_path, [copy(*sources)])) == expected


@pytest.mark.parametrize("source", [".", "/", "./", "..", "lib/..", ""])
def test_the_root_as_a_source_is_everything(tmp_path: Path, source: str) -> None:
    """However the root is spelled."""
    plant(tmp_path, TREE)
    assert selected(select(tmp_path, [copy(source)])) == selected(select(tmp_path, None))


def test_a_class_may_go_past_a_slash(tmp_path: Path) -> None:
    """As in BuildKit, which holds all wildcards of a source against whole paths."""
    plant(
        tmp_path, ["lib/a.jar", "lib/b.txt", "lib/c.d.jar/e", "libx.jar", "lib1.jar", "x/lib.jar"]
    )
    assert selected(select(tmp_path, [copy("lib[^0-9]*.jar")])) == [
        "lib/", "lib/a.jar", "lib/c.d.jar/", "lib/c.d.jar/e", "libx.jar",
    ]  # fmt: skip
    assert selected(select(tmp_path, [copy("lib[^0-9]c*", excludes=("*e",))])) == [
        "lib/", "lib/c.d.jar/",
    ]  # fmt: skip
    assert selected(select(tmp_path, [copy("x/l[^0-9]*r")])) == ["x/", "x/lib.jar"]
    assert select(tmp_path, [copy("y/l[^0-9]*r")]).unmatched == (Unmatched(0, 0, NOWHERE),)


def test_a_link_that_a_search_finds_leads_on(tmp_path: Path) -> None:
    """And over further links, as any link that a source ends at."""
    plant(tmp_path, ["lib/a.jar -> ../m/n", "m -> real", "real/n", "real/o", "lib/b -> ../x", "x"])
    entries = ["lib/", "lib/a.jar", "m", "real/", "real/n"]
    assert selected(select(tmp_path, [copy("lib[^0-9]*.jar")])) == entries
    assert selected(select(tmp_path, [copy("lib/*.jar")])) == entries
    assert selected(select(tmp_path, [copy("l*/*.jar")])) == entries


def test_a_file_counts_if_any_read_selects_it(tmp_path: Path) -> None:
    """One instruction's excludes do not bind another."""
    plant(tmp_path, ["a/x", "a/y", "a/z"])
    reads = [copy("a", excludes=("x", "y")), copy("a/y")]
    assert selected(select(tmp_path, reads)) == ["a/", "a/y", "a/z"]
    reads = [copy("a", excludes=("x",)), copy("a", excludes=("y",)), copy("a", excludes=("z",))]
    assert selected(select(tmp_path, reads)) == ["a/", "a/x", "a/y", "a/z"]


def test_mounts_take_their_path_literally(tmp_path: Path) -> None:
    """A bind mount has no wildcards."""
    plant(tmp_path, ["a/x", "*/y", "b"])
    assert selected(select(tmp_path, [mount("*")])) == ["*/", "*/y"]
    assert selected(select(tmp_path, [mount("a")])) == ["a/", "a/x"]
    assert selected(select(tmp_path, [mount(".")])) == ["*/", "*/y", "a/", "a/x", "b"]


def test_links_on_the_way_are_added_and_followed(tmp_path: Path) -> None:
    """A link, its target, the target's target; absolute ones start at the context."""
    plant(
        tmp_path,
        [
            "real/sub/file",
            "real/other",
            "dir -> real",
            "abs -> /real/sub",
            "chain -> dir/sub/file",
            "up -> ../../../real/other",
            "in/rel -> ../real/sub",
        ],
    )
    expected = {
        "dir/sub/file": ["dir", "real/", "real/sub/", "real/sub/file"],
        "abs": ["abs", "real/", "real/sub/", "real/sub/file"],
        "chain": ["chain", "dir", "real/", "real/sub/", "real/sub/file"],
        "up": ["real/", "real/other", "up"],
        "in/rel/file": ["in/", "in/rel", "real/", "real/sub/", "real/sub/file"],
        "dir/o*": ["dir", "real/", "real/other"],
        "di?": ["dir", "real/", "real/other", "real/sub/", "real/sub/file"],
        "di?/o*": ["dir"],
    }
    for source, entries in expected.items():
        assert selected(select(tmp_path, [copy(source)])) == entries
    assert selected(select(tmp_path, [mount("dir/sub")])) == expected["dir/sub/file"]


def test_one_link_leads_on_to_several_places(tmp_path: Path) -> None:
    """What was followed once is followed again for another rest of the way."""
    plant(tmp_path, ["real/a", "real/b", "real/c", "l -> real"])
    assert selected(select(tmp_path, [copy("l/a", "l/b")])) == ["l", "real/", "real/a", "real/b"]


def test_links_inside_a_copied_folder_stay_links(tmp_path: Path) -> None:
    """They are copied as what they are."""
    plant(tmp_path, ["a/l -> ../b", "b/x"])
    assert selected(select(tmp_path, [copy("a")])) == ["a/", "a/l"]


def test_a_link_to_the_root_brings_everything(tmp_path: Path) -> None:
    """The root may be a target, too."""
    plant(tmp_path, ["a/l -> ..", "b"])
    assert selected(select(tmp_path, [copy("a/l")])) == ["a/", "a/l", "b"]


@pytest.mark.parametrize(
    "links",
    [["a -> a"], ["a -> b", "b -> a"], ["a -> a/x"], ["a -> b/x", "b -> a/y"], ["a -> ./*"]],
)
def test_loops_of_links_end(tmp_path: Path, links: list[str]) -> None:
    """The links are there, and lead nowhere."""
    plant(tmp_path, links)
    selection = select(tmp_path, [copy("a"), copy("a/b/*"), copy("*/*/*")])
    assert {Unmatched(0, 0, MISSING), Unmatched(1, 0, NOWHERE)} <= set(selection.unmatched)
    assert "a" in selected(selection)


def test_loops_with_wildcards_end(tmp_path: Path) -> None:
    """Links to the root under wildcards multiply, but not for ever."""
    plant(tmp_path, ["l -> .", "m -> .", "x"])
    assert selected(select(tmp_path, [copy("*/*/*/x")])) == ["l", "m"]
    parents = copy("**/**/x", parents=True)
    assert selected(select(tmp_path, [parents])) == ["x"]


def test_ignored_entries_are_not_there(tmp_path: Path) -> None:
    """Neither for sources nor as links on the way."""
    plant(tmp_path, ["a/x", "a/x.log", "b/y", "l -> b", "k -> a"])
    ignore = ["b", "l", "**/*.log"]
    assert selected(select(tmp_path, None, ignore)) == ["a/", "a/x", "k"]
    selection = select(tmp_path, [copy("k"), copy("l")], ignore)
    assert selected(selection) == ["a/", "a/x", "k"]
    assert selection.unmatched == (Unmatched(1, 0, IGNORED),)


def test_exceptions_bring_their_folders_along(tmp_path: Path) -> None:
    """A folder that is left out is there if something in it is."""
    plant(tmp_path, ["a/keep/x", "a/drop/y", "a/z", "b"])
    ignore = ["*", "!a/keep"]
    assert selected(select(tmp_path, None, ignore)) == ["a/", "a/keep/", "a/keep/x"]
    assert selected(select(tmp_path, [copy("a")], ignore)) == ["a/", "a/keep/", "a/keep/x"]
    assert select(tmp_path, [copy("a")], ignore).unmatched == ()


def test_excludes_are_relative_to_what_is_copied(tmp_path: Path) -> None:
    """For a folder, to the folder; a file that is named itself stays."""
    plant(tmp_path, ["a/b/x.txt", "a/b/y", "a/x.txt", "c/b/y", "x.txt"])
    assert selected(select(tmp_path, [copy("a", excludes=("b",))])) == ["a/", "a/x.txt"]
    assert selected(select(tmp_path, [copy("*", excludes=("b",))])) == [
        "a/", "a/x.txt", "c/", "x.txt",
    ]  # fmt: skip
    assert selected(select(tmp_path, [copy(".", excludes=("**/*.txt",))])) == [
        "a/", "a/b/", "a/b/y", "c/", "c/b/", "c/b/y",
    ]  # fmt: skip
    assert selected(select(tmp_path, [copy("a", excludes=("b", "!b/y"))])) == [
        "a/", "a/b/", "a/b/y", "a/x.txt",
    ]  # fmt: skip
    assert selected(select(tmp_path, [copy("x.txt", excludes=("*.txt",))])) == ["x.txt"]


@pytest.mark.parametrize("name", ["é", "日本"])
def test_relative_is_counted_in_characters(tmp_path: Path, name: str) -> None:
    """However many bytes the name of the folder above has."""
    plant(tmp_path, [f"{name}/{entry}" for entry in ("ab", "b", "sub/ab", "sub/b")])
    kept = [f"{name}/", f"{name}/b", f"{name}/sub/", f"{name}/sub/b"]
    for source in (name, "*", "*/"):
        assert selected(select(tmp_path, [copy(source, excludes=("**/a*",))])) == kept
    assert selected(select(tmp_path, [copy(name, excludes=("b", "sub"))])) == [
        *kept[:1],
        f"{name}/ab",
    ]
    assert selected(select(tmp_path, [copy(f"{name}/./a*", parents=True)])) == [
        f"{name}/",
        f"{name}/ab",
    ]


def test_parents_take_patterns_across_folders(tmp_path: Path) -> None:
    """``**`` stands for any folders; the pivot is where the pattern begins."""
    plant(tmp_path, ["a/b/x.go", "a/x.go", "a/c/y.py", "x.go", "v/a/x.go", "l -> a"])

    def chosen(source: str, *excludes: str) -> list[str]:
        return selected(select(tmp_path, [copy(source, excludes=excludes, parents=True)]))

    assert chosen("a/**/*.go") == ["a/", "a/b/", "a/b/x.go", "a/x.go"]
    assert chosen("**/*.py") == ["a/", "a/c/", "a/c/y.py"]
    assert chosen("l") == ["a/", "a/b/", "a/b/x.go", "a/c/", "a/c/y.py", "a/x.go", "l"]
    assert chosen("v/./a") == ["v/", "v/a/", "v/a/x.go"]
    assert chosen("./a/b") == ["a/", "a/b/", "a/b/x.go"]
    assert chosen("v/./**/x.go", "a") == []
    assert chosen("a/./**", "b") == ["a/", "a/c/", "a/c/y.py", "a/x.go"]
    assert chosen("a", "a/b") == ["a/", "a/c/", "a/c/y.py", "a/x.go"]
    assert chosen("l/./c") == ["a/", "a/c/", "a/c/y.py", "l"]
    assert chosen("l/c") == []
    assert chosen("*/./c") == ["a/", "a/c/", "a/c/y.py", "l", "x.go"]
    assert chosen("v/./") == ["v/", "v/a/", "v/a/x.go"]


def test_sources_that_match_nothing_are_told_with_the_reason(tmp_path: Path) -> None:
    """Missing, left out, or no pattern at all; by instruction and source."""
    plant(tmp_path, ["a", "dist/x.whl", "l -> nowhere"])
    reads = [copy("a", "b"), copy("dist/*.whl"), copy("[x"), copy("l"), mount("a/b"), copy("z*")]
    assert select(tmp_path, reads, ["dist"]).unmatched == (
        Unmatched(0, 1, MISSING),
        Unmatched(1, 0, NOWHERE),
        Unmatched(2, 0, MALFORMED),
        Unmatched(3, 0, MISSING),
        Unmatched(4, 0, MISSING),
        Unmatched(5, 0, MISSING),
    )


@pytest.mark.parametrize(
    ("reads", "reason"),
    [
        ([copy("a/*.py")], NOWHERE),
        ([copy("none/*")], NOWHERE),
        ([copy("l/*.py")], NOWHERE),
        ([copy("f/*")], NOWHERE),
        ([copy("a/*/y")], NOWHERE),
        ([copy("a/./*.py", parents=True)], NOWHERE),
        ([copy("a/*.py", parents=True)], MISSING),
        ([copy("*.py")], MISSING),
        ([copy("r/*.py")], MISSING),
        ([copy("a/*.py"), copy("a/x")], MISSING),
        ([copy("l/*.py"), copy("a/x")], MISSING),
        ([copy("a/d*", excludes=("*",))], NOWHERE),
        ([copy("a/n")], MISSING),
        ([copy("a/./n", parents=True)], MISSING),
    ],
)
def test_wildcards_need_their_folder(tmp_path: Path, reads: list[ContextRead], reason: str) -> None:
    """BuildKit gets what is selected, and fails where it cannot look for what they match."""
    plant(tmp_path, ["a/x", "f", "l -> a", "r -> ."])
    assert Unmatched(0, 0, reason) in select(tmp_path, reads).unmatched


def test_what_is_left_out_is_no_folder_for_wildcards(tmp_path: Path) -> None:
    """Unless an exception brings something of it back."""
    plant(tmp_path, ["a/x.py", "a/y"])
    assert select(tmp_path, [copy("a/*.py")], ["a"]).unmatched == (Unmatched(0, 0, NOWHERE),)
    reads = [copy("a/*.py"), copy("a/y")]
    assert select(tmp_path, reads, ["a", "!a/y"]).unmatched == (Unmatched(0, 0, IGNORED),)


def test_malformed_excludes_are_errors(tmp_path: Path) -> None:
    """What is excluded decides about files, so there is no way around."""
    with pytest.raises(ManifestError, match=r"invalid pattern '\[a'"):
        select(tmp_path, [copy("x", excludes=("[a",))])


def test_the_state_folder_of_the_workspace_is_never_part(tmp_path: Path) -> None:
    """Only the one at the root, whatever context it lies in; a file of that name is a file."""
    plant(tmp_path, [".okplug/index", "sub/.okplug/x"])
    assert selected(select(tmp_path, None)) == ["sub/", "sub/.okplug/", "sub/.okplug/x"]
    root = os.path.realpath(os.fsencode(tmp_path))
    cache = FolderCache(Stored(), root + b"/.okplug")
    outer = select_files(os.path.dirname(root), cache, [copy(f"{tmp_path.name}/.okplug")])  # noqa: PTH120 - bytes
    assert selected(outer) == []


def test_names_that_are_not_utf8_are_kept(tmp_path: Path) -> None:
    """They stand as surrogate escapes and match wildcards."""
    name = b"\xff\xe9"
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_bytes(b"")
    assert list(select(tmp_path, [copy("?" * 2)]).files) == [name]
    assert list(select(tmp_path, [copy("\udcff\udce9")]).files) == [name]
    assert list(select(tmp_path, None, ["\udcff*"]).files) == []


def test_a_folder_that_cannot_be_read_is_an_error_if_it_matters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Left out, or only searched for exceptions, it does not."""
    plant(tmp_path, ["secret/x", "a"])
    scandir = os.scandir

    def refuse(path: bytes) -> AbstractContextManager[Iterator[os.DirEntry[bytes]]]:
        if path.endswith(b"secret"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(ManifestError) as caught:
        select(tmp_path, None)
    assert str(caught.value) == (
        f"{tmp_path / 'secret'}: this folder of a build context cannot be read: Permission denied\n"
        "  hint: make it readable, or leave it out with a line in .dockerignore"
    )
    with pytest.raises(ManifestError):
        select(tmp_path, [copy("secret/x")])
    assert selected(select(tmp_path, None, ["secret"])) == ["a"]
    searched = select(tmp_path, None, ["secret", "!secret/y"])
    assert (selected(searched), searched.is_complete) == (["a"], False)
    assert select(tmp_path, [copy("secret/x")], ["secret"]).unmatched[0].reason == MISSING


def test_a_context_that_is_no_folder_is_an_error(tmp_path: Path) -> None:
    """Whether it is missing or a file."""
    plant(tmp_path, ["file"])
    for name in ("missing", "file"):
        with pytest.raises(ManifestError, match="cannot be read"):
            select(tmp_path / name, None)


@pytest.mark.parametrize("kind", ["fifo", "socket"])
def test_special_files_are_errors_if_they_are_selected(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are only selected here; reading them says so."""
    plant(tmp_path, ["a"])
    with socket.socket(socket.AF_UNIX) as server:
        if kind == "fifo":
            os.mkfifo(tmp_path / "special")
        else:
            monkeypatch.chdir(tmp_path)  # the path of a socket has to be short
            server.bind("special")
        folder, number = select(tmp_path, None).files[b"special"]
        with pytest.raises(ManifestError, match="not a regular file, link or folder"):
            folder.content(number)
        assert selected(select(tmp_path, None, ["special"])) == ["a"]


# The oracle: every entry is asked for itself, by the rules, with regular expressions per source.

NAMES = st.sampled_from(["a", "b", "c", "ab", "a.x"])
RELPATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
SOURCES = st.lists(
    st.sampled_from(["a", "b", "c", "*", "a*", "?", "*.x", "[ab]"]), min_size=0, max_size=3
).map("/".join)
IGNORES = st.lists(
    st.builds(
        lambda negate, parts: "!" * negate + "/".join(parts),
        st.booleans(),
        st.lists(st.sampled_from(["a", "b", "*", "**", "a*", "*.x"]), min_size=1, max_size=2),
    ),
    max_size=3,
)


@cache
def glob(component: str) -> re.Pattern[str]:
    return re.compile(component.replace(".", r"\.").replace("*", ".*").replace("?", "."))


def is_wanted(relpath: str, source: str, excludes: list[str]) -> bool:
    """Tell whether COPY takes *relpath*, links aside."""
    components = relpath.split("/")
    wanted = [part for part in source.split("/") if part]
    if len(components) < len(wanted):
        return False
    if not all(glob(w).fullmatch(c) for w, c in zip(wanted, components, strict=False)):
        return False
    below = "/".join(components[len(wanted) :])
    return not (below and is_left_out(below, tuple(excludes)))


def is_left_out(relpath: str, patterns: tuple[str, ...]) -> bool:
    matcher = Matcher(patterns)
    matched = False
    results: Results = ()
    components = relpath.split("/")
    for length in range(1, len(components) + 1):
        matched, results = matcher.enter("/".join(components[:length]), results)
    return matched


def choose(tree: Path, reads: list[tuple[str, list[str]]] | None, ignore: list[str]) -> set[str]:
    """Return the entries of *tree* by brute force."""
    chosen = set()
    for path in tree.rglob("*"):
        relpath = path.relative_to(tree).as_posix()
        if is_left_out(relpath, tuple(ignore)):
            continue
        if reads is None or any(is_wanted(relpath, *read) for read in reads):
            chosen.add(relpath + "/" * path.is_dir())
            while relpath := posixpath.dirname(relpath):
                chosen.add(relpath + "/")
    return chosen


@settings(max_examples=300)
@given(
    st.lists(RELPATHS, max_size=8),
    st.none() | st.lists(st.tuples(SOURCES, IGNORES), max_size=3),
    IGNORES,
)
def test_selection_agrees_with_brute_force(
    tmp_path_factory: pytest.TempPathFactory,
    entries: list[str],
    reads: list[tuple[str, list[str]]] | None,
    ignore: list[str],
) -> None:
    """Any tree, any sources with any excludes, any .dockerignore."""
    root = tmp_path_factory.mktemp("tree")
    for number, entry in enumerate(entries):
        if not any((root / above).is_file() for above in [entry, *parents(entry)]):
            plant(root, [entry + "/" * (number % 3 == 0 or (root / entry).is_dir())])
    asked = None
    if reads is not None:
        asked = [copy(source, excludes=tuple(excludes)) for source, excludes in reads]
    assert set(selected(select(root, asked, ignore))) == choose(root, reads, ignore)


def parents(relpath: str) -> list[str]:
    return [str(path) for path in Path(relpath).parents]


TARGETS = st.builds(
    lambda prefix, parts: prefix + "/".join(parts),
    st.sampled_from(["", "/", "../", "./", "../../"]),
    st.lists(st.sampled_from(["a", "b", "l", "m"]), min_size=1, max_size=2),
)
LINKED = st.sampled_from(["l", "m", "a/l", "b/m", "a/b/l"])


def follow(root: Path, source: str) -> set[str]:
    """Return what COPY of a plain path takes, links included, following them one by one."""
    taken: set[str] = set()
    todo, current = source.split("/"), ""
    for _ in range(100):
        if not todo:
            break
        current = posixpath.join(current, todo.pop(0))
        path = root / current
        if path.is_symlink():
            taken.add(current)
            target = posixpath.join("/", posixpath.dirname(current), os.readlink(path))  # noqa: PTH115 - as text
            todo = [part for part in posixpath.normpath(target).split("/") if part] + todo
            current = ""
    else:
        return taken
    found = [root / current, *(root / current).rglob("*")]
    if (root / current).exists() or (root / current).is_symlink():
        taken |= {path.relative_to(root).as_posix() for path in found} - {"."}
    return taken


@settings(max_examples=300)
@given(st.dictionaries(LINKED, TARGETS, max_size=4), st.lists(RELPATHS, max_size=4), st.data())
def test_links_agree_with_following_them_one_by_one(
    tmp_path_factory: pytest.TempPathFactory,
    links: dict[str, str],
    entries: list[str],
    data: st.DataObject,
) -> None:
    """Chains, loops, absolute targets, targets beyond the root."""
    root = tmp_path_factory.mktemp("tree")
    plant(root, ["a/b/", "b/"])
    for name, target in links.items():
        (root / name).symlink_to(target)
    for entry in entries:
        if not any((root / above).is_file() for above in [entry, *parents(entry)]):
            plant(root, [entry + "/" * (root / entry).is_dir()])
    parts = st.lists(st.sampled_from(["a", "b", "l", "m", "c"]), min_size=1, max_size=3)
    source = "/".join(data.draw(parts))
    expected = follow(root, source)
    expected |= {above for name in expected for above in parents(name)} - {"."}
    found = selected(select(root, [copy(source)]))
    assert {name.rstrip("/") for name in found} == expected


@pytest.mark.parametrize("is_file", [False, True])
def test_a_folder_that_goes_away_meanwhile_is_a_change(tmp_path: Path, *, is_file: bool) -> None:
    """No permission is missing, and there is nothing to be written to .dockerignore."""
    plant(tmp_path, ["a/b/x"])
    cache = FolderCache(Stored(), b"")
    assert cache.listing(os.fsencode(tmp_path / "a")).folders == [b"b"]
    (tmp_path / "a/b").rename(tmp_path / "c")
    if is_file:
        (tmp_path / "a/b").touch()
    with pytest.raises(ContextChangedError, match="it is no folder any more") as caught:
        select_files(os.fsencode(tmp_path), cache, None)
    assert caught.value.location is not None
    assert caught.value.location.path == tmp_path / "a/b"


def test_a_context_that_is_not_there_is_no_change(tmp_path: Path) -> None:
    """It never was, as far as this run knows."""
    with pytest.raises(ManifestError, match="No such file or directory"):
        select(tmp_path / "none", None)
