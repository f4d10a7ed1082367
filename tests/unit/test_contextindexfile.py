"""The file of the context index: what is written is read, and nothing else is believed."""

from __future__ import annotations

import errno
import fcntl
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug.contextgroups import group_folders
from okplug.contextindexfile import _START, read_index, write_index
from okplug.contextrows import Details, StoredFolder, pack_details
from okplug.contextstore import Stored, StoredSelection, Walk
from okplug.folderstats import pack_stat

if TYPE_CHECKING:
    from pathlib import Path

ROOT = b"/work\xff/space"
WALK = Walk(b"key", (b"a/okteto.yml\0b/okteto.yml", b""))


def folder(files: bytes = b"a\0b", inode: int = 1) -> StoredFolder:
    stats = [(0o100644, 3, 10, 10, number) for number in range(files.count(b"\0") + 1)]
    details = pack_details(Details(99, stats, [b"c" * 48] * len(stats)))
    own = pack_stat((0o40755, 4096, 5, 5, inode))
    return StoredFolder(own, files, b"sub", names_settled=True, details=details, is_walked=True)


def selection(root: bytes, folders: bytes, *groups: int) -> StoredSelection:
    return StoredSelection(b"d" * 16, b"p" * 32, b"", 20_000, root, folders, groups)


FOLDERS = {ROOT: folder(), ROOT + b"/x\n\xfe": folder(b"c"), b"/elsewhere": folder()}
SELECTIONS = {
    b"k" * 16: selection(b"/elsewhere", b"."),
    b"l" * 16: selection(ROOT, b".\0x\n\xfe", 0),
}
SAMPLE = Stored(group_folders(FOLDERS, ROOT), SELECTIONS, WALK, 20_000)


def known(stored: Stored) -> dict[bytes, StoredFolder]:
    """Return all folders that an index knows."""
    return {
        path: row
        for number in range(len(stored.groups))
        for path, row in stored.rows(number).items()
    }


def with_another(stored: Stored, path: bytes) -> Stored:
    """Return an index that knows one more folder."""
    groups = [*stored.groups, *group_folders({path: folder()}, ROOT)]
    return Stored(groups, stored.selections, stored.walk, stored.day)


def refuse(*_: object) -> None:
    raise OSError(errno.ENOSPC, "full")


def is_empty(stored: Stored) -> bool:
    return (stored.groups, stored.selections, stored.walk, stored.day) == ((), {}, None, 0)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """Folders inside and outside the workspace, names of any bytes."""
    assert write_index(tmp_path / "index", ROOT, SAMPLE)
    read = read_index(tmp_path / "index", ROOT)
    assert known(read) == FOLDERS
    assert read.folder(b"/elsewhere") == FOLDERS[b"/elsewhere"]
    assert read.folder(b"/nowhere") is None
    assert (read.selections, read.walk, read.day) == (SELECTIONS, WALK, 20_000)
    assert [path.name for path in tmp_path.iterdir()] == ["index"]


def test_what_is_read_can_be_written_again(tmp_path: Path) -> None:
    """Nothing of it is unpacked for that."""
    write_index(tmp_path / "index", ROOT, SAMPLE)
    write_index(tmp_path / "index", ROOT, read_index(tmp_path / "index", ROOT))
    assert known(read_index(tmp_path / "index", ROOT)) == FOLDERS


def test_a_workspace_may_move(tmp_path: Path) -> None:
    """Paths inside it are relative to its root."""
    write_index(tmp_path / "index", ROOT, SAMPLE)
    moved = read_index(tmp_path / "index", b"/new")
    assert known(moved).keys() == {b"/new", b"/new/x\n\xfe", b"/elsewhere"}
    assert moved.selections[b"l" * 16].paths() == [b"/new", b"/new/x\n\xfe"]
    assert moved.selections[b"k" * 16].paths() == [b"/elsewhere"]


def test_a_selection_names_the_folders_below_its_context() -> None:
    assert selection(b"/", b".\0etc").paths() == [b"/", b"/etc"]
    assert selection(b"/a", b"").paths() == []


def test_without_a_file_the_index_is_empty(tmp_path: Path) -> None:
    """Nor does a folder in its place do harm."""
    assert is_empty(read_index(tmp_path / "index", ROOT))
    assert is_empty(read_index(tmp_path, ROOT))


