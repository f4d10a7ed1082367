"""Where sockets go that would have too long a path."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from okplug_buildkit.pool import runfolder, supervisor
from okplug_buildkit.pool.runfolder import find_run_folder, make_run_folder

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def deep(tmp_path: Path) -> Path:
    """A folder whose path has no room for a socket's name."""
    folder = tmp_path / ("d" * 101)
    folder.mkdir()
    return folder


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """What stands for /tmp."""
    with tempfile.TemporaryDirectory(prefix="okp-", dir="/tmp") as folder:
        monkeypatch.setattr(runfolder, "_TEMPORARY", folder)
        yield Path(folder)


def test_a_short_path_is_its_own(temporary: Path) -> None:
    assert find_run_folder(temporary) == make_run_folder(temporary, {}) == temporary
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(("length", "is_own"), [(107, True), (108, False)])
def test_the_socket_counts(temporary: Path, length: int, is_own: bool) -> None:  # noqa: FBT001  # a row of a table
    folder = temporary / ("d" * (length - len(f"{temporary}//{supervisor.SOCKET}")))
    folder.mkdir()
    assert len(str(folder / supervisor.SOCKET)) == length
    assert (make_run_folder(folder, {}) == folder) == is_own


def test_a_long_one_has_another_that_is_found_again(deep: Path, temporary: Path) -> None:
    assert find_run_folder(deep) is None
    made = make_run_folder(deep, {})
    assert made.parent == temporary
    assert made.stat().st_mode & 0o777 == 0o700
    assert find_run_folder(deep) == made


def test_where_the_user_has_a_place_for_sockets(deep: Path, temporary: Path) -> None:
    place = temporary / "run"
    place.mkdir()
    made = make_run_folder(deep, {"XDG_RUNTIME_DIR": str(place)})
    assert made.parent == place
    assert find_run_folder(deep) == made


@pytest.mark.parametrize("name", ["relative", "absent", "long"])
def test_a_place_that_is_none(deep: Path, temporary: Path, name: str) -> None:
    places = {"relative": "run", "absent": f"{temporary}/absent", "long": str(deep)}
    made = make_run_folder(deep, {"XDG_RUNTIME_DIR": places[name]})
    assert made.parent == temporary
    assert [path.name for path in deep.iterdir()] == [supervisor.RUN]


def test_what_a_killed_daemon_left_is_replaced(deep: Path, temporary: Path) -> None:
    old = make_run_folder(deep, {})
    (old / supervisor.SOCKET).touch()
    new = make_run_folder(deep, {})
    assert list(temporary.iterdir()) == [new]
    assert list(new.iterdir()) == []


def test_what_is_not_there_any_more(deep: Path, temporary: Path) -> None:
    make_run_folder(deep, {}).rmdir()
    assert find_run_folder(deep) is None
    assert make_run_folder(deep, {}).parent == temporary


def test_what_somebody_else_has_put_there(
    deep: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make_run_folder(deep, {})
    user = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: user + 1)
    assert find_run_folder(deep) is None
    assert make_run_folder(deep, {}) != made
    assert made.is_dir()
    assert made.parent == temporary


def test_a_link_to_a_link_is_not_followed(deep: Path, temporary: Path) -> None:
    (temporary / "link").symlink_to(temporary)
    (deep / supervisor.RUN).symlink_to(temporary / "link")
    assert find_run_folder(deep) is None
