"""Images that read the same context: one tree for all of them, sent once to each daemon.

A daemon keeps the last tree that it got under a shared key, and asks only for what differs. Two
transfers at once would each get a tree of their own, and trees of two images in turn would replace
each other. So all images of a run with one context and one ``.dockerignore`` send the same tree,
the union of what they read, and take turns until the daemon has it. None can see more than its key
covers: what its instructions select from the union is what they select from its own files.
"""

from __future__ import annotations

import hashlib
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from okplug import BuildOutline, ContextSnapshot

    #: the context and what was left out of it
    Group = tuple[Path, tuple[str, ...]]


class SharedContexts:
    """The contexts of one run; used from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._snapshots: dict[Group, list[ContextSnapshot]] = {}
        self._turns: dict[tuple[str, Group], threading.Lock] = {}

    def learn(self, outlines: Iterable[BuildOutline]) -> None:
        """Take note of what the images of a run will read."""
        with self._lock:
            for outline in outlines:
                if outline.context is not None:
                    known = self._snapshots.setdefault(_group(outline.context), [])
                    if all(outline.context.digest != other.digest for other in known):
                        known.append(outline.context)

    def snapshots(self, context: ContextSnapshot) -> tuple[ContextSnapshot, ...]:
        """Return what is sent together, *context* as the last: of equal names, it has the file.

        What was keyed again is sent alone: the others may list files that are gone since.
        """
        with self._lock:
            known = self._snapshots.get(_group(context), ())
            others = [other for other in known if other.digest != context.digest]
            return (*others, context) if len(others) < len(known) else (context,)

    def part(self, context: ContextSnapshot) -> None:
        """Have every image send its own files from now on: some have changed, perhaps another's."""
        with self._lock:
            self._snapshots.pop(_group(context), None)

    @contextmanager
    def turn(self, daemon: str, context: ContextSnapshot) -> Iterator[Callable[[], None]]:
        """Have the daemon to oneself for the transfer, where another image could send the same.

        :return: to be called when the daemon has the tree; the end of the block does so too.
        """
        if len(self.snapshots(context)) == 1 or not context.files:
            yield lambda: None
            return
        with self._lock:
            turn = self._turns.setdefault((daemon, _group(context)), threading.Lock())
        turn.acquire()
        release = _Once(turn.release)
        try:
            yield release
        finally:
            release()


class _Once:
    """Calls a function the first time that it is called."""

    def __init__(self, function: Callable[[], None]) -> None:
        self._lock = threading.Lock()
        self._function: Callable[[], None] | None = function

    def __call__(self) -> None:
        with self._lock:
            function, self._function = self._function, None
        if function is not None:
            function()


def shared_key(user: str, context: ContextSnapshot) -> str:
    """Return the name under which a daemon keeps the tree of a context from run to run.

    :param user: what tells this user on this machine from all others: whoever knows the name could
        put other files into the tree.
    """
    text = "\0".join((user, str(context.root), *context.ignored))
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _group(context: ContextSnapshot) -> Group:
    return context.root, context.ignored
