"""The context index: digests that tell contents apart and nothing else, and how little it reads."""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from okplug import contextfolders, folderstats
from okplug.context import ContextFile
from okplug.contextcontent import read_content
from okplug.contextsnapshot import UnmatchedSource
from okplug.dockerfile.model import ContextRead
from okplug.errors import ContextChangedError, Location, ManifestError
from okplug.fingerprint import ContextIndex
from okplug.manifest.model import Image

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from okplug.context import ContextSnapshot
    from okplug.contextsnapshot import Snapshot

GOLDEN_NOTE = "keys of published images would change: raise the key scheme version"


def later() -> int:
    """Return a time at which all files of a test are old enough to be trusted."""
    return time.time_ns() + 2 * folderstats.GRANULARITY


def plant(root: Path, tree: dict[str, str]) -> Path:
    """Make files with their content; ``-> x`` is a link, a name with a slash at its end a folder."""
    root.mkdir(exist_ok=True)
    for name, content in tree.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("/"):
            path.mkdir(exist_ok=True)
        elif content.startswith("-> "):
            path.symlink_to(content.removeprefix("-> "))
        else:
            path.write_text(content)
    return root


def whole(root: Path) -> Snapshot:
    return ContextIndex(root.parent, None).snapshot(root, None)


def digests(root: Path) -> tuple[str, str]:
    snapshot = whole(root)
    return snapshot.digest, snapshot.proof


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a context with one entry of each kind."""
    root = plant(tmp_path / "ctx", {"a": "alpha", "bin/run": "#!", "empty/": "", "l": "-> bin/run"})
    (root / "bin" / "run").chmod(0o755)
    return root


@pytest.fixture
def read_names(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the list of the names of all that is read, as it is read."""
    seen: list[str] = []

    def read(path: bytes, mode: int, size: int) -> bytes:
        seen.append(os.fsdecode(path).rpartition("/")[2])
        return read_content(path, mode, size)

    monkeypatch.setattr(contextfolders, "read_content", read)
    return seen


def test_golden_vectors(tree: Path) -> None:
    """The digests of a small tree never change, for they are part of keys that are published."""
    assert digests(tree) == (
        "890ca9b923509bd9fbaaa5f9c8120e60",
        "64ab25d45273c54214a6a283c09fd14f5733b5b34ea8428aa41d5e552499ee68",
    ), GOLDEN_NOTE


def test_golden_vectors_of_nothing(tmp_path: Path) -> None:
    """An image that reads no file has a digest, too."""
    assert digests(plant(tmp_path / "ctx", {})) == (
        "4fb2866f4e9a688d910c1efe6306b5ff",
        "efe72941c3484fe0d2b5ba2bf87842499503f4ab7dc0d43fbae4377467549714",
    ), GOLDEN_NOTE


def test_files_are_listed_by_the_bytes_of_their_names(tree: Path) -> None:
    """With all that a builder needs to send them."""
    quick, strong = (
        "3da56ec08de5da93af92a1f85e52d146",
        "8ed3f6ad685b959ead7022518e1af76cd816f8e8ec7ccdda1ed4018e8f2223f8",
    )
    (tree / "bin-2").write_text("alpha")
    assert whole(tree).files == (
        ContextFile("a", "file", size=5, fingerprint=quick, sha256=strong),
        ContextFile("bin", "directory"),
        ContextFile("bin-2", "file", size=5, fingerprint=quick, sha256=strong),
        ContextFile(
            "bin/run",
            "file",
            executable=True,
            size=2,
            fingerprint="2a6869e234fec0600a275fa1d80dbe1f",
            sha256="3612ddaf46e149a4f583faf0face846585148f59e0ce2645594df83b5dc807e8",
        ),
        ContextFile("empty", "directory"),
        ContextFile("l", "link", target="bin/run"),
    )


