"""Folders that are written to: no link is followed, nothing half-written stays."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from okplug_buildkit.sync.destination import Destination
from okplug_buildkit.sync.entries import Entry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TIME = 1_600_000_000_123_456_789
FILE, FOLDER, LINK = stat.S_IFREG | 0o640, stat.S_IFDIR | 0o750, stat.S_IFLNK | 0o777


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The folder, which is not there yet."""
    return tmp_path / "out/side"


@pytest.fixture
def destination(root: Path) -> Iterator[Destination]:
    with Destination(root) as destination:
        yield destination


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def write(destination: Destination, path: bytes, data: bytes, mode: int = FILE) -> None:
    temporary, descriptor = destination.create(path)
    os.write(descriptor, data)
    destination.finish_file(Entry(path, mode, len(data), TIME), temporary, descriptor)
    os.close(descriptor)


def test_the_folder_is_made_for_its_owner(destination: Destination, root: Path) -> None:
    assert stat.S_IMODE(root.stat().st_mode) == 0o700
    destination.make_folder(b"a")
    assert names(root) == ["a"]


def test_a_folder_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    with Destination(tmp_path):
        pass
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


def test_a_file_has_mode_and_time_and_its_name_at_the_end(
    destination: Destination, root: Path
) -> None:
    temporary, descriptor = destination.create(b"f")
    assert names(root) == [temporary.decode()]
    os.close(descriptor)
    destination.remove(b"f", temporary)
    destination.remove(b"f", temporary)
    assert names(root) == []
    write(destination, b"f", b"text", stat.S_IFREG | 0o4751)
    status = (root / "f").stat()
    assert (stat.S_IMODE(status.st_mode), status.st_mtime_ns) == (0o4751, TIME)
    assert (root / "f").read_text() == "text"


def test_folders_get_their_modes_last(destination: Destination, root: Path) -> None:
    destination.make_folder(b"d")
    write(destination, b"d/f", b"")
    destination.finish_folder(Entry(b"d", stat.S_IFDIR | 0o1555, 0, TIME))
    status = (root / "d").stat()
    assert (stat.S_IMODE(status.st_mode), status.st_mtime_ns) == (0o1555, TIME)


def test_links_are_made_with_their_time(destination: Destination, root: Path) -> None:
    destination.put_link(Entry(b"l", LINK, 0, TIME, b"../\xff"))
    assert bytes((root / "l").readlink()) == b"../\xff"
    assert (root / "l").lstat().st_mtime_ns == TIME


def test_another_name_of_a_file(destination: Destination, root: Path) -> None:
    destination.make_folder(b"a")
    destination.make_folder(b"b")
    write(destination, b"a/f", b"text")
    destination.put_name(Entry(b"b/g", FILE, 4, TIME, b"a/f"))
    assert (root / "a/f").samefile(root / "b/g")
    assert (root / "a/f").stat().st_mtime_ns == TIME


def test_another_name_that_is_there_already(destination: Destination, root: Path) -> None:
    """To rename one name of a file to another one does nothing, not even to the first."""
    write(destination, b"f", b"text")
    destination.put_name(Entry(b"g", FILE, 4, TIME, b"f"))
    destination.put_name(Entry(b"g", FILE, 4, TIME, b"f"))
    assert names(root) == ["f", "g"]


def test_a_pipe_is_made(destination: Destination, root: Path) -> None:
    destination.put_special(Entry(b"p", stat.S_IFIFO | 0o622, 0, TIME))
    status = (root / "p").stat()
    assert (status.st_mode, status.st_mtime_ns) == (stat.S_IFIFO | 0o622, TIME)


@pytest.mark.parametrize("kind", ["file", "link", "folder", "full folder"])
def test_what_has_the_name_makes_room(destination: Destination, root: Path, kind: str) -> None:
    if kind == "file":
        (root / "x").write_text("old")
    elif kind == "link":
        (root / "x").symlink_to("/nowhere")
    else:
        (root / "x").mkdir()
        if kind == "full folder":
            (root / "x/y").mkdir()
            (root / "x/y/z").write_text("old")
    write(destination, b"x", b"new")
    assert (root / "x").read_text() == "new"
    assert not (root / "x").is_symlink()


def test_a_folder_takes_the_place_of_a_file_or_link(
    destination: Destination, root: Path, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (root / "l").symlink_to(tmp_path / "elsewhere")
    (root / "f").write_text("old")
    for name in (b"l", b"f"):
        destination.make_folder(name)
        write(destination, name + b"/x", b"new")
    assert not (root / "l").is_symlink()
    assert names(tmp_path / "elsewhere") == []


def test_a_folder_that_is_there_keeps_what_is_in_it(destination: Destination, root: Path) -> None:
    (root / "d").mkdir()
    (root / "d/old").touch()
    destination.make_folder(b"d")
    write(destination, b"d/new", b"")
    assert names(root / "d") == ["new", "old"]


def test_a_link_on_the_way_is_not_followed(
    destination: Destination, root: Path, tmp_path: Path
) -> None:
    """Not even one that somebody puts there meanwhile."""
    (tmp_path / "elsewhere").mkdir()
    (root / "l").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match=r"Not a directory|Too many levels"):
        destination.create(b"l/f")
    with pytest.raises(OSError, match=r"Not a directory|Too many levels"):
        destination.make_folder(b"l/d")
    assert names(tmp_path / "elsewhere") == []


def test_the_target_of_a_link_stays_as_it_is(
    destination: Destination, root: Path, tmp_path: Path
) -> None:
    (tmp_path / "precious").write_text("precious")
    (root / "f").symlink_to(tmp_path / "precious")
    write(destination, b"f", b"new")
    assert (tmp_path / "precious").read_text() == "precious"
    assert (tmp_path / "precious").stat().st_mtime_ns != TIME


def test_the_others_are_removed(destination: Destination, root: Path, tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious/file").touch()
    for name in ("keep", "old"):
        (root / name).mkdir()
        (root / name / "inside").touch()
    (root / "file").touch()
    (root / "link").symlink_to(tmp_path / "precious")
    destination.remove_others(b"", {b"keep"})
    assert names(root) == ["keep"]
    destination.remove_others(b"keep", ())
    assert names(root / "keep") == []
    assert names(tmp_path / "precious") == ["file"]


def test_descriptors_are_opened_once_and_closed(destination: Destination, root: Path) -> None:
    for path in (b"a", b"a/b", b"a/b/c", b"d"):
        destination.make_folder(path)
    deep = destination.folder(b"a/b/c")
    assert destination.folder(b"a/b/c") == deep
    assert os.path.samestat(os.fstat(deep), (root / "a/b/c").stat())
    for path in (b"d", b"", b"a/b", b"a", b"a/b/c"):
        place = root / os.fsdecode(path)
        assert os.path.samestat(os.fstat(destination.folder(path)), place.stat())
    destination.folder(b"")
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(deep)


def test_nothing_stays_open(root: Path) -> None:
    with Destination(root) as destination:
        destination.make_folder(b"a")
        descriptors = [destination.folder(b""), destination.folder(b"a")]
    for descriptor in descriptors:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(descriptor)
