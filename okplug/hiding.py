"""Items of a record whose values nobody may read: a digest stands in the place of each.

Equal values of everybody have equal digests, so that records can still be compared. The key is made
of the values themselves.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from okplug.keys import KeyRecord
from okplug.masking import MASK

if TYPE_CHECKING:
    from collections.abc import Iterable

    from okplug.keys import KeyItem
    from okplug.masking import Masks

#: how a value that is hidden begins
HIDDEN = f"{MASK} sha256:"
#: kinds of items whose values are not what a manifest or a Dockerfile says
_OPEN = frozenset({"base", "dependency", "file", "files", "platform", "secret", "ssh"})


def hide(record: KeyRecord, masks: Masks) -> KeyRecord:
    """Return a record without the values that are masked."""
    if not masks:
        return record
    return _with_items(
        record,
        (
            _hidden(item) if item.kind not in _OPEN and masks.hides(item.value) else item
            for item in record.items
        ),
    )


def align(old: KeyRecord, new: KeyRecord) -> tuple[KeyRecord, KeyRecord]:
    """Hide in each of two records what the other hides: somebody may have it from elsewhere."""
    digests = {
        item.value
        for record in (old, new)
        for item in record.items
        if item.value.startswith(HIDDEN)
    }
    if not digests:
        return old, new
    return _without(old, digests), _without(new, digests)


def _without(record: KeyRecord, digests: set[str]) -> KeyRecord:
    hidden = ((item, _hidden(item)) for item in record.items)
    return _with_items(record, (each if each.value in digests else item for item, each in hidden))


def _hidden(item: KeyItem) -> KeyItem:
    if item.kind in _OPEN or item.value.startswith(HIDDEN):
        return item
    text = f"{item.kind}\0{item.value}".encode("utf-8", "surrogateescape")
    return replace(item, value=f"{HIDDEN}{hashlib.sha256(text).hexdigest()[:32]}")


def _with_items(record: KeyRecord, items: Iterable[KeyItem]) -> KeyRecord:
    return KeyRecord(record.key, record.root, tuple(items))
