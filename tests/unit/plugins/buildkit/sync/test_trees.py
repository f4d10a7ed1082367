"""Trees of files whose content is known: the same in every checkout, and different when it is."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from okplug import ContextChangedError, ContextFile
from okplug_buildkit.sync.entries import Entry
from okplug_buildkit.sync.trees import Listing, MemoryTree, SnapshotTree

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.plugins.buildkit.sync.conftest import FakeSnapshot

    TakeSnapshot = Callable[..., FakeSnapshot]

SECOND = 1_000_000_000


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A context with a bit of everything."""
    root = tmp_path / "context"
    (root / "a").mkdir(parents=True)
    (root / "a/b").write_text("one")
    (root / "a.b").write_text("two")
    (root / "run").write_text("three")
    (root / "run").chmod(0o700)
    (root / "link").symlink_to("a/b")
    (root / "void").mkdir(mode=0o700)
    return root


# ----------------------------------------------------------------------------------- one snapshot


def test_entries_come_in_the_order_of_transfers(root: Path, take_snapshot: TakeSnapshot) -> None:
    tree = SnapshotTree([take_snapshot(root)])
    paths = [entry.path for entry in tree.entries()]
    assert paths == [b"a", b"a/b", b"a.b", b"link", b"run", b"void"]


def test_modes_are_those_that_the_key_knows(root: Path, take_snapshot: TakeSnapshot) -> None:
    """Executable or not; the rest depends on who checked the files out."""
    modes = {entry.path: entry.mode for entry in SnapshotTree([take_snapshot(root)]).entries()}
    assert modes == {
        b"a": stat.S_IFDIR | 0o755,
        b"a/b": stat.S_IFREG | 0o644,
        b"a.b": stat.S_IFREG | 0o644,
        b"link": stat.S_IFLNK | 0o777,
        b"run": stat.S_IFREG | 0o755,
        b"void": stat.S_IFDIR | 0o755,
    }


def test_sizes_and_targets_are_there(root: Path, take_snapshot: TakeSnapshot) -> None:
    tree = SnapshotTree([take_snapshot(root)])
    link = tree.find(b"link")
    assert link is not None
    assert (link.linkname, link.size) == (b"a/b", 3)
    sizes = {entry.path: entry.size for entry in tree.entries()}
    assert (sizes[b"a/b"], sizes[b"run"], sizes[b"a"]) == (3, 5, 0)


def test_times_do_not_depend_on_the_checkout(
    root: Path, tmp_path: Path, take_snapshot: TakeSnapshot
) -> None:
    """Other times, other modes, another folder: the same entries."""
    first = SnapshotTree([take_snapshot(root)], 5).entries()
    other = root.rename(tmp_path / "elsewhere")
    for path in other.rglob("*"):
        os.utime(path, (7, 7), follow_symlinks=False)
    (other / "a/b").chmod(0o600)
    assert SnapshotTree([take_snapshot(other)], 5).entries() == first


