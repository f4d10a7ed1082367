"""Notes of what was looked at: they hold as long as looking again would show the same."""

from __future__ import annotations

import os
import pickle
import threading
import time
from typing import TYPE_CHECKING

import pytest

from okplug.folderstats import GRANULARITY
from okplug.notes import (
    NotedVariables,
    Notes,
    note_file,
    note_setting,
    note_warning,
    taking,
)
from okplug.settings import Value

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a file, a folder and a link to each."""
    (tmp_path / "file").write_text("content")
    (tmp_path / "sub").mkdir()
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "sublink").symlink_to("sub")
    return tmp_path


def looked_at(*paths: Path) -> Notes:
    notes = Notes()
    with taking(notes):
        for path in paths:
            note_file(path)
    return notes


def replace(path: Path, *, by: str) -> None:
    """Put a file, a folder or a link to ``sub`` in the place of something."""
    path.rename(path.with_name("old"))
    if by == "folder":
        path.mkdir()
    elif by == "file":
        path.touch()
    else:
        path.symlink_to("sub")


def touch(path: Path) -> None:
    """Change a file by its times only."""
    os.utime(path, ns=(1, 1))


CHANGES: dict[str, tuple[Callable[[Path], object], set[str]]] = {
    "content": (lambda root: (root / "file").write_text("other"), {"file", "link"}),
    "same size": (lambda root: (root / "file").write_text("CONTENT"), {"file", "link"}),
    "mode": (lambda root: (root / "file").chmod(0o755), {"file", "link"}),
    "times": (lambda root: touch(root / "file"), {"file", "link"}),
    "gone": (lambda root: (root / "file").unlink(), {"file", "link"}),
    "new": (lambda root: (root / "new").touch(), {"new"}),
    "in a folder": (lambda root: (root / "sub/x").touch(), set()),
    "another folder": (
        lambda root: replace(root / "sub", by="folder"),
        {"sub", "sublink"},
    ),
    "another target": (
        lambda root: replace(root / "link", by="link"),
        {"link"},
    ),
    "a file of a folder's name": (
        lambda root: replace(root / "sub", by="file"),
        {"sub", "sublink"},
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_changes_is_no_longer_as_it_was(folder: Path, change: str) -> None:
    """Links are followed; of a folder only counts which one it is."""
    names = ("file", "link", "sub", "sublink", "new", "sub/none")
    before = {name: looked_at(folder / name) for name in names}
    assert all(notes.hold({}, {}) for notes in before.values())
    act, changed = CHANGES[change]
    time.sleep(0.01)  # a tick of the clock, for the case that only times tell
    act(folder)
    assert {name for name, notes in before.items() if not notes.hold({}, {})} == changed


def test_the_first_look_counts(folder: Path) -> None:
    """What is read after a change that came between would not be what the notes say."""
    notes = Notes()
    with taking(notes):
        note_file(folder / "file")
        (folder / "file").write_text("longer than it was")
        note_file(str(folder / "file"))
    assert not notes.hold({}, {})


def test_variables_are_noted_when_they_are_asked_for() -> None:
    notes = Notes()
    variables = NotedVariables({"A": "1", "B": "2", "SECRET": "hunter2"}, notes)
    assert (variables["A"], variables.get("C"), "D" in variables) == ("1", None, False)
    assert variables.get("SECRET") == "hunter2"
    with pytest.raises(KeyError):
        variables["E"]
    assert notes.hold({"A": "1", "B": "other", "SECRET": "hunter2"}, {})
    for other in ({"A": "2"}, {"A": "1", "C": ""}, {"A": "1", "D": "x"}, {"A": "1", "E": "x"}, {}):
        assert not notes.hold({"SECRET": "hunter2", **other}, {}), other
    assert b"hunter2" not in pickle.dumps(notes)
    assert notes.is_whole


@pytest.mark.parametrize("look", [list, len, dict, lambda variables: {**variables}])
def test_whoever_asks_for_all_variables_is_noted_too(look: Callable[[object], object]) -> None:
    """Nobody can say then what counted."""
    notes = Notes()
    look(NotedVariables({"A": "1"}, notes))
    assert not notes.is_whole
    assert not notes.are_settled(time.time_ns())


def test_settings_are_noted() -> None:
    notes = Notes()
    with taking(notes):
        note_setting("jobs", 3)
    values = {"jobs": Value("jobs", 3, "default"), "other": Value("other", "x", "default")}
    assert notes.hold({}, values)
    assert not notes.hold({}, {**values, "jobs": Value("jobs", 4, "default")})
    assert not notes.hold({}, {})


def test_nothing_is_noted_outside_of_the_block(folder: Path) -> None:
    """Nor by other threads."""
    notes = Notes()
    with taking(notes):
        thread = threading.Thread(target=note_file, args=(folder / "file",))
        thread.start()
        thread.join()
    note_file(folder / "file")
    note_setting("a", "b")
    note_warning("x", "")
    assert notes == Notes()


def test_blocks_may_lie_within_each_other(folder: Path) -> None:
    outer, inner = Notes(), Notes()
    with taking(outer):
        with taking(inner):
            note_file(folder / "file")
        note_warning("outer", ":api")
    assert list(inner.files) == [str(folder / "file")]
    assert (outer.files, outer.warnings) == ({}, [("outer", ":api")])


def test_fresh_files_may_change_unseen(folder: Path) -> None:
    """A file written twice within one tick of the clock can keep its stat."""
    notes = looked_at(folder / "file", folder / "sub", folder / "none")
    written = (folder / "file").stat().st_ctime_ns
    assert not notes.are_settled(written)
    assert not notes.are_settled(written + GRANULARITY)
    assert notes.are_settled(written + GRANULARITY + 1)
    assert looked_at(folder / "sub", folder / "none").are_settled(0)
