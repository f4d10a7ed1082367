"""Images that read the same context send one tree, in turns."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import pytest

from okplug.context import ContextFile
from okplug_buildkit.solve.sharing import SharedContexts, shared_key

if TYPE_CHECKING:
    from okplug import BuildOutline


@dataclass(frozen=True)
class Snapshot:
    """A context that says its digest."""

    digest: str = "1"
    root: Path = Path("/shop")
    ignored: tuple[str, ...] = ()
    proof: str = ""
    files: tuple[ContextFile, ...] = (ContextFile("a", "file"),)

    def open(self, relpath: str) -> BinaryIO:
        """Have no files."""
        raise KeyError(relpath)


@dataclass(frozen=True)
class Outline:
    """What a builder is shown of an image, as far as it counts here."""

    context: Snapshot | None


ONE = Snapshot("1")
TWO = Snapshot("2")


def shared(*snapshots: Snapshot | None) -> SharedContexts:
    contexts = SharedContexts()
    contexts.learn(cast("list[BuildOutline]", [Outline(each) for each in snapshots]))
    return contexts


def test_one_context_is_one_tree_with_the_image_s_own_files_last() -> None:
    contexts = shared(ONE, TWO, ONE, None)
    assert contexts.snapshots(ONE) == (TWO, ONE)
    assert contexts.snapshots(TWO) == (ONE, TWO)


def test_what_was_keyed_again_is_sent_alone() -> None:
    changed = Snapshot("3")
    assert shared(ONE, TWO).snapshots(changed) == (changed,)


def test_after_a_change_nobody_sends_the_files_of_others() -> None:
    elsewhere, also = Snapshot("1", Path("/other")), Snapshot("2", Path("/other"))
    contexts = shared(ONE, TWO, elsewhere, also)
    contexts.part(TWO)
    contexts.part(TWO)
    assert contexts.snapshots(ONE) == (ONE,)
    assert contexts.snapshots(TWO) == (TWO,)
    assert contexts.snapshots(also) == (elsewhere, also)
    with contexts.turn("d", ONE):
        assert not waits(contexts, "d", TWO)


def test_other_roots_and_other_patterns_are_other_trees() -> None:
    elsewhere = Snapshot("2", Path("/other"))
    filtered = Snapshot("3", ignored=("*.md",))
    contexts = shared(ONE, elsewhere, filtered)
    assert contexts.snapshots(ONE) == (ONE,)
    assert contexts.snapshots(elsewhere) == (elsewhere,)
    assert contexts.snapshots(filtered) == (filtered,)


def waits(contexts: SharedContexts, daemon: str, context: Snapshot) -> bool:
    """Tell whether another image that reads the context has to wait."""
    entered = threading.Event()

    def enter() -> None:
        with contexts.turn(daemon, context):
            entered.set()

    thread = threading.Thread(target=enter, daemon=True)
    thread.start()
    return not entered.wait(0.05)


def test_turns_are_taken_until_the_daemon_has_the_tree() -> None:
    contexts = shared(ONE, TWO)
    with contexts.turn("d", ONE) as release:
        assert waits(contexts, "d", TWO)
        assert not waits(contexts, "other daemon", TWO)
        release()
        assert not waits(contexts, "d", TWO)
        release()
        assert not waits(contexts, "d", TWO)


def test_the_end_of_a_failed_turn_lets_the_next_in() -> None:
    contexts = shared(ONE, TWO)
    with pytest.raises(ZeroDivisionError), contexts.turn("d", ONE):
        1 / 0  # noqa: B018  # what fails is of no importance
    assert not waits(contexts, "d", TWO)


def test_who_shares_with_nobody_or_reads_nothing_never_waits() -> None:
    alone = shared(ONE)
    with alone.turn("d", ONE):
        assert not waits(alone, "d", ONE)
    empty = replace(TWO, files=())
    contexts = shared(ONE, empty)
    with contexts.turn("d", empty):
        assert not waits(contexts, "d", ONE)


def test_shared_keys_tell_users_contexts_and_patterns_apart() -> None:
    others = (Snapshot(root=Path("/x")), Snapshot(ignored=("a",)), Snapshot(ignored=("a", "b")))
    keys = {shared_key("me", each) for each in (ONE, *others)} | {shared_key("you", ONE)}
    assert len(keys) == 5
    assert shared_key("me", ONE) == shared_key("me", TWO)
