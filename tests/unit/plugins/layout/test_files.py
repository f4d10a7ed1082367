"""Files that are there as a whole or not at all."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

from okplug.errors import RegistryError
from okplug_layout import files

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Fault = Callable[[int], Callable[..., None]]


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    return tmp_path / "incoming"


def test_a_file_is_written_as_a_whole(tmp_path: Path, temporary: Path) -> None:
    files.write_whole(tmp_path / "f", b"one", temporary)
    files.write_whole(tmp_path / "f", b"two", temporary)
    assert (tmp_path / "f").read_bytes() == b"two"
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("function", ["write", "fsync"])
def test_a_write_that_fails_leaves_the_old_file(
    tmp_path: Path,
    temporary: Path,
    monkeypatch: pytest.MonkeyPatch,
    os_error: Fault,
    function: str,
) -> None:
    files.write_whole(tmp_path / "f", b"one", temporary)
    monkeypatch.setattr(os, function, os_error(errno.ENOSPC))
    with pytest.raises(OSError, match="No space left"):
        files.write_whole(tmp_path / "f", b"two", temporary)
    assert (tmp_path / "f").read_bytes() == b"one"
    assert list(temporary.iterdir()) == []


def test_what_fails_first_is_told(
    temporary: Path, monkeypatch: pytest.MonkeyPatch, os_error: Fault
) -> None:
    """A disk that became read-only refuses to remove a file even where there is none."""
    monkeypatch.setattr(os, "unlink", os_error(errno.EROFS))
    with pytest.raises(ValueError, match=r"^first$"), files.incoming(temporary):
        raise ValueError("first")


def test_a_temporary_file_that_cannot_be_removed(
    temporary: Path, monkeypatch: pytest.MonkeyPatch, os_error: Fault
) -> None:
    monkeypatch.setattr(os, "unlink", os_error(errno.EROFS))
    with (
        pytest.raises(RegistryError, match=r"^cannot remove .*: Read-only file system"),
        files.incoming(temporary) as path,
    ):
        path.touch()


def test_short_writes_are_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, data: write(file, bytes(data)[:3]))
    with (tmp_path / "f").open("wb") as file:
        files.write_all(file.fileno(), b"0123456789")
    assert (tmp_path / "f").read_bytes() == b"0123456789"


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(RegistryError, match=r"^cannot write .*/file/incoming: Not a directory"),
        files.incoming(tmp_path / "file" / "incoming"),
    ):
        pytest.fail("not reached")


def test_what_killed_processes_left_goes_after_a_day(temporary: Path) -> None:
    files.sweep(temporary)
    temporary.mkdir()
    for name, age in (("old", 90_000), ("young", 80_000)):
        (temporary / name).touch()
        then = (temporary / name).stat().st_mtime - age
        os.utime(temporary / name, (then, then))
    files.sweep(temporary)
    assert [path.name for path in temporary.iterdir()] == ["young"]


@pytest.mark.parametrize(
    ("one", "two", "same"),
    [
        (b"", b"", True),
        (b"a", b"a", True),
        (b"a", b"b", False),
        (b"a", b"ab", False),
        (b"x" * files.PIECE + b"a", b"x" * files.PIECE + b"a", True),
        (b"x" * files.PIECE + b"a", b"x" * files.PIECE + b"b", False),
    ],
    ids=str,
)
def test_comparison(tmp_path: Path, one: bytes, two: bytes, *, same: bool) -> None:
    (tmp_path / "one").write_bytes(one)
    (tmp_path / "two").write_bytes(two)
    assert files.has_same_bytes(tmp_path / "one", tmp_path / "two") is same
    assert not files.has_same_bytes(tmp_path / "absent", tmp_path / "two")


def test_a_link_takes_the_place_of_a_file(tmp_path: Path, temporary: Path) -> None:
    (tmp_path / "source").write_bytes(b"new")
    (tmp_path / "target").write_bytes(b"old")
    assert files.link_over(tmp_path / "source", tmp_path / "target", temporary)
    assert (tmp_path / "target").samefile(tmp_path / "source")
    assert files.link_over(tmp_path / "source", tmp_path / "target", temporary)
    assert list(temporary.iterdir()) == []
    assert (tmp_path / "source").stat().st_nlink == 2


@pytest.mark.parametrize("number", [errno.EPERM, errno.EXDEV, errno.EMLINK, errno.ENOTSUP])
def test_where_nothing_can_be_linked(
    tmp_path: Path,
    temporary: Path,
    monkeypatch: pytest.MonkeyPatch,
    os_error: Fault,
    number: int,
) -> None:
    (tmp_path / "source").touch()
    monkeypatch.setattr(os, "link", os_error(number))
    assert not files.link_over(tmp_path / "source", tmp_path / "target", temporary)


def test_what_cannot_be_linked_because_it_is_not_there(tmp_path: Path, temporary: Path) -> None:
    with pytest.raises(FileNotFoundError):
        files.link_over(tmp_path / "source", tmp_path / "target", temporary)


def test_renewal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, os_error: Fault) -> None:
    path = tmp_path / "f"
    assert not files.renew(path)
    path.touch()
    os.utime(path, (0, 0))
    assert files.renew(path)
    assert path.stat().st_mtime > 0
    for number in (errno.EROFS, errno.EPERM, errno.EACCES):
        monkeypatch.setattr(os, "utime", os_error(number))
        assert files.renew(path)
    path.unlink()
    assert not files.renew(path)


def test_renewal_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        files.renew(tmp_path / "file" / "f")
