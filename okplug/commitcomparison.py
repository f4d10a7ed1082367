"""What differs between the images of a commit and those that are here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from okplug.comparison import COMMIT, Comparison
from okplug.keydiff import Change, changes

if TYPE_CHECKING:
    from okplug.keyring import Keyring
    from okplug.keys import KeyRecord


class CommitComparisons:
    """Compares images with those of a commit.

    :param old: the keys of the commit, None if it has no image.
    :param new: the keys here.
    """

    def __init__(self, old: Keyring | None, new: Keyring) -> None:
        self._old = old
        self._new = new

    def compare(self, address: str) -> Comparison | None:
        """Compare an image that is here with that of the commit, None if it had none."""
        if self._old is None or address not in self._old.graph:
            return None
        was, now = self._old.record(address), self._new.record(address)
        if was.key == now.key:
            return Comparison(COMMIT, was, ())
        if _files(was) != _files(now):
            was = self._old.with_files(address, was)
            now = self._new.with_files(address, now)
        return Comparison(COMMIT, was, changes(was, now) or (Change("key", "changed", ""),))


def _files(record: KeyRecord) -> list[str]:
    return [item.value for item in record.items if item.kind == "files"]
