"""Contexts of which nothing is known, divided among processes: most of what a first run does."""

from __future__ import annotations

import marshal
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

from okplug.contextrows import StoredFolder
from okplug.contextstore import FORMAT, StoredSelection
from okplug.forking import Forked, divided

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

#: contexts for which processes pay
_MANY: Final = 16


class Unknown(NamedTuple):
    """A selection of files that is to be made.

    :param key: tells it from others.
    :param root: the context, absolute and without links.
    """

    key: bytes
    root: bytes


class Taken(NamedTuple):
    """A selection that was made.

    :param is_lasting: a later run may start from it.
    :param rows: what is known of the folders that were looked at, by path.
    """

    key: bytes
    record: StoredSelection
    is_lasting: bool
    rows: dict[bytes, StoredFolder]


def take_ahead(unknown: Iterable[Unknown], take: Callable[[Unknown], Taken]) -> Iterator[Taken]:
    """Yield what processes found out; what they leave, for whatever reason, is still to be done.

    Contexts that hold others are left, too: these come first, and no file is read twice.

    :param take: makes one selection; an exception leaves it.
    """
    shares = divided(_apart(unknown))
    if sum(map(len, shares)) < _MANY:
        return
    for outcome in Forked(partial(_take_there, take), shares).results():
        found = marshal.loads(outcome) if outcome else ()  # noqa: S302 - of our own making
        for key, record, is_lasting, rows in found:
            yield Taken(
                key,
                StoredSelection._make(record),
                is_lasting,
                {path: StoredFolder._make(row) for path, row in rows},
            )


def _apart(unknown: Iterable[Unknown]) -> list[list[Unknown]]:
    """Return the selections of each context that holds no other one."""
    by_root: dict[bytes, list[Unknown]] = {}
    for each in unknown:
        by_root.setdefault(each.root.rstrip(b"/") + b"/", []).append(each)
    neighbours = pairwise([*sorted(by_root), b""])
    return [by_root[root] for root, after in neighbours if not after.startswith(root)]


def _take_there(
    take: Callable[[Unknown], Taken], share: Sequence[Sequence[Unknown]]
) -> bytes:  # pragma: no cover - done by other processes, which are not measured
    found = [take(each) for context in share for each in context]
    packed = [
        (one.key, tuple(one.record), one.is_lasting, [(p, tuple(r)) for p, r in one.rows.items()])
        for one in found
    ]
    return marshal.dumps(packed, FORMAT)