@given(st.data())
def test_of_a_damaged_file_nothing_wrong_is_believed(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Whatever byte is another, and wherever the file breaks off: some of it may still be right."""
    path = tmp_path_factory.mktemp("index") / "index"
    write_index(path, ROOT, SAMPLE)
    content = bytearray(path.read_bytes())
    position = data.draw(st.integers(0, len(content) - 1))
    path.write_bytes(content[:position])
    assert known(read_index(path, ROOT)).items() <= FOLDERS.items()
    content[position] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    damaged = read_index(path, ROOT)
    assert known(damaged).items() < FOLDERS.items()
    assert damaged.selections in ({}, SELECTIONS)
    if damaged.groups:
        assert not write_index(path, ROOT, damaged)  # the next run begins anew
        assert not path.exists()


@pytest.mark.parametrize(
    "content", [b"", b"SQLite format 3\0", b"okplug context index 1\n" + b"x" * 99]
)
def test_a_foreign_file_counts_as_empty(tmp_path: Path, content: bytes) -> None:
    """Another program's, or another version's."""
    (tmp_path / "index").write_bytes(content)
    assert is_empty(read_index(tmp_path / "index", ROOT))


def test_a_place_that_cannot_be_written_to_is_left_alone(tmp_path: Path) -> None:
    """The index only saves work, so this is no error."""
    (tmp_path / "file").write_text("x")
    assert not write_index(tmp_path / "file" / "index", ROOT, SAMPLE)
    (tmp_path / "index").mkdir()
    (tmp_path / "index" / "x").write_text("x")
    assert not write_index(tmp_path / "index", ROOT, SAMPLE)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "index"]


def test_a_small_change_is_added(tmp_path: Path) -> None:
    """What was there stays where it was; what is of no use any more does not grow without end."""
    path = tmp_path / "index"
    write_index(path, ROOT, SAMPLE)
    was, inode = path.read_bytes(), path.stat().st_ino
    expected, inodes, sizes = dict(FOLDERS), [], []
    for number in range(8):
        read = read_index(path, ROOT)
        expected[b"/new%d" % number] = folder()
        assert write_index(path, ROOT, with_another(read, b"/new%d" % number), read.source)
        assert known(read_index(path, ROOT)) == expected
        inodes.append(path.stat().st_ino)
        sizes.append(path.stat().st_size)
        if number == 0:
            assert path.read_bytes()[_START : len(was)] == was[_START:]
    assert inodes[0] == inode != inodes[-1]
    assert any(sizes[number + 1] < sizes[number] for number in range(7))
    assert [path.name for path in tmp_path.iterdir()] == ["index"]


def test_nothing_is_added_to_a_file_of_another_run(tmp_path: Path) -> None:
    """It is replaced: the last one to finish wins."""
    path = tmp_path / "index"
    write_index(path, ROOT, SAMPLE)
    read = read_index(path, ROOT)
    write_index(path, ROOT, Stored(day=20_000))
    inode = path.stat().st_ino
    assert write_index(path, ROOT, with_another(read, b"/new"), read.source)
    assert known(read_index(path, ROOT)) == {**FOLDERS, b"/new": folder()}
    assert path.stat().st_ino != inode


def test_the_old_head_counts_until_the_new_one_is_there(tmp_path: Path) -> None:
    """Wherever the disk is full, or the process ends."""
    path = tmp_path / "index"
    write_index(path, ROOT, SAMPLE)
    was = path.read_bytes()
    read = read_index(path, ROOT)
    write_index(path, ROOT, with_another(read, b"/new"), read.source)
    added = path.read_bytes()[len(was) :]
    for length in range(len(added)):
        path.write_bytes(was + added[:length])
        assert known(read_index(path, ROOT)) == FOLDERS


def test_what_cannot_be_added_whole_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that has room for half of it takes half, and a new file has no room at all."""
    path = tmp_path / "index"
    write_index(path, ROOT, SAMPLE)
    read = read_index(path, ROOT)
    pwrite = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda file, data, at: pwrite(file, data[:-1], at))
    with monkeypatch.context() as folder_is_full:
        folder_is_full.setattr(type(path), "replace", refuse)
        assert not write_index(path, ROOT, with_another(read, b"/new"), read.source)
    monkeypatch.undo()
    assert known(read_index(path, ROOT)) == FOLDERS
    assert write_index(path, ROOT, with_another(read, b"/new"), read.source)
    assert known(read_index(path, ROOT)) == {**FOLDERS, b"/new": folder()}


def test_who_cannot_add_replaces(tmp_path: Path) -> None:
    """Another run is adding, or the filesystem has no locks."""
    path = tmp_path / "index"
    write_index(path, ROOT, SAMPLE)
    read = read_index(path, ROOT)
    with path.open("rb") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        assert write_index(path, ROOT, with_another(read, b"/new"), read.source)
        assert path.stat().st_ino != os.fstat(stream.fileno()).st_ino
    assert known(read_index(path, ROOT)) == {**FOLDERS, b"/new": folder()}


def test_readers_see_whole_files_while_others_write(tmp_path: Path) -> None:
    """A file is replaced or added to, never rewritten."""
    path = tmp_path / "index"
    write_index(path, ROOT, SAMPLE)

    def read(_: int) -> bool:
        return known(read_index(path, ROOT)).items() >= FOLDERS.items()

    def write(number: int) -> bool:
        if number % 4:
            read = read_index(path, ROOT)
            return write_index(path, ROOT, with_another(read, b"/%d" % number), read.source)
        return write_index(path, ROOT, SAMPLE)

    with ThreadPoolExecutor(4) as pool:
        reading = pool.map(read, range(400))
        assert all(map(write, range(200)))
        assert all(reading)
