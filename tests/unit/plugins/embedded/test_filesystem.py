"""The tree in memory: held against a plain dictionary, and case by case."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug_embedded.failures import InstructionError
from okplug_embedded.filesystem import (
    DIRECTORY,
    FILE,
    LINK,
    PLAIN_DIRECTORY,
    Changes,
    Entry,
    FileSystem,
    Owner,
    Path,
    shown,
    sort_key,
)

A_FILE = Entry(FILE, 0o644)
OTHER_FILE = Entry(FILE, 0o600, Owner(1, 2))
PRIVATE = Entry(DIRECTORY, 0o700)


def link(target: str) -> Entry:
    return Entry(LINK, 0o777, target=target)


def tree_of(entries: dict[str, Entry]) -> FileSystem:
    tree = FileSystem()
    for path, entry in entries.items():
        names = tuple(path.split("/"))
        tree.make_directories(names[:-1])
        tree.put(names, entry)
    tree.forget_changes()
    return tree


def contents(tree: FileSystem) -> dict[Path, Entry]:
    """Return path -> entry of all but the root."""
    found: dict[Path, Entry] = {}
    todo: list[Path] = [()]
    while todo:
        path = todo.pop()
        node = tree.get(path)
        assert node is not None
        found[path] = node.entry
        todo += [(*path, name) for name in node.names()]
    del found[()]
    return found


def changed(changes: Changes) -> list[str]:
    return [shown(path) for path, _ in changes.entries]


# ---------------------------------------------------------------------------------- put and get


def test_a_new_tree_is_empty() -> None:
    assert contents(FileSystem()) == {}
    root = FileSystem().get(())
    assert root is not None
    assert root.entry == PLAIN_DIRECTORY


def test_what_is_put_is_there() -> None:
    tree = tree_of({"a/b": A_FILE})
    assert contents(tree) == {("a",): PLAIN_DIRECTORY, ("a", "b"): A_FILE}
    assert tree.get(("a", "c")) is None
    assert tree.get(("a", "b", "c")) is None


def test_the_root_can_be_described() -> None:
    tree = tree_of({"a": A_FILE})
    tree.put((), PRIVATE)
    root = tree.get(())
    assert root is not None
    assert root.entry == PRIVATE
    assert root.names() == ["a"]


def test_a_directory_keeps_what_lies_in_it() -> None:
    tree = tree_of({"a/b": A_FILE})
    tree.put(("a",), PRIVATE)
    assert contents(tree) == {("a",): PRIVATE, ("a", "b"): A_FILE}


@pytest.mark.parametrize("entry", [A_FILE, link("x")], ids=["file", "link"])
def test_anything_else_takes_the_place_of_a_directory(entry: Entry) -> None:
    tree = tree_of({"a/b/c": A_FILE})
    tree.put(("a",), entry)
    assert contents(tree) == {("a",): entry}


def test_a_directory_takes_the_place_of_a_file() -> None:
    tree = tree_of({"a": A_FILE})
    tree.put(("a",), PRIVATE)
    assert contents(tree) == {("a",): PRIVATE}


@pytest.mark.parametrize(
    ("path", "message"),
    [(("x", "y"), "/x is no directory"), (("f", "y"), "/f is no directory")],
)
def test_what_has_no_directory_cannot_be_put(path: Path, message: str) -> None:
    with pytest.raises(InstructionError, match=f"^{message}$"):
        tree_of({"f": A_FILE}).put(path, A_FILE)


def test_directories_are_made_where_they_are_missing() -> None:
    tree = tree_of({"a/b": A_FILE})
    tree.make_directories(("a", "c", "d"), PRIVATE)
    assert contents(tree) == {
        ("a",): PLAIN_DIRECTORY,
        ("a", "b"): A_FILE,
        ("a", "c"): PRIVATE,
        ("a", "c", "d"): PRIVATE,
    }


@pytest.mark.parametrize(("entry", "kind"), [(A_FILE, "file"), (link("x"), "link")])
def test_no_directory_is_made_below_something_else(entry: Entry, kind: str) -> None:
    message = f"^/a is a {kind}, and a directory is needed$"
    with pytest.raises(InstructionError, match=message):
        tree_of({"a": entry}).make_directories(("a", "b"))


def test_remove_and_empty() -> None:
    tree = tree_of({"a/b": A_FILE, "a/c/d": A_FILE, "e": A_FILE})
    tree.remove(("a", "c"))
    tree.remove(("x", "y"))
    tree.remove(("nowhere",))
    assert contents(tree) == {("a",): PLAIN_DIRECTORY, ("a", "b"): A_FILE, ("e",): A_FILE}
    tree.empty(("a",))
    tree.empty(("nowhere",))
    assert contents(tree) == {("a",): PLAIN_DIRECTORY, ("e",): A_FILE}


# --------------------------------------------------------------------------------------- resolve


LINKED = {
    "dir/file": A_FILE,
    "dir/sub/deep": A_FILE,
    "to_dir": link("dir"),
    "absolute": link("/dir/sub"),
    "dir/up": link("../dir/sub"),
    "dangling": link("no/where"),
    "chain": link("to_dir"),
    "far": link("../../../dir"),
    "self": link("self"),
    "one": link("two"),
    "two": link("one"),
    "empty": link(""),
}


@pytest.mark.parametrize(
    ("path", "resolved"),
    [
        ("", "/"),
        ("/", "/"),
        ("dir/file", "/dir/file"),
        ("/dir//./file/", "/dir/file"),
        ("dir/../dir/file", "/dir/file"),
        ("../../dir", "/dir"),
        ("nothing/at/all", "/nothing/at/all"),
        ("to_dir", "/dir"),
        ("to_dir/file", "/dir/file"),
        ("to_dir/nothing", "/dir/nothing"),
        ("to_dir/..", "/"),
        ("absolute/deep", "/dir/sub/deep"),
        ("dir/up/deep", "/dir/sub/deep"),
        ("dangling/x", "/no/where/x"),
        ("chain/file", "/dir/file"),
        ("far/file", "/dir/file"),
        ("empty/dir", "/dir"),
    ],
)
def test_links_are_followed_inside_the_tree(path: str, resolved: str) -> None:
    assert shown(tree_of(LINKED).resolve(path)) == resolved


@pytest.mark.parametrize(
    ("path", "resolved"),
    [("absolute", "/jail/dir/sub"), ("up", "/jail/dir"), ("../..", "/jail"), ("x/../..", "/jail")],
)
def test_nothing_leads_out_of_another_root(path: str, resolved: str) -> None:
    tree = tree_of({"jail/absolute": link("/dir/sub"), "jail/up": link("../../../dir")})
    assert shown(tree.resolve(path, ("jail",))) == resolved


@pytest.mark.parametrize("path", ["self", "one", "two/x", "dir/../self"])
def test_circles_of_links_end(path: str) -> None:
    with pytest.raises(InstructionError, match=r"^/\S+ leads over more than 255 links$") as caught:
        tree_of(LINKED).resolve(path)
    assert caught.value.hint == "look for a link that leads back to itself"


# ------------------------------------------------------------------------------ copies and changes


def test_what_is_written_to_a_copy_does_not_show_in_the_other() -> None:
    tree = tree_of({"a/b": A_FILE, "a/c/d": A_FILE})
    twin = tree.copy()
    twin.put(("a", "b"), OTHER_FILE)
    twin.remove(("a", "c", "d"))
    tree.put(("a", "new"), A_FILE)
    tree.put(("a",), PRIVATE)
    assert contents(twin) == {
        ("a",): PLAIN_DIRECTORY,
        ("a", "b"): OTHER_FILE,
        ("a", "c"): PLAIN_DIRECTORY,
    }
    assert contents(tree) == {
        ("a",): PRIVATE,
        ("a", "b"): A_FILE,
        ("a", "c"): PLAIN_DIRECTORY,
        ("a", "c", "d"): A_FILE,
        ("a", "new"): A_FILE,
    }


def test_a_copy_has_no_changes() -> None:
    tree = FileSystem()
    tree.put(("a",), A_FILE)
    assert tree.copy().take_changes() == Changes()


def test_changes_are_told_once_in_order() -> None:
    tree = tree_of({"etc/old": A_FILE})
    for name in ("b", "a", "ü", "a-b", "B"):
        tree.put((name,), A_FILE)
    tree.make_directories(("a.d", "x"))
    assert changed(tree.take_changes()) == [
        "/B",
        "/a",
        "/a-b",
        "/a.d",
        "/a.d/x",
        "/b",
        "/ü",
    ]
    assert tree.take_changes() == Changes()


def test_what_was_written_and_went_again_is_no_change() -> None:
    tree = tree_of({"a": PRIVATE})
    tree.put(("a", "b"), A_FILE)
    tree.put(("a",), A_FILE)
    changes = tree.take_changes()
    assert changes.entries == ((("a",), A_FILE),)
    assert changes.emptied == frozenset()


def test_a_directory_in_the_place_of_another_is_told() -> None:
    tree = tree_of({"a/b": A_FILE})
    tree.put(("a",), A_FILE)
    tree.put(("a",), PRIVATE)
    tree.put(("a", "c"), A_FILE)
    changes = tree.take_changes()
    assert changed(changes) == ["/a", "/a/c"]
    assert changes.emptied == {("a",)}


def test_an_overlay_writes_what_another_tree_got() -> None:
    other = FileSystem()
    other.make_directories(("x", "y"), PRIVATE)
    other.put(("x", "f"), OTHER_FILE)
    tree = tree_of({"x/f": A_FILE, "x/y": A_FILE, "x/z": A_FILE})
    tree.overlay(other.take_changes())
    assert contents(tree) == {
        ("x",): PRIVATE,
        ("x", "f"): OTHER_FILE,
        ("x", "y"): PRIVATE,
        ("x", "z"): A_FILE,
    }


def test_names_that_are_no_text_have_their_order() -> None:
    names = ["\udcff", "z", "é", "a"]
    assert sorted(((name,) for name in names), key=sort_key) == [
        ("a",),
        ("z",),
        ("é",),
        ("\udcff",),
    ]


# ------------------------------------------------------------------------------------------- laws


paths = st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map(tuple)
entries = st.sampled_from([A_FILE, OTHER_FILE, PLAIN_DIRECTORY, PRIVATE, link("a"), link("../b")])
writes = st.lists(st.tuples(paths, entries), max_size=20)


def put_in_model(model: dict[Path, Entry], path: Path, entry: Entry) -> bool:
    """Do what ``put`` does to a dictionary; tell whether it can be done."""
    above = model.get(path[:-1], PLAIN_DIRECTORY if len(path) == 1 else A_FILE)
    if above.kind != DIRECTORY:
        return False
    there = model.get(path)
    if there is None or there.kind != DIRECTORY or entry.kind != DIRECTORY:
        for other in [other for other in model if other[: len(path)] == path]:
            del model[other]
    model[path] = entry
    return True


def put_all(tree: FileSystem, model: dict[Path, Entry], steps: list[tuple[Path, Entry]]) -> None:
    for path, entry in steps:
        if put_in_model(model, path, entry):
            tree.put(path, entry)
        else:
            with pytest.raises(InstructionError):
                tree.put(path, entry)


@given(writes)
def test_a_tree_is_a_dictionary_with_rules(steps: list[tuple[Path, Entry]]) -> None:
    tree, model = FileSystem(), dict[Path, Entry]()
    put_all(tree, model, steps)
    assert contents(tree) == model


@given(writes, writes, writes)
def test_copies_are_apart(
    first: list[tuple[Path, Entry]],
    mine: list[tuple[Path, Entry]],
    yours: list[tuple[Path, Entry]],
) -> None:
    tree, model = FileSystem(), dict[Path, Entry]()
    put_all(tree, model, first)
    twin, its = tree.copy(), dict(model)
    put_all(twin, its, yours)
    put_all(tree, model, mine)
    assert contents(tree) == model
    assert contents(twin) == its


@given(writes, writes)
def test_changes_make_of_the_old_tree_the_new(
    first: list[tuple[Path, Entry]], then: list[tuple[Path, Entry]]
) -> None:
    tree, model = FileSystem(), dict[Path, Entry]()
    put_all(tree, model, first)
    tree.forget_changes()
    old = tree.copy()
    put_all(tree, model, then)
    changes = tree.take_changes()
    for path in changes.emptied:
        old.empty(path)
    old.overlay(changes)
    assert contents(old) == contents(tree)


@given(st.dictionaries(paths, entries, max_size=12), st.text("abc./", max_size=12))
def test_what_is_resolved_is_resolved(found: dict[Path, Entry], path: str) -> None:
    tree, model = FileSystem(), dict[Path, Entry]()
    put_all(tree, model, sorted(found.items()))
    try:
        resolved = tree.resolve(path)
    except InstructionError:
        return
    assert tree.resolve("/".join(resolved)) == resolved
    nodes = [tree.get(resolved[:length]) for length in range(len(resolved) + 1)]
    assert all(node is None or node.entry.kind != LINK for node in nodes)


def test_entries_are_compared_by_what_they_are() -> None:
    assert replace(A_FILE, mode=0o600, owner=Owner(1, 2)) == OTHER_FILE
