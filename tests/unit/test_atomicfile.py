from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from okplug.atomicfile import locked, replace_file

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("durable", [True, False])
def test_a_file_and_its_folders_are_made_for_the_user_alone(
    tmp_path: Path, *, durable: bool
) -> None:
    path = tmp_path / "okplug/admin/x.json"
    replace_file(path, b"text", durable=durable)
    assert path.read_bytes() == b"text"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert list(path.parent.iterdir()) == [path]


def test_what_others_could_read_they_cannot_any_more(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("old")
    path.chmod(0o644)
    replace_file(path, b"new")
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_reader_keeps_the_whole_old_file(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("old")
    with path.open() as reader:
        replace_file(path, b"new")
        assert reader.read() == "old"
    assert path.read_text() == "new"


def test_a_link_stays_one(tmp_path: Path) -> None:
    target, link = tmp_path / "dotfiles/x", tmp_path / "x"
    target.parent.mkdir()
    target.write_text("old")
    link.symlink_to(target)
    replace_file(link, b"new")
    assert link.is_symlink()
    assert target.read_text() == "new"


def test_what_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.mkdir()
    with pytest.raises(OSError, match="directory"):
        replace_file(path, b"new")
    assert list(tmp_path.iterdir()) == [path]


def test_changes_wait_for_each_other(tmp_path: Path) -> None:
    path = tmp_path / "folder/x"
    replace_file(path, b"")

    def add() -> None:
        with locked(path):
            replace_file(path, path.read_bytes() + b"x", durable=False)

    threads = [threading.Thread(target=add) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_bytes() == b"x" * 20


def test_a_lock_makes_the_folder(tmp_path: Path) -> None:
    with locked(tmp_path / "folder/x"):
        assert (tmp_path / "folder").is_dir()