def test_a_snapshot_says_which_patterns_left_entries_out(tree: Path) -> None:
    index = ContextIndex(tree.parent, None)
    assert index.snapshot(tree, None, ("bin", "!bin/run")).ignored == ("bin", "!bin/run")
    assert index.snapshot(tree, None).ignored == ()


def test_names_that_are_not_utf8_sort_by_their_bytes(tmp_path: Path) -> None:
    """Their surrogate escapes would sort elsewhere."""
    root = plant(tmp_path / "ctx", {"\udcff": "x", "￿": "y", "\U00010000": "z"})
    names = [file.relpath for file in whole(root).files]
    assert names == ["￿", "\U00010000", "\udcff"]
    with whole(root).open("\udcff") as stream:
        assert stream.read() == b"x"


@pytest.mark.parametrize(
    "change",
    [
        lambda root: (root / "a").write_text("Alpha"),
        lambda root: (root / "a").chmod(0o755),
        lambda root: (root / "bin" / "run").chmod(0o655),
        lambda root: (root / "a").rename(root / "A"),
        lambda root: (root / "empty").rmdir(),
        lambda root: (root / "empty" / "more").mkdir(),
        lambda root: ((root / "l").unlink(), (root / "l").symlink_to("bin//run")),
        lambda root: ((root / "l").unlink(), (root / "l").write_text("bin/run")),
        lambda root: ((root / "empty").rmdir(), (root / "empty").write_text("")),
        lambda root: (root / "a").rename(root / "empty" / "a"),
    ],
)
def test_what_counts(tree: Path, change: Callable[[Path], object]) -> None:
    """Content, executable bit of the owner, name, kind, target, place."""
    before = digests(tree)
    change(tree)
    after = digests(tree)
    assert after[0] != before[0]
    assert after[1] != before[1]


@pytest.mark.parametrize(
    "change",
    [
        lambda root: os.utime(root / "a", ns=(1, 1)),
        lambda root: os.utime(root / "bin", ns=(1, 1)),
        lambda root: (root / "a").chmod(0o606),
        lambda root: (root / "a").chmod(0o611),
        lambda root: (root / "bin" / "run").chmod(0o4700),
        lambda root: (root / "empty").chmod(0o1777),
        lambda root: os.link(root / "a", root.parent / "elsewhere"),
        lambda root: ((root / "a").rename(root / "A"), (root / "A").rename(root / "a")),
        lambda root: ((root / "a").unlink(), (root / "a").write_text("alpha")),
    ],
)
def test_what_does_not_count(tree: Path, change: Callable[[Path], object]) -> None:
    """Times, the other mode bits, hard links, inodes."""
    before = digests(tree)
    change(tree)
    assert digests(tree) == before


def test_another_folder_has_the_same_digest(tree: Path, tmp_path: Path) -> None:
    """Neither the place of the checkout nor the order of creation is part of it."""
    other = tmp_path / "other" / "place"
    other.mkdir(parents=True)
    plant(other, {"l": "-> bin/run", "empty/": "", "bin/run": "#!", "a": "alpha"})
    (other / "bin" / "run").chmod(0o700)
    assert digests(other) == digests(tree)


def test_names_and_contents_do_not_run_into_each_other(tmp_path: Path) -> None:
    """Each entry is framed with its lengths."""
    seen = set()
    trees: list[dict[str, str]] = [
        {"a": "-> bc"},
        {"ab": "-> c"},
        {"a": "-> b", "c": "-> d"},
        {"a": "-> bc", "d": "-> x"},
        {"a/": "", "b/": ""},
        {"a/b/": ""},
        {"ab/": ""},
    ]
    for number, entries in enumerate(trees):
        seen |= {*digests(plant(tmp_path / str(number), entries))}
    assert len(seen) == 2 * len(trees)


