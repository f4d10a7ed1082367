from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from okplug.statedir import make_state_dir

if TYPE_CHECKING:
    import pytest


def test_the_folder_has_what_a_good_guest_leaves(tmp_path: Path) -> None:
    path = make_state_dir(tmp_path)
    assert path == tmp_path / ".okplug"
    assert sorted(entry.name for entry in path.iterdir()) == [
        ".gitignore",
        "CACHEDIR.TAG",
        "README.md",
    ]
    assert (path / ".gitignore").read_text() == "# made by okplug\n*\n"
    tag = (path / "CACHEDIR.TAG").read_bytes()
    assert tag.startswith(b"Signature: 8a477f597d28d172789f06886806bc55\n")


def test_nothing_else_is_left_beside_it(tmp_path: Path) -> None:
    make_state_dir(tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == [".okplug"]


def test_what_is_in_it_stays(tmp_path: Path) -> None:
    path = make_state_dir(tmp_path)
    assert path
    (path / "README.md").write_text("mine")
    assert make_state_dir(tmp_path) == path
    assert (path / "README.md").read_text() == "mine"


def test_its_mode_follows_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        path = make_state_dir(tmp_path)
    finally:
        os.umask(before)
    assert path
    assert path.stat().st_mode & 0o777 == 0o750


def test_many_that_come_at_once_agree(tmp_path: Path) -> None:
    found: list[Path | None] = []
    barrier = threading.Barrier(8)

    def make() -> None:
        barrier.wait()
        found.append(make_state_dir(tmp_path))

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [tmp_path / ".okplug"] * 8
    assert [entry.name for entry in tmp_path.iterdir()] == [".okplug"]


def test_a_root_that_cannot_be_written_has_none(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert make_state_dir(tmp_path / "file") is None


def test_a_folder_half_filled_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", fail)
    assert make_state_dir(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_to_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_state_dir(tmp_path)
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert make_state_dir(tmp_path) is None
