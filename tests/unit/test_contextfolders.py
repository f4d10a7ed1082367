"""Folders and the content of their files: read once, and again only if something changed."""

from __future__ import annotations

import hashlib
import os
import time
from typing import TYPE_CHECKING

import pytest
import xxhash

from okplug import contextfolders, folderstats
from okplug.contextcontent import read_content
from okplug.contextfolders import FolderCache
from okplug.contextgroups import group_folders
from okplug.contextstore import Stored
from okplug.errors import ContextChangedError, ManifestError
from okplug.folderstats import GRANULARITY

if TYPE_CHECKING:
    from pathlib import Path


def later() -> int:
    """Return a time at which all files of a test are old enough to be trusted."""
    return time.time_ns() + 2 * GRANULARITY


@pytest.fixture
def root(tmp_path: Path) -> bytes:
    """Return a folder with two files, a link and a folder."""
    (tmp_path / "a").write_text("alpha")
    (tmp_path / "b").write_text("beta")
    (tmp_path / "link").symlink_to("a")
    (tmp_path / "sub").mkdir()
    return os.fsencode(tmp_path)


def remembered(cache: FolderCache) -> Stored:
    return Stored(group_folders(cache.to_store(), b"/"))


def contents(cache: FolderCache, path: bytes) -> dict[bytes, bytes]:
    folder = cache.folder(path)
    return {name: folder.content(number) for number, name in enumerate(folder.files)}


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Return the list of the names of all that is read, as it is read."""
    seen: list[bytes] = []

    def read(path: bytes, mode: int, size: int) -> bytes:
        seen.append(path.rpartition(b"/")[2])
        return read_content(path, mode, size)

    monkeypatch.setattr(contextfolders, "read_content", read)
    return seen


def test_a_folder_lists_files_and_folders(root: bytes) -> None:
    """Links are files here; contents are digests, or targets."""
    folder = FolderCache(Stored(), b"").folder(root)
    assert (folder.files, folder.folders) == ([b"a", b"b", b"link"], [b"sub"])
    assert folder.content(0) == xxhash.xxh3_128_digest(b"alpha") + hashlib.sha256(b"alpha").digest()
    assert folder.content(2) == b"a"


@pytest.mark.parametrize("size", [0, 1, 65535, 65536, 65537, (1 << 20) + 7])
def test_contents_of_any_size(tmp_path: Path, size: int) -> None:
    """Small files are read at once, large ones piece by piece."""
    data = (b"0123456789abcdef" * (size // 16 + 1))[:size]
    (tmp_path / "x").write_bytes(data)
    content = FolderCache(Stored(), b"").folder(os.fsencode(tmp_path)).content(0)
    assert content == xxhash.xxh3_128_digest(data) + hashlib.sha256(data).digest()


def test_one_run_reads_a_file_once(root: bytes, reads: list[bytes]) -> None:
    """However often it is asked for."""
    cache = FolderCache(Stored(), b"")
    assert contents(cache, root) == contents(cache, root)
    assert reads == [b"a", b"b", b"link"]


def test_a_later_run_reads_nothing_that_is_unchanged(root: bytes, reads: list[bytes]) -> None:
    """Neither files nor links; folders are not even listed."""
    first = FolderCache(Stored(), b"", later)
    before = contents(first, root)
    reads.clear()
    second = FolderCache(remembered(first), b"", later)
    assert second.are_unchanged([root])
    assert contents(second, root) == before
    assert second.folder(root).folders == [b"sub"]
    assert (reads, bool(second.to_store())) == ([], False)


def test_only_what_changed_is_read_again(root: bytes, tmp_path: Path, reads: list[bytes]) -> None:
    """The others of the folder keep their contents."""
    first = FolderCache(Stored(), b"", later)
    contents(first, root)
    (tmp_path / "b").write_text("gamma")
    (tmp_path / "new").write_text("new")
    reads.clear()
    second = FolderCache(remembered(first), b"", later)
    assert not second.are_unchanged([root])
    contents(second, root)
    assert (reads, bool(second.to_store())) == ([b"b", b"new"], True)


def test_what_nobody_wanted_is_read_when_somebody_does(root: bytes, reads: list[bytes]) -> None:
    """A later run may ask for more, and keeps that too."""
    first = FolderCache(Stored(), b"", later)
    first.folder(root).content(0)
    second = FolderCache(remembered(first), b"", later)
    contents(second, root)
    assert (reads, bool(second.to_store())) == ([b"a", b"b", b"link"], True)
    third = FolderCache(remembered(second), b"", later)
    assert third.are_unchanged([root])
    contents(third, root)
    assert reads == [b"a", b"b", b"link"]


@pytest.mark.parametrize(
    "change",
    [
        lambda root: (root / "a").write_text("other"),
        lambda root: (root / "a").chmod(0o755),
        lambda root: (root / "a").rename(root / "c"),
        lambda root: (root / "c").write_text(""),
        lambda root: (root / "b").unlink(),
        lambda root: (root / "sub").rmdir(),
        lambda root: (root / "sub2").mkdir(),
        lambda root: ((root / "link").unlink(), (root / "link").symlink_to("b")),
        lambda root: os.utime(root / "a", ns=(1, 1)),
    ],
)
def test_changes_are_seen(root: bytes, tmp_path: Path, change: object) -> None:
    """Of content, mode, name and kind, also where size and mtime stay."""
    first = FolderCache(Stored(), b"", later)
    contents(first, root)
    stat = (tmp_path / "a").stat()
    assert callable(change)
    change(tmp_path)
    if (tmp_path / "a").exists() and stat.st_size == (tmp_path / "a").stat().st_size:
        os.utime(tmp_path / "a", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert not FolderCache(remembered(first), b"", later).are_unchanged([root])


def with_fixed_times(status: os.stat_result) -> tuple[int, ...]:
    """Take the stat of a filesystem whose clock never ticks during a test."""
    return (status.st_mode, status.st_size, FROZEN, FROZEN, status.st_ino)


FROZEN = 1_700_000_000_000_000_000


@pytest.mark.parametrize(
    ("listed", "is_seen"),
    [
        (FROZEN, True),
        (FROZEN + GRANULARITY, True),
        (FROZEN - 10**12, True),
        (FROZEN + GRANULARITY + 1, False),
    ],
)
def test_what_was_fresh_is_read_again(
    root: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, listed: int, is_seen: bool
) -> None:
    """Two writes within one tick leave the same stat; a clock that is behind does not fool us.

    The last case shows what is at stake: such a change would never be seen.
    """
    monkeypatch.setattr(contextfolders, "get_stat", with_fixed_times)
    first = FolderCache(Stored(), b"", lambda: listed)
    before = contents(first, root)
    (tmp_path / "b").write_text("BETA")
    second = FolderCache(remembered(first), b"", lambda: FROZEN + 10**12)
    assert (contents(second, root)[b"b"] != before[b"b"]) is is_seen


@pytest.mark.parametrize("fresh", [2, 3])
def test_both_mtime_and_ctime_have_to_be_old(
    root: bytes, monkeypatch: pytest.MonkeyPatch, fresh: int
) -> None:
    """Programs set an mtime as they like, and some filesystems keep no true ctime."""

    def stat(status: os.stat_result) -> tuple[int, ...]:
        times = [0, 0, 0, 0]
        times[fresh] = FROZEN
        return (status.st_mode, status.st_size, *times[2:], status.st_ino)

    monkeypatch.setattr(contextfolders, "get_stat", stat)
    assert not FolderCache(Stored(), b"", lambda: FROZEN).folder(root).is_settled
    assert FolderCache(Stored(), b"", lambda: FROZEN + 10**12).folder(root).is_settled


def test_what_was_fresh_is_never_unchanged(root: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither by itself nor in its group; a later run makes up its mind anew."""
    monkeypatch.setattr(contextfolders, "get_stat", with_fixed_times)
    monkeypatch.setattr(folderstats, "get_stat", with_fixed_times)
    fresh = FolderCache(Stored(), b"", lambda: FROZEN)
    fresh.folder(root)
    later_on = FolderCache(remembered(fresh), b"", lambda: FROZEN + 10**12)
    assert not later_on.are_unchanged([root])
    assert not later_on.check.are_same([0])
    later_on.folder(root)
    assert later_on.scanned() == {root}
    settled = FolderCache(remembered(later_on), b"", lambda: FROZEN + 10**12)
    assert settled.are_unchanged([root])
    assert settled.check.are_same([0])