@settings(max_examples=60)
@given(
    st.dictionaries(st.sampled_from("abcde"), st.binary(max_size=40), min_size=1),
    st.data(),
)
def test_any_byte_of_a_selected_file_counts(
    tmp_path_factory: pytest.TempPathFactory, contents: dict[str, bytes], data: st.DataObject
) -> None:
    """For digest and proof; its mtime does not, and neither does a file that is not selected."""
    root = tmp_path_factory.mktemp("ctx")
    for name, content in contents.items():
        (root / name).write_bytes(content)
    (root / "other").write_bytes(b"")
    reads = [ContextRead(("?",), 1)]

    def now() -> tuple[str, str]:
        snapshot = ContextIndex(root, None).snapshot(root, reads)
        return snapshot.digest, snapshot.proof

    before = now()
    name = data.draw(st.sampled_from(sorted(contents)))
    (root / "other").write_bytes(b"else")
    os.utime(root / name, ns=(0, 12345))
    assert now() == before
    changed = bytearray(contents[name] + b"!")
    if contents[name]:
        changed = bytearray(contents[name])
        changed[data.draw(st.integers(0, len(changed) - 1))] ^= data.draw(st.integers(1, 255))
    (root / name).write_bytes(changed)
    assert not {*now()} & {*before}


def test_a_later_run_reads_no_file(tree: Path, tmp_path: Path, read_names: list[str]) -> None:
    """Digests come from the index; entries are listed when they are asked for, from it as well."""
    first = ContextIndex(tmp_path, tmp_path / "index", later)
    made = first.snapshot(tree, None)
    first.save()
    read_names.clear()
    second = ContextIndex(tmp_path, tmp_path / "index", later)
    found = second.snapshot(tree, None)
    assert (found.digest, found.proof) == (made.digest, made.proof)
    assert found.files == made.files
    assert read_names == []


