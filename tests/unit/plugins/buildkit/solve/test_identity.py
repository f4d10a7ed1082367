"""A name that stays."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from okplug_buildkit.solve.identity import identity

if TYPE_CHECKING:
    from pathlib import Path


def test_it_is_made_once_and_nobody_else_can_read_it(tmp_path: Path) -> None:
    first = identity(tmp_path / "new" / "folder")
    assert re.fullmatch(r"[0-9a-f]{32}", first)
    assert identity(tmp_path / "new" / "folder") == first
    (file,) = (tmp_path / "new" / "folder").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600


def test_two_users_differ(tmp_path: Path) -> None:
    assert identity(tmp_path / "a") != identity(tmp_path / "b")


def test_several_at_once_agree(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: identity(tmp_path), range(32)))) == 1
    assert len(list(tmp_path.iterdir())) == 1


def test_where_nothing_can_be_kept_it_is_new_each_time(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    folder = tmp_path / "file" / "below"
    assert identity(folder) != identity(folder)
