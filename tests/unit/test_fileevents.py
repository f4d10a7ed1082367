"""Events of files: what is heard, and what happens where nothing can be."""

from __future__ import annotations

import os
import sys
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from watchfiles import _rust_notify  # noqa: TID253  # the tests need it anyway

from okplug.errors import UsageError
from okplug.fileevents import FileEvents, is_text, topmost

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


@dataclass
class Backend:
    """Takes the place of what listens; *outcomes* are what it says or raises, one by one.

    :param opened: the folders of each that was made, with the other arguments.
    """

    outcomes: list[object] = field(default_factory=list)
    opened: list[tuple[Sequence[str], dict[str, object]]] = field(default_factory=list)
    closed: int = 0

    WatchfilesRustInternalError = _rust_notify.WatchfilesRustInternalError

    def RustNotify(self, paths: Sequence[str], **options: object) -> Backend:  # noqa: N802  # as it is called
        """Take note of the folders."""
        self.opened.append((paths, options))
        outcome = self.outcomes.pop(0) if self.outcomes else None
        if isinstance(outcome, Exception):
            raise outcome
        return self

    def watch(self, *_: object) -> object:
        """Say what is next."""
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def close(self) -> None:
        """Take note."""
        self.closed += 1


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch) -> Backend:
    """What listens, made up."""
    made = Backend()
    monkeypatch.setattr("watchfiles._rust_notify", made)
    return made


@pytest.fixture
def events() -> Iterator[FileEvents]:
    """What really listens."""
    made = FileEvents({})
    yield made
    made.close()


def heard(events: FileEvents, path: Path) -> bool:
    """Wait for a path, whatever else is told before it, and give up when the test takes too long."""
    ends = threading.Timer(30, (path.parent / "deadline").touch)
    ends.start()
    try:
        while True:
            found = events.wait()
            assert found is not None
            if str(path) in found:
                return True
            if str(path.parent / "deadline") in found:
                return False
    finally:
        ends.cancel()
        ends.join()


def test_what_happens_in_a_folder_is_heard(events: FileEvents, tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "old").touch()
    assert events.watch(frozenset({str(tmp_path)}))
    (tmp_path / "below/file").touch()
    (tmp_path / "old").rename(tmp_path / "new")
    found = events.wait()
    assert found is not None
    assert {str(tmp_path / "old"), str(tmp_path / "new")} <= found
    assert str(tmp_path / "below/file") not in found, "nobody asked for that folder"
    (tmp_path / "new").write_text("a")
    assert heard(events, tmp_path / "new")
    (tmp_path / "new").unlink()
    assert heard(events, tmp_path / "new")


def test_what_happened_before_anybody_waits_is_heard(events: FileEvents, tmp_path: Path) -> None:
    events.watch(frozenset({str(tmp_path)}))
    (tmp_path / "file").touch()
    assert heard(events, tmp_path / "file")


def test_the_same_folders_are_watched_once(events: FileEvents, tmp_path: Path) -> None:
    folders = frozenset({str(tmp_path)})
    assert events.watch(folders)
    assert not events.watch(frozenset(folders))
    (tmp_path / "file").touch()
    events.wait()
    assert not events.watch(folders)


