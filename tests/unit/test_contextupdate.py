"""An index after a run that saw more."""

from __future__ import annotations

import os
import shutil
import time
from typing import TYPE_CHECKING

import pytest

from okplug import contextgroups
from okplug.context import ContextFile
from okplug.contextgroups import group_folders
from okplug.contextindexfile import read_index
from okplug.fingerprint import ContextIndex
from okplug.folderstats import GRANULARITY

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from okplug.contextstore import Stored

_DAY = 86_400 * 10**9


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with six contexts of four files, so few that groups are small, too."""
    monkeypatch.setattr(contextgroups, "_FEW", 4)
    monkeypatch.setattr(contextgroups, "_MANY", 8)
    for number in range(6):
        for name in ("a", "b", "sub/c", "sub/deep/d"):
            path = tmp_path / f"c{number}" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{number} {name}")
    return tmp_path


def run(workspace: Path, *contexts: str, days: int = 0) -> dict[str, str]:
    """Take snapshots of contexts, all of them if none is named, some days from now; save."""
    path = workspace / "index"
    index = ContextIndex(workspace, path, lambda: time.time_ns() + 2 * GRANULARITY + days * _DAY)
    index.folders.check.begin(with_files=not contexts)
    names = contexts or [entry.name for entry in workspace.iterdir() if entry.is_dir()]
    try:
        found = {name: index.snapshot(workspace / name, None).digest for name in sorted(names)}
        index.save()
    finally:
        index.close()
    return found


def fresh(workspace: Path) -> dict[str, str]:
    """Return what an index that knows nothing finds."""
    index = ContextIndex(workspace, None)
    names = sorted(entry.name for entry in workspace.iterdir() if entry.is_dir())
    return {name: index.snapshot(workspace / name, None).digest for name in names}


def stored(workspace: Path) -> Stored:
    return read_index(workspace / "index", os.fsencode(workspace))


def unread(workspace: Path) -> set[str]:
    """Return the contexts that a run now would not have to look into."""
    index = stored(workspace)
    check = ContextIndex(workspace, workspace / "index")._folders.check
    return {
        os.fsdecode(selection.root).rpartition("/")[2]
        for selection in index.selections.values()
        if check.are_same(selection.groups)
    }


def plant(path: Path) -> Path:
    """Write a file with the folders above it."""
    path.parent.mkdir(parents=True)
    path.touch()
    return path


def remove_deep(root: Path) -> Path:
    """Remove a folder, and return where it was."""
    shutil.rmtree(root / "c2/sub/deep")
    return root / "c2/sub/deep"


EDITS: dict[str, Callable[[Path], object]] = {
    "content": lambda root: (root / "c2/sub/c").write_text("other"),
    "a new file": lambda root: (root / "c2/new").write_text("x"),
    "a new folder": lambda root: plant(root / "c2/x/y"),
    "many new folders": lambda root: [plant(root / f"c2/more/{number}/x") for number in range(20)],
    "a folder less": remove_deep,
    "a context renamed": lambda root: (root / "c2").rename(root / "c9"),
    "a file instead of a folder": lambda root: remove_deep(root).write_text("x"),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_has_only_its_context_read_again(workspace: Path, edit: str) -> None:
    """And the run after that reads nothing."""
    before = run(workspace)
    assert unread(workspace) == before.keys()
    EDITS[edit](workspace)
    assert unread(workspace) == before.keys() - {"c2"}
    after = run(workspace)
    assert after == fresh(workspace) != before
    assert unread(workspace) >= after.keys()
    written = (workspace / "index").stat()
    assert run(workspace) == after
    assert (workspace / "index").stat() == written


def test_groups_stay_small(workspace: Path) -> None:
    """Folders that are added divide the groups that they are added to."""
    run(workspace)
    for number in range(30):
        (workspace / f"c1/n{number}/m").mkdir(parents=True)
    run(workspace, "c1")
    names = [group.folders.names.split(b"\0") for group in stored(workspace).groups]
    assert max(map(len, names)) <= 9
    assert sum(map(len, names)) == 6 * 3 + 60
    assert run(workspace) == fresh(workspace)


def test_a_run_of_one_image_keeps_the_others(workspace: Path) -> None:
    run(workspace)
    (workspace / "c0/a").write_text("other")
    run(workspace, "c0")
    assert unread(workspace) == {f"c{number}" for number in range(6)}


def test_a_selection_of_another_image_does_not_outlive_a_change(workspace: Path) -> None:
    """A run that sees the change does not ask for it; its folders are as they should be after."""
    run(workspace, "c0")
    run(workspace, "c0/sub")
    (workspace / "c0/sub/c").write_text("other")
    run(workspace, "c0/sub")
    assert unread(workspace) == {"sub"}
    assert run(workspace, "c0") == {"c0": fresh(workspace)["c0"]}


def test_what_nobody_asks_for_is_dropped_in_the_end(workspace: Path) -> None:
    run(workspace)
    run(workspace, "c0", "c1", days=20)
    (workspace / "c0/a").write_text("news")
    run(workspace, "c0", "c1", days=29)
    assert len(stored(workspace).selections) == 6
    (workspace / "c0/a").write_text("more news")
    run(workspace, "c0", "c1", days=50)
    index = stored(workspace)
    known = {path for group in index.groups for path in group.paths()}
    assert {os.fsdecode(path).rpartition(str(workspace) + "/")[2][:2] for path in known} == {
        "c0",
        "c1",
    }
    assert len(index.selections) == 2


def test_a_damaged_part_is_found_when_it_is_needed(workspace: Path) -> None:
    """Nothing wrong comes of it, and the index is made anew."""
    run(workspace)
    path = workspace / "index"
    path.write_bytes(path.read_bytes()[:-1] + b"\xff")
    (workspace / "c5/b").write_text("other")
    (workspace / "c0/b").write_text("other")
    assert run(workspace) == fresh(workspace)
    run(workspace)
    assert unread(workspace) == {f"c{number}" for number in range(6)}


def test_a_group_has_folders_of_the_workspace_or_others(workspace: Path) -> None:
    """The workspace may move, and what is beside it stays."""
    index = ContextIndex(workspace / "c0", workspace / "index")
    index.snapshot(workspace / "c0", None)
    index.snapshot(workspace / "c1", None)
    index.save()
    root = os.fsencode(workspace / "c0")
    groups = read_index(workspace / "index", root).groups
    sides = [{path.startswith(root) for path in group.paths()} for group in groups]
    assert sides == [{True}, {False}]


def test_no_folders_make_no_groups() -> None:
    assert group_folders({}, b"/") == []


def test_an_index_never_sees_a_file_twice(workspace: Path) -> None:
    """Snapshots list each file once, wherever it is stored."""
    run(workspace)
    (workspace / "c3/new").write_text("x")
    run(workspace)
    index = ContextIndex(workspace, workspace / "index")
    files = index.snapshot(workspace / "c3", None).files
    assert [file.relpath for file in files if isinstance(file, ContextFile)] == [
        "a",
        "b",
        "new",
        "sub",
        "sub/c",
        "sub/deep",
        "sub/deep/d",
    ]
