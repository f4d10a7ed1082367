"""``--watch``: wait for a change that matters, and tell whether it made a difference.

Each round is a whole run of the command, with settings, plugins, manifests and keys as they are
now; what is kept is only what tells one round from the last. A round first comes as far as the
keys, and goes on if they are others: what changes and comes to the same is no news.
"""

from __future__ import annotations

import gc
import time
from contextlib import ExitStack, contextmanager
from itertools import filterfalse
from typing import TYPE_CHECKING

from okplug.coresettings import RAWJSON
from okplug.errors import ContextChangedError, OkplugError
from okplug.fileevents import is_text
from okplug.interest import anything_below, interest_of, is_own
from okplug.session import keyed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from okplug.collect import Collection
    from okplug.config import Config
    from okplug.planning import Planner
    from okplug.rounds import Rounds

#: a burst of more changes is not looked through: it matters, and some may have been lost
MANY = 1000
_FEW = 2


def await_change(rounds: Rounds) -> None:
    """Wait until a file changes that may change a key.

    :raises UsageError: if files cannot be watched; no other round follows then.
    :raises KeyboardInterrupt: if the watch is to end.
    """
    if rounds.interest is None:
        known = rounds.events.folders if rounds.events else ()
        rounds.interest = anything_below(rounds.root, known)
    try:
        rounds.changed = _next_changes(rounds)
    except OkplugError:
        rounds.is_over = True
        raise
    rounds.interest = None


def _next_changes(rounds: Rounds) -> tuple[str, ...]:
    """Return the files that matter, nothing if it is not known which ones changed."""
    assert rounds.events is not None
    assert rounds.interest is not None
    folders = frozenset(path for path in rounds.interest.folders if not _is_own(path, rounds))
    if rounds.events.watch(folders):
        return ()  # what happened before that is still to be seen
    gc.collect()  # what a run leaves holds on to itself, and now there is time
    if not rounds.is_waiting:
        rounds.is_waiting = True
        rounds.say("watching for changes, Ctrl-C ends it")
    while True:
        changes = rounds.events.wait()
        if changes is None or len(changes) > MANY:
            return ()
        found = tuple(
            path
            for path in sorted(changes)
            if not _is_own(path, rounds) and rounds.interest.concerns(path)
        )
        if found:
            return found


def _is_own(path: str, rounds: Rounds) -> bool:
    return is_own(path, rounds.root, rounds.outputs)


@contextmanager
def looking_for_news(config: Config) -> Iterator[bool]:
    """Look whether there is something to be done; inside the block the command does it.

    What is wrong is news as well: the command meets it itself, and tells it as it always does.
    """
    rounds = config.rounds
    assert rounds is not None
    rounds.is_mute = config.text("progress") == RAWJSON
    with ExitStack() as stack:
        stack.callback(rounds.forget_collected)
        try:
            rounds.collected = stack.enter_context(keyed(config))
            is_news = _is_news(config, rounds, *rounds.collected)
        except OkplugError as error:
            config.masks.error(error)
            rounds.collected = error
            is_news = _is_failure_news(rounds, error)
        rounds.is_waiting = rounds.is_waiting and not is_news
        yield is_news


def _is_failure_news(rounds: Rounds, error: OkplugError) -> bool:
    if isinstance(error, ContextChangedError):
        return not rounds.number  # a file is still being written, which wakes the next round
    return str(error) != rounds.error


def _is_news(config: Config, rounds: Rounds, collection: Collection, planner: Planner) -> bool:
    """Tell whether images are called other than before, note their files, and begin to tell it."""
    named = _names(collection, planner)
    rounds.interest = interest_of(config, collection, planner.keyring)
    for folder in filterfalse(is_text, rounds.interest.folders):
        config.warn(f"{folder} is not watched: its name is not UTF-8")
    is_news = named != rounds.named or bool(rounds.error)
    rounds.named, rounds.error = named, ""
    if is_news and rounds.number:
        rounds.say(_heading(rounds))
    return is_news


def _names(collection: Collection, planner: Planner) -> dict[str, tuple[str, ...]]:
    """Return the references of the images that are asked for, keys included."""
    graph, naming = collection.graph, collection.naming
    return {
        address: (
            str(naming.shared(graph.image(address), record.key)),
            *map(str, naming.personal(graph.image(address))),
        )
        for address, record in planner.records().items()
    }


def _heading(rounds: Rounds) -> str:
    """Return the line that a round begins with: the time, and what changed."""
    from okplug.terminal.text import visible

    names = [path.removeprefix(f"{rounds.root}/") for path in rounds.changed]
    more = f" (+{len(names) - _FEW} more)" if len(names) > _FEW else ""
    what = f"{', '.join(names[:_FEW])}{more}" if names else "files"
    return visible(f"{time.strftime('%H:%M:%S')}  {what} changed")
