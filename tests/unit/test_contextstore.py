"""The file of the context index: what is written is read, and nothing else is believed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug.contextstore import (
    Stored,
    StoredFolder,
    StoredSelection,
    pack_day,
    read_index,
    write_index,
)

if TYPE_CHECKING:
    from pathlib import Path

ROOT = b"/work\xff/space"
EMPTY = Stored({}, {})


def folder(files: bytes = b"a\0b", day: int = 20_000) -> StoredFolder:
    return StoredFolder(files, b"sub", b"details", b"s" * 16, b"1", pack_day(day))


def selection(*folders: bytes) -> StoredSelection:
    return StoredSelection(b"d" * 16, b"p" * 32, b"s" * 16, b"", pack_day(20_000), folders)


SAMPLE = Stored(
    {ROOT: folder(), ROOT + b"/x\n\xfe": folder(b""), b"/elsewhere": folder()},
    {b"k" * 16: selection(b"/elsewhere", ROOT), b"l" * 16: selection()},
)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """Folders inside and outside the workspace, names of any bytes."""
    assert write_index(tmp_path / "index", ROOT, SAMPLE)
    assert read_index(tmp_path / "index", ROOT) == SAMPLE
    assert [path.name for path in tmp_path.iterdir()] == ["index"]


def test_a_workspace_may_move(tmp_path: Path) -> None:
    """Paths inside it are relative to its root."""
    write_index(tmp_path / "index", ROOT, SAMPLE)
    assert list(read_index(tmp_path / "index", b"/new").folders) == [
        b"/new",
        b"/new/x\n\xfe",
        b"/elsewhere",
    ]


def test_selections_of_unknown_folders_are_dropped(tmp_path: Path) -> None:
    """They could not be checked."""
    stored = Stored(SAMPLE.folders, {b"k" * 16: selection(b"/gone")})
    write_index(tmp_path / "index", ROOT, stored)
    assert read_index(tmp_path / "index", ROOT).selections == {}


def test_without_a_file_the_index_is_empty(tmp_path: Path) -> None:
    """Nor does a folder in its place do harm."""
    assert read_index(tmp_path / "index", ROOT) == EMPTY
    assert read_index(tmp_path, ROOT) == EMPTY


@given(st.data())
def test_a_damaged_file_counts_as_empty(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Whatever byte is another, and wherever the file breaks off."""
    path = tmp_path_factory.mktemp("index") / "index"
    write_index(path, ROOT, SAMPLE)
    content = bytearray(path.read_bytes())
    position = data.draw(st.integers(0, len(content) - 1))
    path.write_bytes(content[:position])
    assert read_index(path, ROOT) == EMPTY
    content[position] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    assert read_index(path, ROOT) == EMPTY


@pytest.mark.parametrize(
    "content", [b"", b"SQLite format 3\0", b"okplug context index 0\n" + b"x" * 99]
)
def test_a_foreign_file_counts_as_empty(tmp_path: Path, content: bytes) -> None:
    """Another program's, or another version's."""
    (tmp_path / "index").write_bytes(content)
    assert read_index(tmp_path / "index", ROOT) == EMPTY


def test_a_place_that_cannot_be_written_to_is_left_alone(tmp_path: Path) -> None:
    """The index only saves work, so this is no error."""
    (tmp_path / "file").write_text("x")
    assert not write_index(tmp_path / "file" / "index", ROOT, SAMPLE)
    (tmp_path / "index").mkdir()
    (tmp_path / "index" / "x").write_text("x")
    assert not write_index(tmp_path / "index", ROOT, SAMPLE)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "index"]


def test_readers_see_whole_files_while_others_write(tmp_path: Path) -> None:
    """A file is replaced, never rewritten."""
    path = tmp_path / "index"
    write_index(path, ROOT, SAMPLE)

    def read(_: int) -> bool:
        return read_index(path, ROOT) == SAMPLE

    with ThreadPoolExecutor(4) as pool:
        reading = pool.map(read, range(200))
        for _ in range(100):
            assert write_index(path, ROOT, SAMPLE)
        assert all(reading)


@pytest.mark.parametrize(("earlier", "later"), [(0, 1), (255, 256), (20_000, 70_000)])
def test_later_days_are_greater(earlier: int, later: int) -> None:
    """Days are compared as they are packed."""
    assert pack_day(earlier) < pack_day(later)