def test_the_quick_path_lists_nothing(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No folder is listed and no entry is made for the digest of an unchanged image."""
    first = ContextIndex(tmp_path, tmp_path / "index", later)
    digest = first.snapshot(tree, None).digest
    first.save()
    second = ContextIndex(tmp_path, tmp_path / "index", later)
    monkeypatch.setattr(contextfolders.FolderCache, "folder", None)
    assert second.snapshot(tree, None).digest == digest


def test_overlapping_contexts_read_a_file_once(tree: Path, read_names: list[str]) -> None:
    """One run knows each folder and file once, whoever asks."""
    index = ContextIndex(tree.parent, None)
    index.snapshot(tree, None)
    index.snapshot(tree.parent, None)
    index.snapshot(tree / "bin", None)
    index.snapshot(tree, [ContextRead(("a",), 1)])
    assert sorted(read_names) == ["a", "l", "run"]


def test_line_numbers_do_not_make_another_selection(tree: Path, tmp_path: Path) -> None:
    """A comment above an instruction costs nothing; the sources that are told are the new ones."""
    index = ContextIndex(tmp_path, tmp_path / "index", later)
    index.snapshot(tree, [ContextRead(("a", "gone"), 3)])
    index.save()
    again = ContextIndex(tmp_path, tmp_path / "index", later)
    read = ContextRead(("a", "gone"), 7)
    snapshot = again.snapshot(tree, [read])
    assert snapshot.unmatched == (UnmatchedSource(read, "gone", "missing"),)


@pytest.mark.parametrize(
    ("pattern", "is_mount", "reason", "is_error"),
    [
        ("gone", False, "missing", True),
        ("gone*", False, "missing", False),
        ("gone/*", False, "nowhere", True),
        ("gone*", True, "missing", True),
        ("empty", False, "ignored", True),
        ("[", False, "malformed", True),
    ],
)
def test_unmatched_sources(
    tree: Path, pattern: str, reason: str, *, is_mount: bool, is_error: bool
) -> None:
    """A wildcard may match nothing, a path may not."""
    read = ContextRead((pattern,), 1, is_mount=is_mount)
    (unmatched,) = whole_with(tree, read, ("empty",)).unmatched
    assert (unmatched.reason, unmatched.is_error) == (reason, is_error)


def whole_with(root: Path, read: ContextRead, patterns: tuple[str, ...]) -> Snapshot:
    return ContextIndex(root, None).snapshot(root, [read], patterns)


@pytest.mark.parametrize(
    "change",
    [
        lambda root: (root / "a").write_text("ALPHA"),
        lambda root: (root / "new").write_text(""),
        lambda root: (root / "bin" / "run").unlink(),
        lambda root: (root / "empty").rmdir(),
    ],
)
def test_a_later_run_sees_changes(
    tree: Path, tmp_path: Path, change: Callable[[Path], object]
) -> None:
    """And saves them for the one after."""
    first = ContextIndex(tmp_path, tmp_path / "index", later)
    before = first.snapshot(tree, None).digest
    first.save()
    change(tree)
    second = ContextIndex(tmp_path, tmp_path / "index", later)
    after = second.snapshot(tree, None).digest
    second.save()
    third = ContextIndex(tmp_path, tmp_path / "index", later)
    assert before != after == third.snapshot(tree, None).digest == digests(tree)[0]


def test_a_selection_made_before_a_change_is_not_believed(tree: Path, tmp_path: Path) -> None:
    """Even if another image has brought the folders up to date in the meantime."""
    path = tmp_path / "index"
    reads = [ContextRead(("a",), 1)]
    first = ContextIndex(tmp_path, path, later)
    before = first.snapshot(tree, None).digest
    first.snapshot(tree, reads)
    first.save()
    (tree / "a").write_text("ALPHA")
    second = ContextIndex(tmp_path, path, later)
    second.snapshot(tree, reads)
    second.save()
    third = ContextIndex(tmp_path, path, later)
    assert third.snapshot(tree, None).digest == digests(tree)[0] != before


def test_a_change_within_one_tick_is_seen_by_every_image(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stat of a file that was written twice at once may be the same."""
    frozen = 1_700_000_000_000_000_000

    def with_fixed_times(status: os.stat_result) -> tuple[int, ...]:
        return (status.st_mode, status.st_size, frozen, frozen, status.st_ino)

    for module in (contextfolders, folderstats):
        monkeypatch.setattr(module, "get_stat", with_fixed_times)
    path = tmp_path / "index"
    reads = [ContextRead(("a",), 1)]
    first = ContextIndex(tmp_path, path, lambda: frozen)
    before = [first.snapshot(tree, None).digest, first.snapshot(tree, reads).digest]
    first.save()
    (tree / "a").write_text("ALPHA")
    second = ContextIndex(tmp_path, path, lambda: frozen + 10**12)
    after = second.snapshot(tree, reads).digest
    second.save()
    third = ContextIndex(tmp_path, path, lambda: frozen + 10**12)
    assert after != before[1]
    assert third.snapshot(tree, None).digest == digests(tree)[0] != before[0]


def test_reasons_of_unmatched_sources_are_kept_up_to_date(tree: Path, tmp_path: Path) -> None:
    """They depend on folders that no image reads."""
    path = tmp_path / "index"
    read = ContextRead(("empty/x",), 1)
    reasons = []
    for _ in range(2):
        index = ContextIndex(tmp_path, path, later)
        reasons += [lost.reason for lost in index.snapshot(tree, [read], ["empty"]).unmatched]
        index.save()
        (tree / "empty" / "x").write_text("x")
    assert reasons == ["missing", "ignored"]


def test_a_folder_that_could_not_be_searched_is_searched_again(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own stat may never change; nothing of it is stored, and nothing written for it."""
    path = tmp_path / "index"
    plant(tree, {"secret/keep": "x", "secret/drop": "y"})
    ignore = ["secret", "!secret/keep"]
    scandir = os.scandir

    def refuse(folder: bytes) -> AbstractContextManager[Iterator[os.DirEntry[bytes]]]:
        if folder.endswith(b"secret"):
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    def run() -> list[str]:
        index = ContextIndex(tmp_path, path, later)
        files = index.snapshot(tree, None, ignore).files
        index.save()
        return [file.relpath for file in files if file.relpath.startswith("secret")]

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", refuse)
        assert run() == []
        written = path.stat()
        assert run() == []
        assert path.stat() == written
    assert run() == ["secret", "secret/keep"]


def test_forgetting_reads_everything_below_again(
    tree: Path, tmp_path: Path, read_names: list[str]
) -> None:
    """Whatever the index believes, also of selections that no one has asked for in this run."""
    first = ContextIndex(tmp_path, tmp_path / "index", later)
    first.snapshot(tree, None)
    first.snapshot(tree.parent, None, ["index"])
    first.save()
    second = ContextIndex(tmp_path, tmp_path / "index", later)
    second.snapshot(tree, None)
    read_names.clear()
    second.forget(tree)
    second.snapshot(tree.parent, None, ["index"])
    assert sorted(read_names) == ["a", "l", "run"]


def test_forgetting_takes_a_new_look_in_the_same_run(tree: Path) -> None:
    """Until then a run sees one state of the workspace."""
    index = ContextIndex(tree.parent, None)
    before = index.snapshot(tree, None)
    (tree / "a").write_text("ALPHA")
    assert index.snapshot(tree, None).digest == before.digest
    index.forget(tree)
    assert index.snapshot(tree, None).digest == digests(tree)[0] != before.digest


def test_a_run_without_news_does_not_write(tree: Path, tmp_path: Path) -> None:
    """The index stays as it is, to the inode."""
    path = tmp_path / "index"
    for _ in range(2):
        index = ContextIndex(tmp_path, path, later)
        index.snapshot(tree, None)
        index.save()
    written = path.stat()
    index = ContextIndex(tmp_path, path, later)
    index.snapshot(tree, None)
    index.save()
    assert path.stat() == written


def test_a_run_keeps_what_others_learned(tree: Path, tmp_path: Path) -> None:
    """A run of one image does not make the next one of all images slow."""
    path = tmp_path / "index"
    other = plant(tmp_path / "other", {"x": "y"})
    for context in (tree, other):
        index = ContextIndex(tmp_path, path, later)
        index.snapshot(context, None)
        index.save()
    index = ContextIndex(tmp_path, path, later)
    index.snapshot(tree, None)
    index.snapshot(other, None)
    before = path.stat()
    index.save()
    assert path.stat() == before


def test_two_runs_at_once_do_no_harm(tree: Path, tmp_path: Path) -> None:
    """The last one to finish wins; what the other learned is learned again."""
    path = tmp_path / "index"
    other = plant(tmp_path / "other", {"x": "y"})
    one, two = ContextIndex(tmp_path, path, later), ContextIndex(tmp_path, path, later)
    expected = one.snapshot(tree, None).digest
    two.snapshot(other, None)
    one.save()
    two.save()
    third = ContextIndex(tmp_path, path, later)
    assert third.snapshot(tree, None).digest == expected
    third.snapshot(other, None)
    third.save()
    assert ContextIndex(tmp_path, path, later).snapshot(tree, None).digest == expected
    assert sorted(name.name for name in tmp_path.iterdir()) == ["ctx", "index", "other"]


def test_a_workspace_that_moved_keeps_its_index(
    tree: Path, tmp_path: Path, read_names: list[str]
) -> None:
    """Paths in it are relative, and renaming a folder leaves the stats of what is in it."""
    first = ContextIndex(tree, tmp_path / "index", later)
    digest = first.snapshot(tree, None).digest
    first.save()
    read_names.clear()
    moved = tree.rename(tmp_path / "moved")
    second = ContextIndex(moved, tmp_path / "index", later)
    assert second.snapshot(moved, None).digest == digest
    assert read_names == []


def test_a_file_that_changes_while_it_is_hashed_is_an_error(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Forgetting and asking again is the way on, and then the digest is that of the new content."""

    def change(path: bytes, mode: int, size: int) -> bytes:
        if path.endswith(b"/a"):
            (tree / "a").write_text("longer than before")
        return read_content(path, mode, size)

    index = ContextIndex(tree, None)
    with monkeypatch.context() as patch:
        patch.setattr(contextfolders, "read_content", change)
        with pytest.raises(ContextChangedError, match="its size is another"):
            index.snapshot(tree, None)
    index.forget(tree)
    assert index.snapshot(tree, None).digest == digests(tree)[0]


@pytest.mark.parametrize("content", [b"", b"garbage", b"okplug context index 1\n" + bytes(80)])
def test_a_damaged_index_is_rebuilt_in_silence(
    tree: Path, tmp_path: Path, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    """It only ever saved work."""
    path = tmp_path / "index"
    path.write_bytes(content)
    index = ContextIndex(tmp_path, path)
    assert index.snapshot(tree, None).digest == digests(tree)[0]
    index.save()
    assert path.read_bytes() != content
    assert capsys.readouterr() == ("", "")


def test_an_index_that_cannot_be_written_is_no_error(tree: Path, tmp_path: Path) -> None:
    """Nor is one that has no place at all."""
    for path in (tmp_path / "missing" / "index", None):
        index = ContextIndex(tmp_path, path)
        index.snapshot(tree, None)
        index.save()


def test_contexts_behind_links_are_the_same_context(tree: Path, read_names: list[str]) -> None:
    """Each snapshot has the root that was asked for."""
    (tree.parent / "alias").symlink_to("ctx")
    index = ContextIndex(tree.parent, None)
    snapshots = [index.snapshot(tree.parent / name, None) for name in ("ctx", "alias", "x/../ctx")]
    assert [s.root.name for s in snapshots] == ["ctx", "alias", "ctx"]
    assert len({s.digest for s in snapshots}) == 1
    assert sorted(read_names) == ["a", "l", "run"]
    with snapshots[1].open("a") as stream:
        assert stream.read() == b"alpha"


def test_the_state_folder_is_no_part_of_the_workspace(tree: Path) -> None:
    """The index may lie in the very context that it describes."""
    before = digests(tree)[0]
    (tree / ".okplug").mkdir()
    index = ContextIndex(tree, tree / ".okplug" / "index")
    assert index.snapshot(tree, None).digest == before
    index.save()
    assert ContextIndex(tree, None).snapshot(tree, None).digest == before


def test_a_snapshot_is_what_the_contract_says(tree: Path) -> None:
    """Builders and keys know it by the protocol only."""
    snapshot: ContextSnapshot = whole(tree)
    assert (len(snapshot.digest), len(snapshot.proof), snapshot.root) == (32, 64, tree)


def replace_by_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize("size", [0, 1, 70_000])
def test_a_file_is_read_as_it_was_hashed(tmp_path: Path, size: int) -> None:
    """In any pieces."""
    root = plant(tmp_path / "ctx", {"x": "y" * size})
    with whole(root).open("x") as stream:
        assert stream.read() == b"y" * size
    with whole(root).open("x") as stream:
        pieces = list(iter(lambda: stream.read(1000), b""))
        assert b"".join(pieces) == b"y" * size
        assert stream.read() == b""


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.write_text("ALPHA"),
        lambda path: path.write_text("alph"),
        lambda path: path.write_text("alpha!"),
        lambda path: path.chmod(0o755),
        lambda path: path.unlink(),
        lambda path: (path.unlink(), path.symlink_to("bin/run")),
        lambda path: (path.unlink(), path.mkdir()),
        replace_by_pipe,
    ],
)
def test_a_file_that_changed_is_an_error_before_its_end(
    tree: Path, change: Callable[[Path], object]
) -> None:
    """Whoever reads as many bytes as there should be has been told."""
    snapshot = whole(tree)
    change(tree / "a")
    with pytest.raises(ContextChangedError) as caught:  # noqa: SIM117 - either may raise
        with snapshot.open("a") as stream:
            stream.read(5)
    assert caught.value.location is not None
    assert caught.value.location.path == tree / "a"


def test_a_file_that_changes_while_it_is_read_is_an_error(tmp_path: Path) -> None:
    """Cut short, it does not just end."""
    root = plant(tmp_path / "ctx", {"x": "y" * 200_000})
    with whole(root).open("x") as stream:
        stream.read(10)
        os.truncate(root / "x", 100_000)
        with pytest.raises(ContextChangedError, match="its size is another"):
            stream.read()


def test_an_entry_that_is_no_file_cannot_be_opened(tree: Path) -> None:
    """Nor can one that is not part of the snapshot."""
    for name in ("bin", "l", "missing"):
        with pytest.raises(KeyError):
            whole(tree).open(name)


def test_files_are_opened_from_several_threads(tmp_path: Path) -> None:
    """Entries are listed once, by whoever comes first."""
    root = plant(tmp_path / "ctx", {f"f{number}": str(number) * 1000 for number in range(50)})
    index = ContextIndex(tmp_path, tmp_path / "index", later)
    index.snapshot(root, None)
    index.save()
    snapshot = ContextIndex(tmp_path, tmp_path / "index", later).snapshot(root, None)
    start = threading.Barrier(4)

    def read(_: int) -> list[bytes]:
        start.wait()
        found = []
        for file in snapshot.files:
            with snapshot.open(file.relpath) as stream:
                found.append(stream.read())
        return found

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(read, range(4)))
    assert all(result == results[0] for result in results)
    assert len(results[0]) == 50


