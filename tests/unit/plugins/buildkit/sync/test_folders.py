"""Folders of the disk, as they are."""

from __future__ import annotations

import os
import socket
import stat
from typing import TYPE_CHECKING

import pytest

from okplug import BuildError, ContextChangedError
from okplug_buildkit.sync.entries import Entry, order
from okplug_buildkit.sync.folders import FolderTree

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with files of all kinds."""
    root = tmp_path / "folder"
    (root / "a/deep").mkdir(parents=True)
    (root / "a/deep/file").write_text("deep")
    (root / "a.b").write_text("text")
    (root / "a.b").chmod(0o4750)
    os.utime(root / "a.b", ns=(1, 1_600_000_000_123_456_789))
    (root / "link").symlink_to("/nowhere")
    os.mkfifo(root / "pipe", 0o600)
    return root


def found(tree: FolderTree) -> list[bytes]:
    return [entry.path for entry in tree.entries()]


def test_a_folder_is_walked_in_the_order_of_transfers(root: Path) -> None:
    paths = found(FolderTree(root))
    assert paths == [b"a", b"a/deep", b"a/deep/file", b"a.b", b"link", b"pipe"]
    assert paths == sorted(paths, key=order)


def test_entries_say_what_the_disk_says(root: Path) -> None:
    tree = FolderTree(root)
    time = 1_600_000_000_123_456_789
    assert tree.find(b"a.b") == Entry(b"a.b", stat.S_IFREG | 0o4750, 4, time)
    link = tree.find(b"link")
    assert link
    assert (link.linkname, link.size, stat.S_ISLNK(link.mode)) == (b"/nowhere", 8, True)
    pipe = tree.find(b"pipe")
    assert pipe
    assert (pipe.mode, pipe.size) == (stat.S_IFIFO | 0o600, 0)
    folder = tree.find(b"a")
    assert folder
    assert (stat.S_ISDIR(folder.mode), folder.size) == (True, 0)


def test_what_is_found_is_what_is_listed(root: Path) -> None:
    tree = FolderTree(root)
    assert [tree.find(entry.path) for entry in tree.entries()] == tree.entries()


def test_names_are_bytes(tmp_path: Path) -> None:
    names = [b"\xff", "ü".encode(), b" x", b"new\nline", b"a\\b"]
    for name in names:
        with open(os.fsencode(tmp_path) + b"/" + name, "wb"):  # noqa: PTH123  # of bytes
            pass
    assert found(FolderTree(tmp_path)) == sorted(names)


def test_sockets_are_left_out(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        tree = FolderTree(tmp_path)
        assert found(tree) == []
        assert tree.find(b"s") is None


@pytest.mark.skipif(os.geteuid() != 0, reason="making a device takes root")
def test_devices_keep_their_numbers(tmp_path: Path) -> None:
    os.mknod(tmp_path / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    (entry,) = FolderTree(tmp_path).entries()
    assert stat.S_ISCHR(entry.mode)
    assert entry.device == os.makedev(1, 3)


def test_a_folder_that_nobody_wants_is_not_looked_into(root: Path) -> None:
    asked = []

    def skips(path: bytes) -> bool:
        asked.append(path)
        return path == b"a"

    paths = [entry.path for entry in FolderTree(root).entries(skips)]
    assert paths == [b"a", b"a.b", b"link", b"pipe"]
    assert asked == [b"a"]


def test_a_link_to_a_folder_is_a_link(root: Path) -> None:
    (root / "z").symlink_to("a")
    assert b"z/deep" not in found(FolderTree(root))


def test_the_root_may_be_a_link(root: Path, tmp_path: Path) -> None:
    (tmp_path / "way").symlink_to(root)
    assert found(FolderTree(tmp_path / "way")) == found(FolderTree(root))


def test_names_in_a_folder(root: Path) -> None:
    tree = FolderTree(root)
    assert sorted(tree.names(b"")) == [b"a", b"a.b", b"link", b"pipe"]
    assert list(tree.names(b"a")) == [b"deep"]
    assert list(tree.names(b"a.b")) == []
    assert list(tree.names(b"missing")) == []


def test_a_path_that_leads_nowhere_finds_nothing(root: Path) -> None:
    tree = FolderTree(root)
    assert tree.find(b"missing") is None
    assert tree.find(b"a.b/x") is None


def test_a_file_is_opened(root: Path) -> None:
    tree = FolderTree(root)
    with tree.open(Entry(b"a.b", stat.S_IFREG)) as file:
        assert file.read() == b"text"


def test_a_file_that_has_disappeared_is_a_change(root: Path) -> None:
    """An empty file in its place would be an image that nobody meant."""
    tree = FolderTree(root)
    (root / "a.b").unlink()
    with pytest.raises(ContextChangedError, match="disappeared") as raised:
        tree.open(Entry(b"a.b", stat.S_IFREG))
    assert raised.value.location is not None
    assert raised.value.location.path == root / "a.b"


def test_a_link_in_place_of_a_file_is_not_followed(root: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (root / "a.b").unlink()
    (root / "a.b").symlink_to(tmp_path / "secret")
    with pytest.raises(ContextChangedError):
        FolderTree(root).open(Entry(b"a.b", stat.S_IFREG))


def test_a_folder_that_cannot_be_read_is_named(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests may run as root, who can read all: the operating system is told to refuse."""

    def refuse(path: bytes) -> None:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(BuildError) as raised:
        FolderTree(root).entries()
    assert raised.value.message == "this part of a named context cannot be read: Permission denied"
    assert raised.value.hint


def test_a_file_that_cannot_be_read_is_named(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: bytes, _flags: int) -> int:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(BuildError, match="cannot be read: Permission denied") as raised:
        FolderTree(root).open(Entry(b"a.b", stat.S_IFREG))
    assert raised.value.location is not None
    assert raised.value.location.path == root / "a.b"


def test_a_path_that_cannot_be_searched_is_named(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: bytes) -> None:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "lstat", refuse)
    with pytest.raises(BuildError, match="cannot be read"):
        FolderTree(root).find(b"a.b")


def test_what_disappears_during_the_walk_was_never_there(root: Path) -> None:
    def skips(path: bytes) -> bool:
        """Remove the folder that is about to be read."""
        if path == b"a/deep":
            (root / "a/deep/file").unlink()
            (root / "a/deep").rmdir()
            (root / "a.b").unlink()
        return False

    paths = [entry.path for entry in FolderTree(root).entries(skips)]
    assert paths == [b"a", b"a/deep", b"link", b"pipe"]


def test_a_root_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert FolderTree(tmp_path / "missing").entries() == []
