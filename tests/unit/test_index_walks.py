"""What the context index knows of searches for manifests, and of whole selections."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from okplug import contextreading, fingerprint, forking
from okplug.dockerfile.model import ContextRead
from okplug.fingerprint import ContextIndex
from okplug.folderstats import GRANULARITY
from okplug.manifest.discover import find_manifests, list_names

if TYPE_CHECKING:
    from collections.abc import Callable

    Lister = Callable[[str], tuple[set[str], list[str]]]

NAMES = ("okteto.yaml", ".okteto/okteto.yaml")


def later() -> int:
    """Return a time at which all files of a test are old enough to be trusted."""
    return time.time_ns() + 2 * GRANULARITY


class Searches:
    """Runs that search a workspace, and know what earlier ones found."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "w"
        self.path = folder / "index"
        for name in ("a/okteto.yaml", "b/.okteto/okteto.yaml", "c/d/e/file", "x"):
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            (self.root / name).touch()

    def index(self) -> ContextIndex:
        """Return the index of another run."""
        return ContextIndex(self.root, self.path, later)

    def recalled(self, key: bytes = b"key") -> list[str] | None:
        """Return what a run would know without a search."""
        found = self.index().recall_walk(key, {"okteto.yaml"})
        return None if found is None else found[0]

    def run(self, edit: Callable[[ContextIndex], object] = lambda _: None) -> list[str]:
        """Search if need be, save, and return the manifests.

        :param edit: what happens between the search and the end.
        """
        index = self.index()
        found = index.recall_walk(b"key", {"okteto.yaml"})
        if found is None:
            names = self.searched(index.names)
            index.remember_walk(b"key", [names, []])
            found = [names, []]
        edit(index)
        index.save()
        return found[0]

    def searched(self, names: Lister = list_names) -> list[str]:
        """Search, and return the manifests."""
        discovery = find_manifests(self.root, NAMES, (), names)
        return [str(path.relative_to(self.root)) for path in discovery.manifests]


@pytest.fixture
def searches(tmp_path: Path) -> Searches:
    return Searches(tmp_path)


def test_a_search_through_the_index_finds_what_any_does(searches: Searches) -> None:
    assert searches.run() == searches.searched() == ["a/okteto.yaml", "b/.okteto/okteto.yaml"]
    assert searches.recalled() == searches.searched()
    assert searches.recalled(b"other") is None


#: name -> an edit, and whether a search is needed after it
EDITS: dict[str, tuple[Callable[[Path], object], bool]] = {
    "a manifest": (lambda root: (root / "c/d/okteto.yaml").touch(), True),
    "a manifest in a folder of that name": (
        lambda root: plant(root / "c/.okteto/okteto.yaml"),
        True,
    ),
    "a manifest gone": (lambda root: (root / "a/okteto.yaml").unlink(), True),
    "a nested manifest gone": (lambda root: (root / "b/.okteto/okteto.yaml").unlink(), True),
    "a folder": (lambda root: (root / "c/new").mkdir(), True),
    "a folder gone": (lambda root: shutil.rmtree(root / "a"), True),
    "a folder renamed": (lambda root: (root / "c/d").rename(root / "c/f"), True),
    "a file": (lambda root: (root / "c/d/other").touch(), False),
    "a file gone": (lambda root: (root / "c/d/e/file").unlink(), False),
    "content": (lambda root: (root / "a/okteto.yaml").write_text("build: {}"), False),
}


def plant(path: Path) -> None:
    path.parent.mkdir()
    path.touch()


@pytest.mark.parametrize("edit", EDITS)
def test_only_edits_that_matter_have_it_searched_again(searches: Searches, edit: str) -> None:
    act, is_needed = EDITS[edit]
    before = searches.run()
    act(searches.root)
    assert (searches.recalled() is None) is is_needed
    assert searches.run() == searches.searched()
    assert searches.recalled() == searches.searched()
    if not is_needed:
        assert searches.searched() == before


@pytest.mark.parametrize(
    "forget",
    [
        lambda index: index.look_again(),
        lambda index: index.forget(Path(os.fsdecode(index._root))),
    ],
)
def test_what_is_forgotten_is_no_longer_relied_on(
    searches: Searches, forget: Callable[[ContextIndex], object]
) -> None:
    """Else folders that the search saw would be stored nowhere, and their changes seen by nobody."""
    searches.run(forget)
    (searches.root / "c/d/okteto.yaml").touch()
    assert searches.run() == searches.searched()


def test_a_search_of_fresh_folders_is_done_again(searches: Searches) -> None:
    """What is made within one tick of the clock leaves a folder's stat as it is."""
    index = ContextIndex(searches.root, searches.path, time.time_ns)
    index.remember_walk(b"key", [searches.searched(index.names), []])
    index.save()
    (searches.root / "c/d/okteto.yaml").touch()
    assert searches.run() == searches.searched()


def test_contexts_and_searches_share_what_is_known(searches: Searches) -> None:
    """In any order, and each only adds to it."""
    context = searches.root / "c"
    searches.run(lambda index: index.snapshot(context, None))
    assert searches.recalled() is not None
    index = searches.index()
    known = index.snapshot(context, None)
    assert index.unchanged(known.selection) == [known.digest, known.proof]
    (context / "d/other").touch()
    searches.run()  # sees the folder, and not its files
    index = searches.index()
    assert index.unchanged(known.selection) is None
    assert index.snapshot(context, None).digest != known.digest


def test_of_what_is_unknown_or_changed_nothing_is_said(searches: Searches) -> None:
    context = searches.root / "c"
    index = searches.index()
    first = index.snapshot(context, [ContextRead(("d",), 1)])
    assert index.unchanged(first.selection) is None
    index.save()
    assert searches.index().unchanged(first.selection) == [first.digest, first.proof]
    (context / "d/e/file").write_text("other")
    assert searches.index().unchanged(first.selection) is None
    again = searches.index()
    again.folders.check.begin(with_files=True)
    assert again.unchanged(first.selection) is None
    again.close()


def test_snapshots_that_are_taken_together_are_the_same(
    searches: Searches, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their files are read by processes, and then by nobody else."""
    for number in range(10):
        (searches.root / "c" / f"f{number}").write_text(str(number))
    reads = [ContextRead(("f*",), 1)]
    wanted = [
        (searches.root / "c", None, ()),
        (searches.root / "c", reads, ()),
        (searches.root, None, ["a"]),
    ]
    expected = [searches.index().snapshot(*each).digest for each in wanted]
    monkeypatch.setattr(contextreading, "_MANY", 1)
    monkeypatch.setattr(forking, "has_one_thread", lambda: True)
    index = searches.index()
    index.take(wanted)
    monkeypatch.setattr(fingerprint, "select_files", lambda *_: pytest.fail("selected again"))
    assert [index.snapshot(*each).digest for each in wanted] == expected
    index.save()
    again = searches.index()
    again.take(wanted)
    assert [again.snapshot(*each).digest for each in wanted] == expected


def test_a_closed_index_has_no_file_open(searches: Searches) -> None:
    """What nobody has read of it is looked at anew, and comes to the same."""
    context = searches.root / "c"
    searches.run(lambda index: index.snapshot(context, None))
    before = open_files()
    index = searches.index()
    assert open_files() == before + 1
    snapshot = index.snapshot(context, None)
    index.close()
    assert open_files() == before
    assert [file.relpath for file in snapshot.files] == ["d", "d/e", "d/e/file"]
    assert index.snapshot(searches.root, None).files
    index.close()


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