def test_a_folder_that_is_made_again_is_watched_again(events: FileEvents, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    folders = frozenset({str(tmp_path), str(folder)})
    events.watch(folders)
    folder.rmdir()
    folder.mkdir()
    assert heard(events, folder)
    assert events.watch(folders)
    (folder / "file").touch()
    assert heard(events, folder / "file")


def test_a_folder_that_is_gone_does_not_count(events: FileEvents, tmp_path: Path) -> None:
    assert events.watch(frozenset({str(tmp_path), str(tmp_path / "gone")}))
    (tmp_path / "file").touch()
    assert heard(events, tmp_path / "file")


def test_names_that_are_no_text(events: FileEvents, tmp_path: Path) -> None:
    """A folder of such a name is not watched; a file of such a name is a change like any other."""
    odd = tmp_path / os.fsdecode(b"caf\xe9")
    odd.mkdir()
    folders = frozenset({str(tmp_path), str(odd)})
    assert events.watch(folders)
    (tmp_path / os.fsdecode(b"\xff")).touch()
    assert events.wait() is None
    assert events.watch(folders), "whoever listens has lost the thread"
    (tmp_path / "file").touch()
    assert heard(events, tmp_path / "file")


def test_a_signal_ends_the_wait(backend: Backend, tmp_path: Path) -> None:
    events = FileEvents({})
    backend.outcomes = [None, "signal"]
    events.watch(frozenset({str(tmp_path)}))
    with pytest.raises(KeyboardInterrupt):
        events.wait()


@pytest.mark.parametrize(
    "error",
    [
        OSError(28, "No space left on device"),
        _rust_notify.WatchfilesRustInternalError("OS file watch limit reached"),
    ],
)
def test_limits_of_the_system_have_a_remedy(
    backend: Backend, tmp_path: Path, error: Exception
) -> None:
    events = FileEvents({})
    backend.outcomes = [error]
    with pytest.raises(UsageError, match=r"^files cannot be watched: .*(No space|limit)") as caught:
        events.watch(frozenset({str(tmp_path)}))
    assert "fs.inotify.max_user_watches" in caught.value.hint
    assert "WATCHFILES_FORCE_POLLING=1" in caught.value.hint


def test_what_listened_goes_on_when_something_else_cannot(backend: Backend, tmp_path: Path) -> None:
    events = FileEvents({})
    events.watch(frozenset({str(tmp_path)}))
    backend.outcomes = [OSError(28, "No space left on device"), {(1, "/a")}]
    with pytest.raises(UsageError):
        events.watch(frozenset({"/"}))
    assert backend.closed == 0
    assert events.wait() == frozenset({"/a"})


def test_folders_that_come_and_go_are_tried_again(backend: Backend, tmp_path: Path) -> None:
    events = FileEvents({})
    backend.outcomes = [FileNotFoundError(), FileNotFoundError()]
    assert events.watch(frozenset({str(tmp_path)}))
    assert len(backend.opened) == 3
    backend.outcomes = [FileNotFoundError() for _ in range(3)]
    with pytest.raises(UsageError, match="folders come and go"):
        events.watch(frozenset({str(tmp_path), "/"}))


@pytest.mark.parametrize(
    ("environ", "polls", "delay"),
    [
        ({}, False, 300),
        ({"WATCHFILES_FORCE_POLLING": ""}, False, 300),
        ({"WATCHFILES_FORCE_POLLING": "false"}, False, 300),
        ({"WATCHFILES_FORCE_POLLING": "Disabled"}, False, 300),
        ({"WATCHFILES_FORCE_POLLING": "1", "WATCHFILES_POLL_DELAY_MS": "2000"}, True, 2000),
        ({"WATCHFILES_FORCE_POLLING": "true", "WATCHFILES_POLL_DELAY_MS": "often"}, True, 300),
    ],
)
def test_polling_is_asked_for_by_variables(
    backend: Backend,
    tmp_path: Path,
    environ: dict[str, str],
    polls: bool,  # noqa: FBT001  # a parameter
    delay: int,
) -> None:
    FileEvents(environ).watch(frozenset({str(tmp_path)}))
    ((paths, options),) = backend.opened
    assert paths == [str(tmp_path)]
    assert options["force_polling"] is polls
    assert options["poll_delay_ms"] == delay
    assert options["recursive"] is False


def test_whole_trees_are_watched_where_folders_are_dear(
    backend: Backend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    (tmp_path / "a").mkdir()
    FileEvents({}).watch(frozenset({str(tmp_path), str(tmp_path / "a")}))
    ((paths, options),) = backend.opened
    assert (paths, options["recursive"]) == ([str(tmp_path)], True)


def test_the_package_is_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "watchfiles", None)
    with pytest.raises(UsageError, match=r"^--watch needs the package watchfiles") as caught:
        FileEvents({})
    assert caught.value.hint == "pip install 'okplug[watch]'"


@pytest.mark.parametrize(
    ("folders", "expected"),
    [
        ([], []),
        (["/a/b", "/a"], ["/a"]),
        (["/a", "/a-b", "/a/b/c"], ["/a", "/a-b"]),
        (["/ab", "/a/c", "/a/b"], ["/a/b", "/a/c", "/ab"]),
        (["/", "/a"], ["/"]),
    ],
)
def test_the_topmost_folders(folders: list[str], expected: list[str]) -> None:
    assert topmost(folders) == expected


def test_what_is_text() -> None:
    assert is_text("/a/b")
    assert is_text("/caf\xe9/\U0001f40b")
    assert not is_text(os.fsdecode(b"/caf\xe9"))
