"""A watch between its runs: what it waits for, and what it takes for news."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from okplug import hookimpl
from okplug.errors import ManifestError, UsageError
from okplug.interest import Interest
from okplug.manifest import plugin as okteto_plugin
from okplug.rounds import Rounds
from okplug.session import keyed
from okplug.testing import FakeRegistry
from okplug.watching import MANY, await_change, looking_for_news

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from okplug import Registry
    from okplug.config import Config
    from okplug.testing import Workspace


class Events:
    """Says what a test wants to be heard: paths, None for unknown ones, or an exception."""

    def __init__(self, *outcomes: Iterable[str] | Exception | None, folders: Iterable[str]) -> None:
        self.folders = frozenset(folders)
        self.left = list(outcomes)

    def watch(self, folders: frozenset[str]) -> bool:
        """Take note of the folders."""
        is_new = folders != self.folders
        self.folders = folders
        return is_new

    def wait(self) -> frozenset[str] | None:
        """Say what is next."""
        outcome = self.left.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return None if outcome is None else frozenset(outcome)


#: one file, and the manifests of one folder
INTEREST = Interest(
    frozenset({"/src/docs"}), files=frozenset({"/src/file"}), folders=frozenset({"/src"})
)


def waiting(*outcomes: Iterable[str] | Exception | None, **fields: Any) -> Rounds:
    """Return rounds that hear these one by one, in folders that are watched already."""
    events: Any = Events(*outcomes, folders=INTEREST.folders)
    return Rounds(is_wanted=True, number=1, root="/src", interest=INTEREST, events=events, **fields)


def left(rounds: Rounds) -> int:
    """Return how many were not heard."""
    events: Any = rounds.events
    return len(events.left)


def test_what_matters_ends_the_wait() -> None:
    rounds = waiting(["/src/other"], ["/src/docs/text"], ["/src/z", "/src/file"], ["/src/file"])
    await_change(rounds)
    assert rounds.changed == ("/src/file",)
    assert left(rounds) == 1


def test_own_folders_are_not_watched() -> None:
    folders = {"/src", "/src/.git/refs", "/src/images", "/src/images/blobs", "/src/a"}
    interest = Interest(frozenset(), folders=frozenset(folders))
    events: Any = Events(folders=())
    rounds = Rounds(
        number=1, root="/src", interest=interest, events=events, outputs={"/src/images"}
    )
    await_change(rounds)
    assert events.folders == {"/src", "/src/a"}


def test_own_files_do_not_end_it() -> None:
    rounds = waiting(["/src/file"], ["/src/docs/okteto.yaml"], outputs={"/src/file"})
    await_change(rounds)
    assert rounds.changed == ("/src/docs/okteto.yaml",)


@pytest.mark.parametrize("changes", [None, [f"/x/{number}" for number in range(MANY + 1)]])
def test_what_is_not_known_ends_it(changes: list[str] | None) -> None:
    rounds = waiting(changes)
    await_change(rounds)
    assert rounds.changed == ()
    assert left(rounds) == 0


def test_many_that_do_not_matter_are_looked_through() -> None:
    rounds = waiting([f"/x/{number}" for number in range(MANY)], ["/src/file"])
    await_change(rounds)
    assert rounds.changed == ("/src/file",)


def test_other_folders_are_looked_at_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    """What changed in them before anybody listened is still to be seen."""
    events: Any = Events(folders=["/other"])
    rounds = Rounds(is_wanted=True, number=1, root="/src", interest=INTEREST, events=events)
    await_change(rounds)
    assert events.folders == INTEREST.folders
    assert rounds.changed == ()
    assert capsys.readouterr().err == "", "it does not wait yet"


def test_a_wait_is_announced_once(capsys: pytest.CaptureFixture[str]) -> None:
    rounds = waiting(["/src/file"], ["/src/file"])
    await_change(rounds)
    assert rounds.is_waiting
    assert capsys.readouterr().err == "watching for changes, Ctrl-C ends it\n"
    rounds.interest = INTEREST
    await_change(rounds)
    assert capsys.readouterr().err == ""


def test_what_cannot_be_watched_ends_it_all() -> None:
    rounds = waiting(UsageError("files cannot be watched"))
    with pytest.raises(UsageError):
        await_change(rounds)
    assert not rounds.goes_on


def test_after_a_run_that_knew_nothing_everything_matters(workspace: Workspace) -> None:
    root = str(workspace.root)
    events: Any = Events([f"{root}/whatever"], folders=[root, "/elsewhere"])
    rounds = Rounds(is_wanted=True, number=1, root=root, events=events)
    await_change(rounds)
    assert rounds.changed == (f"{root}/whatever",)
    assert events.folders == {root, "/elsewhere"}


class Registries:
    """Serves a registry."""

    @hookimpl
    def okplug_registry(self) -> Registry:
        """Return a registry."""
        return FakeRegistry()


FILES = {
    "okteto.yaml": "build: {api: .}\n",
    "Dockerfile": "FROM scratch\nCOPY data /\n",
    "data": "one\n",
}


@pytest.fixture
def configure(workspace: Workspace) -> Callable[[Rounds], Config]:
    """Return the configuration of a run of a watch."""
    workspace.write(FILES)

    def make(rounds: Rounds) -> Config:
        config = workspace.config(
            plugins=[okteto_plugin, Registries()],
            settings={"registry": "registry.test"},
            options={"selection": ()},
        )
        config.rounds = rounds
        rounds.root = str(workspace.root)
        return config

    return make


def look(config: Config) -> bool:
    """Look for news, and end the run."""
    assert config.rounds is not None
    with looking_for_news(config) as is_news:
        pass
    config.rounds.number += 1
    return is_news


def test_the_first_run_is_news_and_one_that_comes_to_the_same_is_none(
    configure: Callable[[Rounds], Config], workspace: Workspace
) -> None:
    rounds = Rounds()
    assert look(configure(rounds))
    assert not look(configure(rounds))
    workspace.write({"data": "two\n"})
    assert look(configure(rounds))
    workspace.write({"README": "nobody reads this\n"})
    assert not look(configure(rounds))
    workspace.write({"Dockerfile": "# of no meaning\n" + FILES["Dockerfile"]})
    assert not look(configure(rounds))


def test_a_new_name_is_news_without_a_new_key(
    configure: Callable[[Rounds], Config], workspace: Workspace
) -> None:
    rounds = Rounds()
    look(configure(rounds))
    workspace.write({"okteto.yaml": "build: {api: {context: ., tags: [registry.test/a/b]}}\n"})
    assert look(configure(rounds))


def test_news_begin_with_the_time_and_the_files(
    configure: Callable[[Rounds], Config], workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    rounds = Rounds()
    look(configure(rounds))
    assert capsys.readouterr().err == "", "the first run is as it is without a watch"
    lines = []
    for number, names in enumerate([["a"], ["a", "b"], ["a", "b", "c", "d"], ["x\x1b[2J"], []]):
        workspace.write({"data": f"{number}\n"})
        rounds.changed = tuple(f"{workspace.root}/{name}" for name in names)
        look(configure(rounds))
        (line,) = capsys.readouterr().err.splitlines()
        assert re.match(r"\d\d:\d\d:\d\d  ", line)
        lines.append(line[10:])
    assert lines == [
        "a changed",
        "a, b changed",
        "a, b (+2 more) changed",
        "x\\x1b[2J changed",
        "files changed",
    ]


def test_nothing_is_collected_twice(configure: Callable[[Rounds], Config]) -> None:
    config = configure(Rounds())
    with looking_for_news(config), keyed(config) as first, keyed(config) as second:
        assert first is second
    with keyed(config) as third:
        assert third is not first


def test_an_error_is_news_once_and_met_by_the_command(
    configure: Callable[[Rounds], Config], workspace: Workspace
) -> None:
    rounds = Rounds()
    look(configure(rounds))
    workspace.write({"okteto.yaml": "build: {\n"})
    config = configure(rounds)
    with looking_for_news(config) as is_news:
        assert is_news
        with pytest.raises(ManifestError) as caught, keyed(config):
            pass
    rounds.fail(caught.value)
    rounds.is_waiting = True
    assert not look(configure(rounds))
    assert rounds.is_waiting
    workspace.write(FILES)
    assert look(configure(rounds)), "all is well again, which is news"
    assert not look(configure(rounds))


def test_after_any_failure_the_next_look_is_news(configure: Callable[[Rounds], Config]) -> None:
    rounds = Rounds()
    look(configure(rounds))
    rounds.fail(UsageError("the disk is full"))
    assert look(configure(rounds))
    assert rounds.error == ""


def test_a_fault_leaves_nothing_behind(
    configure: Callable[[Rounds], Config], monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds = Rounds()
    with monkeypatch.context() as patched:
        patched.setattr("okplug.watching.interest_of", lambda *_: 1 // 0)
        with pytest.raises(ZeroDivisionError), looking_for_news(configure(rounds)):
            pass
    assert rounds.collected is None
    assert rounds.interest is None


def test_what_the_files_are_is_noted(
    configure: Callable[[Rounds], Config], workspace: Workspace
) -> None:
    rounds = Rounds()
    look(configure(rounds))
    assert rounds.interest is not None
    assert rounds.interest.concerns(str(workspace.root / "data"))