def test_all_times_have_the_same_whole_second(root: Path, take_snapshot: TakeSnapshot) -> None:
    """It is what an image records."""
    entries = SnapshotTree([take_snapshot(root)], 1_700_000_000).entries()
    assert {entry.mtime_ns // SECOND for entry in entries} == {1_700_000_000}


def test_other_content_of_the_same_size_has_another_time(
    root: Path, take_snapshot: TakeSnapshot
) -> None:
    """Otherwise the daemon would take what it has from the last build."""
    before = SnapshotTree([take_snapshot(root)]).find(b"a/b")
    (root / "a/b").write_text("ONE")
    after = SnapshotTree([take_snapshot(root)]).find(b"a/b")
    assert before
    assert after
    assert before.size == after.size
    assert before.mtime_ns != after.mtime_ns


def test_names_that_are_not_utf_8_keep_their_bytes(
    tmp_path: Path, take_snapshot: TakeSnapshot
) -> None:
    (tmp_path / "b\udcffd").symlink_to("t\udcfe")
    tree = SnapshotTree([take_snapshot(tmp_path)])
    assert tree.entries() == (Entry(b"b\xffd", stat.S_IFLNK | 0o777, 2, 0, b"t\xfe"),)


def test_a_file_is_read_as_it_was_hashed(root: Path, take_snapshot: TakeSnapshot) -> None:
    tree = SnapshotTree([take_snapshot(root)])
    entry = tree.find(b"a/b")
    assert entry
    with tree.open(entry) as file:
        assert file.read() == b"one"


def test_a_file_that_has_changed_is_not_read(root: Path, take_snapshot: TakeSnapshot) -> None:
    tree = SnapshotTree([take_snapshot(root)])
    entry = tree.find(b"a/b")
    assert entry
    (root / "a/b").write_text("ONE")
    with tree.open(entry) as file, pytest.raises(ContextChangedError):
        file.read()


def test_names_in_folders(root: Path, take_snapshot: TakeSnapshot) -> None:
    tree = SnapshotTree([take_snapshot(root)])
    assert sorted(tree.names(b"")) == [b"a", b"a.b", b"link", b"run", b"void"]
    assert list(tree.names(b"a")) == [b"b"]
    assert list(tree.names(b"void")) == []
    assert list(tree.names(b"a/b")) == []
    assert list(tree.names(b"nowhere")) == []


def test_what_is_not_there_is_not_found(root: Path, take_snapshot: TakeSnapshot) -> None:
    tree = SnapshotTree([take_snapshot(root)])
    assert tree.find(b"a/c") is None
    assert tree.find(b"") is None


# ------------------------------------------------------------------------------ several snapshots


def test_several_snapshots_are_one_tree(root: Path, take_snapshot: TakeSnapshot) -> None:
    one = take_snapshot(root, "a", "a/b")
    two = take_snapshot(root, "a", "run", "link")
    tree = SnapshotTree([one, two])
    assert [entry.path for entry in tree.entries()] == [b"a", b"a/b", b"link", b"run"]
    for path, text in ((b"a/b", b"one"), (b"run", b"three")):
        entry = tree.find(path)
        assert entry
        with tree.open(entry) as file:
            assert file.read() == text


def test_the_last_snapshot_counts(root: Path, take_snapshot: TakeSnapshot) -> None:
    """What was hashed again is what is sent."""
    old = take_snapshot(root)
    (root / "a/b").write_text("ONE!")
    tree = SnapshotTree([old, take_snapshot(root, "a", "a/b")])
    entry = tree.find(b"a/b")
    assert entry
    assert entry.size == 4
    with tree.open(entry) as file:
        assert file.read() == b"ONE!"


def test_a_tree_is_whole_if_it_is_said_to_be(root: Path, take_snapshot: TakeSnapshot) -> None:
    assert not SnapshotTree([take_snapshot(root)]).is_whole
    assert SnapshotTree([take_snapshot(root)], is_whole=True).is_whole


def test_snapshots_are_listed_when_they_are_asked_for(root: Path) -> None:
    """A build whose daemon asks for nothing does not pay for a list."""

    class Lazy:
        def __init__(self) -> None:
            self.root, self.digest, self.proof, self.asked = root, "", "", 0

        @property
        def files(self) -> tuple[ContextFile, ...]:
            self.asked += 1
            return (ContextFile("void", "directory"),)

        def open(self, relpath: str) -> None:
            raise KeyError(relpath)

    snapshot = Lazy()
    tree = SnapshotTree([snapshot])  # type: ignore[list-item]  # it opens nothing
    assert snapshot.asked == 0
    assert len(tree.entries()) == len(tree.entries()) == 1
    assert snapshot.asked == 1


# -------------------------------------------------------------------------------------- in memory


def test_files_in_memory_have_their_folders() -> None:
    tree = MemoryTree({"b/c/Dockerfile": b"FROM scratch\n", "a": b""})
    assert [(entry.path, stat.S_ISDIR(entry.mode)) for entry in tree.entries()] == [
        (b"a", False),
        (b"b", True),
        (b"b/c", True),
        (b"b/c/Dockerfile", False),
    ]
    assert list(tree.names(b"b")) == [b"c"]
    assert not tree.is_whole


def test_a_file_in_memory_is_what_it_was_made_of() -> None:
    tree = MemoryTree({"Dockerfile": b"FROM scratch\n"})
    entry = tree.find(b"Dockerfile")
    assert entry
    assert (entry.mode, entry.size) == (stat.S_IFREG | 0o644, 13)
    with tree.open(entry) as file:
        assert file.read() == b"FROM scratch\n"


def test_the_time_of_a_file_in_memory_is_made_of_its_content() -> None:
    one, same, other = (
        MemoryTree({"f": data}).entries()[0].mtime_ns for data in (b"x", b"x", b"y")
    )
    assert one == same != other
    assert 0 <= one < SECOND


def test_a_listing_finds_what_it_lists() -> None:
    entries = [Entry(b"b", stat.S_IFREG), Entry(b"a", stat.S_IFDIR), Entry(b"a/z", stat.S_IFREG)]
    listing = Listing(entries)
    assert [entry.path for entry in listing.entries] == [b"a", b"a/z", b"b"]
    assert listing.by_path[b"b"] is entries[0]
    assert list(listing.names(b"")) == [b"a", b"b"]