def test_times_before_1970_and_far_ahead_are_kept(root: bytes, tmp_path: Path) -> None:
    """A file from the future is read each time, one from the past is trusted."""
    os.utime(tmp_path / "a", ns=(0, -(10**18)))
    first = FolderCache(Stored(), b"", later)
    contents(first, root)
    assert FolderCache(remembered(first), b"", later).are_unchanged([root])
    os.utime(tmp_path / "b", ns=(0, 2**62))
    second = FolderCache(remembered(first), b"", later)
    contents(second, root)
    assert not FolderCache(remembered(second), b"", later).are_unchanged([root])


def test_forgetting_reads_all_below_again(root: bytes, tmp_path: Path, reads: list[bytes]) -> None:
    """And nothing beside it, even with a name that begins alike."""
    for name in ("sub/x", "sub2/y"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    cache = FolderCache(Stored(), b"", later)
    for path in (root, root + b"/sub", root + b"/sub2"):
        contents(cache, path)
    reads.clear()
    cache.forget(root + b"/sub")
    for path in (root, root + b"/sub", root + b"/sub2"):
        contents(cache, path)
    assert reads == [b"x"]


def test_another_look_reads_only_what_changed_since_it_was_stored(
    root: bytes, tmp_path: Path, reads: list[bytes]
) -> None:
    """Unlike forgetting, it trusts what an earlier run has stored."""
    first = FolderCache(Stored(), b"", later)
    contents(first, root)
    cache = FolderCache(remembered(first), b"", later)
    before = contents(cache, root)
    (tmp_path / "b").write_text("BETA")
    (tmp_path / "c").touch()
    assert contents(cache, root) == before
    reads.clear()
    cache.look_again()
    assert contents(cache, root).keys() == {b"a", b"b", b"c", b"link"}
    assert sorted(reads) == [b"b", b"c"]


def test_the_hidden_folder_does_not_show(tmp_path: Path) -> None:
    """Neither when it is listed nor when it is recalled, and only in its place."""
    (tmp_path / ".okplug" / ".okplug").mkdir(parents=True)
    root = os.fsencode(tmp_path)
    first = FolderCache(Stored(), root + b"/.okplug", later)
    assert first.folder(root).folders == []
    assert first.folder(root + b"/.okplug").folders == [b".okplug"]
    second = FolderCache(remembered(first), root + b"/.okplug", later)
    assert second.are_unchanged([root])
    assert second.folder(root).folders == []


def test_what_vanishes_after_a_folder_is_listed_is_not_there(root: bytes, tmp_path: Path) -> None:
    """An editor's temporary file, or one that a folder takes the place of: the next run sees it."""
    for change in ((tmp_path / "b").unlink, (tmp_path / "b").mkdir):
        (tmp_path / "b").touch()
        cache = FolderCache(Stored(), b"", later)
        assert cache.listing(root).files == [b"a", b"b", b"link"]
        (tmp_path / "b").unlink()
        if change.__name__ == "mkdir":
            change()
        assert cache.folder(root).files == [b"a", b"link"]
        assert contents(cache, root).keys() == {b"a", b"link"}
        assert not FolderCache(remembered(cache), b"", later).are_unchanged([root])


def test_a_folder_that_went_away_has_an_error(root: bytes, tmp_path: Path) -> None:
    """There is nothing of it to be stored."""
    first = FolderCache(Stored(), b"", later)
    first.folder(root + b"/sub")
    (tmp_path / "sub").rmdir()
    second = FolderCache(remembered(first), b"", later)
    assert isinstance(second.folder(root + b"/sub").error, FileNotFoundError)
    assert second.to_store() == {}


def test_names_alone_can_be_asked_for(root: bytes, tmp_path: Path) -> None:
    """A search for manifests stats no file; whoever wants the files later begins with the names."""
    first = FolderCache(Stored(), b"", later)
    listing = first.listing(root, is_walked=True)
    assert (listing.files, listing.folders) == ([b"a", b"b", b"link"], [b"sub"])
    second = FolderCache(remembered(first), b"", later)
    assert not second.are_unchanged([root])
    assert not second.listing(root).is_fresh
    contents(second, root)
    third = FolderCache(remembered(second), b"", later)
    assert third.are_unchanged([root])
    assert third.listing(root).is_walked
    assert list(third.changed_names()) == []
    (tmp_path / "new").mkdir()
    fourth = FolderCache(remembered(second), b"", later)
    ((row, now),) = fourth.changed_names()
    assert (row.folders, now.folders) == (b"sub", [b"new", b"sub"])


def test_what_is_known_of_files_outlives_a_search(
    root: bytes, tmp_path: Path, reads: list[bytes]
) -> None:
    """A run that only lists a folder that changed has no better knowledge of its files."""
    first = FolderCache(Stored(), b"", later)
    contents(first, root)
    (tmp_path / "new").write_text("new")
    second = FolderCache(remembered(first), b"", later)
    second.listing(root, is_walked=True)
    assert second.to_store() == {}
    reads.clear()
    third = FolderCache(remembered(first), b"", later)
    contents(third, root)
    assert reads == [b"new"]


def test_a_file_that_changes_between_stat_and_reading_is_an_error(
    root: bytes, tmp_path: Path
) -> None:
    """It names the file; another size, a vanished file and a link in its place are all seen."""
    for change in ("longer than before", "", None):
        folder = FolderCache(Stored(), b"").folder(root)
        (tmp_path / "b").unlink(missing_ok=True)
        if change is not None:
            (tmp_path / "b").write_text(change)
        with pytest.raises(ContextChangedError) as caught:
            folder.content(1)
        assert caught.value.location is not None
        assert caught.value.location.path == tmp_path / "b"
        (tmp_path / "b").write_text("beta")
    folder = FolderCache(Stored(), b"").folder(root)
    (tmp_path / "b").unlink()
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(ContextChangedError):
        folder.content(1)


def test_a_large_file_that_grows_is_an_error(tmp_path: Path) -> None:
    """Its size is counted while it is read."""
    (tmp_path / "x").write_bytes(bytes(1 << 17))
    folder = FolderCache(Stored(), b"").folder(os.fsencode(tmp_path))
    with (tmp_path / "x").open("ab") as file:
        file.write(b"more")
    with pytest.raises(ContextChangedError, match="its size is another"):
        folder.content(0)


def test_a_pipe_in_the_place_of_a_file_does_not_block(root: bytes, tmp_path: Path) -> None:
    """It is opened without waiting for a writer."""
    folder = FolderCache(Stored(), b"").folder(root)
    (tmp_path / "a").unlink()
    os.mkfifo(tmp_path / "a")
    with pytest.raises(ContextChangedError):
        folder.content(0)


def test_a_file_that_may_not_be_read_is_an_error_with_a_remedy(
    root: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user makes it readable or leaves it out."""

    def refuse(path: bytes, flags: int) -> int:
        raise PermissionError(13, "Permission denied", path, flags)

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(ManifestError) as caught:
        FolderCache(Stored(), b"").folder(root).content(0)
    assert str(caught.value) == (
        f"{tmp_path / 'a'}: this file of a build context cannot be read\n"
        "  hint: make it readable, or leave it out with a line in .dockerignore"
    )
