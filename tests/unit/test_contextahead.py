"""Contexts that nobody knows, looked at by several processes: nothing else comes of it."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from okplug.contextcontent import read_content
from okplug.dockerfile.model import ContextRead
from okplug.errors import Location, ManifestError
from okplug.fingerprint import ContextIndex
from okplug.folderstats import GRANULARITY

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from okplug.contextsnapshot import Snapshot

CONTEXTS = tuple(f"c{number:02}" for number in range(20))


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with contexts that have some of everything."""
    monkeypatch.setattr("okplug.forking.has_one_thread", lambda: True)
    for name in CONTEXTS:
        for path in ("a", "sub/b", "sub/deep/c", "left/out"):
            file = tmp_path / name / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{name} {path}")
        (tmp_path / name / "link").symlink_to("sub/b")
        (tmp_path / name / "empty").mkdir()
    return tmp_path


@pytest.fixture
def read_here(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the files that this process reads itself, as far as it has."""
    found: list[str] = []
    parent = os.getpid()

    def spy(path: bytes, mode: int, size: int) -> bytes:
        if os.getpid() == parent:
            found.append(os.fsdecode(path))
        return read_content(path, mode, size)

    monkeypatch.setattr("okplug.contextfolders.read_content", spy)
    return found


def index_of(workspace: Path, days: int = 0) -> ContextIndex:
    """Return an index that outlives the run, some days from now."""
    later = days * 86_400_000_000_000 + 2 * GRANULARITY
    return ContextIndex(workspace, workspace / "index", lambda: time.time_ns() + later)


def taken(
    index: ContextIndex, workspace: Path, contexts: Sequence[str] = CONTEXTS
) -> list[Snapshot]:
    """Take snapshots of all at once; something is left out, and one source names nothing."""
    read = ContextRead(("/", "nothing"), line=1)
    wanted = [(workspace / name, [read], ("left",)) for name in contexts]
    index.take(wanted)
    return [index.snapshot(*each) for each in wanted]


def shown(snapshots: Sequence[Snapshot]) -> list[object]:
    """Return all that a snapshot says."""
    return [(s.digest, s.proof, s.visited, s.unmatched, s.files) for s in snapshots]


def test_it_comes_to_what_one_process_finds(workspace: Path, read_here: list[str]) -> None:
    """And the next run knows all of it."""
    index = index_of(workspace)
    found = shown(taken(index, workspace))
    index.save()
    assert read_here == []
    again = index_of(workspace)
    assert [again.unchanged(s.selection) for s in taken(index, workspace)] == [
        [s.digest, s.proof] for s in taken(again, workspace)
    ]
    assert shown(taken(again, workspace)) == found
    assert read_here == []
    assert found == shown(taken(ContextIndex(workspace, None), workspace))
    assert len(read_here) == 4 * len(CONTEXTS)


def test_a_context_that_holds_others_reads_the_rest(workspace: Path, read_here: list[str]) -> None:
    (workspace / "own").write_text("own")
    contexts = [".", *CONTEXTS]
    found = shown(taken(index_of(workspace), workspace, contexts))
    left = [str(workspace / name / "left/out") for name in CONTEXTS]
    assert sorted(read_here) == [*left, str(workspace / "own")]
    assert found == shown(taken(ContextIndex(workspace, None), workspace, contexts))


def test_few_contexts_are_not_divided(workspace: Path, read_here: list[str]) -> None:
    taken(index_of(workspace), workspace, CONTEXTS[:3])
    assert len(read_here) == 12


def test_what_is_wrong_is_said_as_ever(workspace: Path) -> None:
    os.mkfifo(workspace / "c07/pipe")
    with pytest.raises(ManifestError, match="not a regular file") as caught:
        taken(index_of(workspace), workspace)
    assert caught.value.location == Location(workspace / "c07/pipe")


@pytest.mark.parametrize("days", [0, 1])
def test_a_later_change_is_seen(workspace: Path, days: int) -> None:
    """In the same run if it is told to look again, and in the next one."""
    index = index_of(workspace)
    before = [s.digest for s in taken(index, workspace)]
    (workspace / "c03/sub/b").write_text("other")
    (workspace / "c05/new").write_text("new")
    assert [s.digest for s in taken(index, workspace)] == before
    index.save()
    index.look_again()
    fresh = [s.digest for s in taken(ContextIndex(workspace, None), workspace)]
    assert [s.digest for s in taken(index, workspace)] == fresh
    assert [s.digest for s in taken(index_of(workspace, days), workspace)] == fresh
    changed = [n for n, b, f in zip(CONTEXTS, before, fresh, strict=True) if b != f]
    assert changed == ["c03", "c05"]


def test_what_an_earlier_run_knew_is_not_taken_for_what_is_there(workspace: Path) -> None:
    """A stored selection counts as changed, whoever saw the change."""
    index = index_of(workspace)
    before = taken(index, workspace)
    index.save()
    for name in CONTEXTS:
        (workspace / name / "a").write_text("other")
    again = index_of(workspace, days=1)
    after = taken(again, workspace)
    assert all(old.digest != new.digest for old, new in zip(before, after, strict=True))
    assert [again.unchanged(old.selection) for old in before] == [None] * len(CONTEXTS)


def test_one_context_can_be_forgotten(workspace: Path) -> None:
    index = index_of(workspace)
    before = [s.digest for s in taken(index, workspace)]
    for name in ("c03", "c05"):
        (workspace / name / "a").write_text("other")
    index.forget(workspace / "c05")
    after = [s.digest for s in taken(index, workspace)]
    assert [n for n, b, a in zip(CONTEXTS, before, after, strict=True) if b != a] == ["c05"]
