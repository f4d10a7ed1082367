"""Folders and the content of their files: read once, and again only if something changed."""

from __future__ import annotations

import hashlib
import os
import time
from typing import TYPE_CHECKING

import pytest
import xxhash

from okplug import contextfolders
from okplug.contextcontent import read_content
from okplug.contextfolders import GRANULARITY, FolderCache
from okplug.errors import ContextChangedError, ManifestError

if TYPE_CHECKING:
    from pathlib import Path

    from okplug.contextstore import StoredFolder


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


def remembered(cache: FolderCache) -> dict[bytes, StoredFolder]:
    return cache.to_store(cache.today() - 1)


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
    folder = FolderCache({}, b"").folder(root)
    assert (folder.files, folder.folders) == ([b"a", b"b", b"link"], [b"sub"])
    assert folder.content(0) == xxhash.xxh3_128_digest(b"alpha") + hashlib.sha256(b"alpha").digest()
    assert folder.content(2) == b"a"


@pytest.mark.parametrize("size", [0, 1, 65535, 65536, 65537, (1 << 20) + 7])
def test_contents_of_any_size(tmp_path: Path, size: int) -> None:
    """Small files are read at once, large ones piece by piece."""
    data = (b"0123456789abcdef" * (size // 16 + 1))[:size]
    (tmp_path / "x").write_bytes(data)
    content = FolderCache({}, b"").folder(os.fsencode(tmp_path)).content(0)
    assert content == xxhash.xxh3_128_digest(data) + hashlib.sha256(data).digest()


def test_one_run_reads_a_file_once(root: bytes, reads: list[bytes]) -> None:
    """However often it is asked for."""
    cache = FolderCache({}, b"")
    assert contents(cache, root) == contents(cache, root)
    assert reads == [b"a", b"b", b"link"]


def test_a_later_run_reads_nothing_that_is_unchanged(root: bytes, reads: list[bytes]) -> None:
    """Neither files nor links; folders are not even listed."""
    first = FolderCache({}, b"", later)
    before = contents(first, root)
    reads.clear()
    second = FolderCache(remembered(first), b"", later)
    assert second.are_unchanged([root])
    assert contents(second, root) == before
    assert second.folder(root).folders == [b"sub"]
    assert (reads, second.is_changed()) == ([], False)


def test_only_what_changed_is_read_again(root: bytes, tmp_path: Path, reads: list[bytes]) -> None:
    """The others of the folder keep their contents."""
    first = FolderCache({}, b"", later)
    contents(first, root)
    (tmp_path / "b").write_text("gamma")
    (tmp_path / "new").write_text("new")
    reads.clear()
    second = FolderCache(remembered(first), b"", later)
    assert not second.are_unchanged([root])
    contents(second, root)
    assert (reads, second.is_changed()) == ([b"b", b"new"], True)


def test_what_nobody_wanted_is_read_when_somebody_does(root: bytes, reads: list[bytes]) -> None:
    """A later run may ask for more, and keeps that too."""
    first = FolderCache({}, b"", later)
    first.folder(root).content(0)
    second = FolderCache(remembered(first), b"", later)
    contents(second, root)
    assert (reads, second.is_changed()) == ([b"a", b"b", b"link"], True)
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
    first = FolderCache({}, b"", later)
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
    monkeypatch.setattr(contextfolders, "_get_stat", with_fixed_times)
    first = FolderCache({}, b"", lambda: listed)
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

    monkeypatch.setattr(contextfolders, "_get_stat", stat)
    assert not FolderCache({}, b"", lambda: FROZEN).folder(root).is_settled
    assert FolderCache({}, b"", lambda: FROZEN + 10**12).folder(root).is_settled


def test_a_fresh_folder_has_a_state_of_its_own(
    root: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the digest of another selection, made before a change, would seem to be valid after."""
    monkeypatch.setattr(contextfolders, "_get_stat", with_fixed_times)
    fresh = FolderCache({}, b"", lambda: FROZEN).folder(root)
    settled = FolderCache({}, b"", lambda: FROZEN + 10**12).folder(root)
    assert fresh.stats == settled.stats
    assert fresh.state != settled.state
    assert (fresh.is_settled, settled.is_settled) == (False, True)


def test_times_before_1970_and_far_ahead_are_kept(root: bytes, tmp_path: Path) -> None:
    """A file from the future is read each time, one from the past is trusted."""
    os.utime(tmp_path / "a", ns=(0, -(10**18)))
    first = FolderCache({}, b"", later)
    contents(first, root)
    assert FolderCache(remembered(first), b"", later).are_unchanged([root])
    os.utime(tmp_path / "b", ns=(0, 2**62))
    second = FolderCache(remembered(first), b"", later)
    contents(second, root)
    assert not FolderCache(remembered(second), b"", later).are_unchanged([root])


def test_states_of_folders_join_to_one(root: bytes) -> None:
    """An unknown folder makes them worthless."""
    cache = FolderCache({}, b"", later)
    contents(cache, root)
    again = FolderCache(remembered(cache), b"", later)
    assert again.stored_state([root]) == contextfolders.join_states([cache.folder(root).state])
    assert again.stored_state([root, root]) != again.stored_state([root])
    assert again.stored_state([root, b"/unknown"]) == b""


def test_forgetting_reads_all_below_again(root: bytes, tmp_path: Path, reads: list[bytes]) -> None:
    """And nothing beside it, even with a name that begins alike."""
    for name in ("sub/x", "sub2/y"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    cache = FolderCache({}, b"", later)
    for path in (root, root + b"/sub", root + b"/sub2"):
        contents(cache, path)
    reads.clear()
    cache.forget(root + b"/sub")
    for path in (root, root + b"/sub", root + b"/sub2"):
        contents(cache, path)
    assert reads == [b"x"]


def test_the_hidden_folder_does_not_show(tmp_path: Path) -> None:
    """Neither when it is listed nor when it is recalled, and only in its place."""
    (tmp_path / ".okplug" / ".okplug").mkdir(parents=True)
    root = os.fsencode(tmp_path)
    first = FolderCache({}, root + b"/.okplug", later)
    assert first.folder(root).folders == []
    assert first.folder(root + b"/.okplug").folders == [b".okplug"]
    second = FolderCache(remembered(first), root + b"/.okplug", later)
    assert second.are_unchanged([root])
    assert second.folder(root).folders == []


def test_what_vanishes_while_a_folder_is_listed_is_not_there(
    root: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An editor's temporary file, for example."""
    listdir = os.listdir
    monkeypatch.setattr(os, "listdir", lambda path: [*listdir(path), b"gone"])
    assert FolderCache({}, b"").folder(root).files == [b"a", b"b", b"link"]


def test_a_folder_that_went_away_is_no_longer_kept(root: bytes, tmp_path: Path) -> None:
    """Its error is told, and what was known of it is dropped."""
    first = FolderCache({}, b"", later)
    first.folder(root + b"/sub")
    (tmp_path / "sub").rmdir()
    second = FolderCache(remembered(first), b"", later)
    assert isinstance(second.folder(root + b"/sub").error, FileNotFoundError)
    assert remembered(second) == {}


def test_what_no_run_looks_at_is_dropped_in_the_end(root: bytes) -> None:
    """What a run does look at stays, as of today."""
    first = FolderCache({}, b"", later)
    first.folder(root)
    stored = first.to_store(0)
    today = first.today()
    unused = FolderCache(stored, b"", later)
    assert unused.to_store(today) == stored
    assert unused.to_store(today + 1) == {}
    used = FolderCache(stored, b"", lambda: later() + 90 * 86_400 * 10**9)
    assert used.are_unchanged([root])
    assert list(used.to_store(used.today())) == [root]


def test_a_file_that_changes_between_stat_and_reading_is_an_error(
    root: bytes, tmp_path: Path
) -> None:
    """It names the file; another size, a vanished file and a link in its place are all seen."""
    for change in ("longer than before", "", None):
        folder = FolderCache({}, b"").folder(root)
        (tmp_path / "b").unlink(missing_ok=True)
        if change is not None:
            (tmp_path / "b").write_text(change)
        with pytest.raises(ContextChangedError) as caught:
            folder.content(1)
        assert caught.value.location is not None
        assert caught.value.location.path == tmp_path / "b"
        (tmp_path / "b").write_text("beta")
    folder = FolderCache({}, b"").folder(root)
    (tmp_path / "b").unlink()
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(ContextChangedError):
        folder.content(1)


def test_a_large_file_that_grows_is_an_error(tmp_path: Path) -> None:
    """Its size is counted while it is read."""
    (tmp_path / "x").write_bytes(bytes(1 << 17))
    folder = FolderCache({}, b"").folder(os.fsencode(tmp_path))
    with (tmp_path / "x").open("ab") as file:
        file.write(b"more")
    with pytest.raises(ContextChangedError, match="its size is another"):
        folder.content(0)


def test_a_pipe_in_the_place_of_a_file_does_not_block(root: bytes, tmp_path: Path) -> None:
    """It is opened without waiting for a writer."""
    folder = FolderCache({}, b"").folder(root)
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
        FolderCache({}, b"").folder(root).content(0)
    assert str(caught.value) == (
        f"{tmp_path / 'a'}: this file of a build context cannot be read\n"
        "  hint: make it readable, or leave it out with a line in .dockerignore"
    )