def test_entries_that_changed_before_anybody_listed_them_are_an_error(
    tree: Path, tmp_path: Path
) -> None:
    """A snapshot never shows other entries than those of its digest."""
    first = ContextIndex(tmp_path, tmp_path / "index", later)
    first.snapshot(tree, None)
    first.save()
    second = ContextIndex(tmp_path, tmp_path / "index", later)
    snapshot = second.snapshot(tree, None)
    second.forget(tree)
    (tree / "a").write_text("ALPHA")
    with pytest.raises(ContextChangedError, match="it holds other files now"):
        _ = snapshot.files


def test_special_files_are_errors(tree: Path) -> None:
    """They say how to get on."""
    os.mkfifo(tree / "pipe")
    with pytest.raises(ManifestError) as caught:
        whole(tree)
    assert str(caught.value) == (
        f"{tree / 'pipe'}: not a regular file, link or folder, so no image can hold it\n"
        "  hint: leave it out with a line in .dockerignore"
    )


def image(context: Path, dockerfile: str = "Dockerfile") -> Image:
    place = Location(context / "okteto.yml", 1)
    return Image("a", "", place, context=context, dockerfile=context / dockerfile)


def test_a_dockerfile_may_have_a_dockerignore_of_its_own(tmp_path: Path) -> None:
    """It replaces the one of the context."""
    index = ContextIndex(tmp_path, None)
    assert index.ignored(image(tmp_path)) == ()
    (tmp_path / ".dockerignore").write_text("common\n")
    assert index.ignored(image(tmp_path, "x.Dockerfile")) == ("common",)
    (tmp_path / "x.Dockerfile.dockerignore").write_text("# none\n")
    assert index.ignored(image(tmp_path, "x.Dockerfile")) == ()
    assert index.ignored(image(tmp_path)) == ("common",)


def test_a_dockerignore_that_cannot_be_used_is_a_located_error(tmp_path: Path) -> None:
    """Whether it cannot be read or is wrong."""
    index = ContextIndex(tmp_path, None)
    (tmp_path / ".dockerignore").mkdir()
    with pytest.raises(ManifestError, match=r"\.dockerignore: the file cannot be read"):
        index.ignored(image(tmp_path))
    (tmp_path / "Dockerfile.dockerignore").write_text("a\n[b\n")
    with pytest.raises(ManifestError, match=r"Dockerfile\.dockerignore:2: invalid pattern"):
        index.ignored(image(tmp_path))
