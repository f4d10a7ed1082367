"""The keys of a workspace's images, kept for the next run.

A key is used again if what the image's manifest and Dockerfile came to was recalled, if no file of
its contexts has changed, and if its dependencies have the keys that they had.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias, cast

from okplug.keys import KeyItem, KeyRecord
from okplug.notes import Notes
from okplug.statedir import NAME as STATE_DIR
from okplug.valuefile import open_values, write_values

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping

    from okplug.config import Config
    from okplug.contextsnapshot import Snapshot
    from okplug.fingerprint import ContextIndex

    #: the digest of a selection of files, and what it came to
    Files: TypeAlias = tuple[bytes, str, str]
    #: token, circumstances, files, key, root, items
    _Kept: TypeAlias = tuple[
        bytes, tuple[object, ...], tuple[Files, ...], str, str, tuple[tuple[str, ...], ...]
    ]
    _Head: TypeAlias = tuple[Hashable, Notes, dict[str, _Kept]]

NAME: Final = "keys"


class Circumstances(NamedTuple):
    """What a key depends on that may be another in each run, beside files.

    :param dependencies: address, key and root of each.
    :param contributed: what plugins add, by name.
    :param bases: digests of images from elsewhere, by name.
    """

    dependencies: tuple[tuple[str, str, str], ...]
    contributed: tuple[tuple[str, str], ...]
    bases: tuple[tuple[str, str], ...]

    @classmethod
    def of(
        cls,
        dependencies: Mapping[str, KeyRecord],
        contributed: Mapping[str, str],
        bases: Mapping[str, str],
    ) -> Circumstances:
        """Return them sorted."""
        records = sorted(dependencies.items())
        return cls(
            tuple((address, record.key, record.root) for address, record in records),
            tuple(sorted(contributed.items())),
            tuple(sorted(bases.items())),
        )


class KeyStore:
    """The keys that earlier runs made, and those of this one.

    :param tokens: address -> what tells what manifest and Dockerfile came to from all else; keys of
        other images are not kept.
    :param epoch: SOURCE_DATE_EPOCH.
    :ivar notes: of what is looked at while keys are made.
    """

    def __init__(
        self,
        config: Config,
        index: ContextIndex,
        tokens: Mapping[str, bytes],
        epoch: int | None,
    ) -> None:
        self._config = config
        self._index = index
        self._key = (epoch, config.masks.digest())
        self._tokens = tokens
        self._begun = time.time_ns()
        self._known = self._read()
        self._made: dict[str, _Kept] = {}

    def _read(self) -> dict[str, _Kept]:
        self.notes = Notes()
        file = open_values(self._config.root / STATE_DIR / NAME)
        if file is None:
            return {}
        key, notes, known = cast("_Head", file.head)
        if key != self._key or not notes.hold(self._config.environ, self._config.settings):
            return {}
        self.notes = notes
        tokens = self._tokens
        return {name: kept for name, kept in known.items() if kept[0] == tokens.get(name)}

    def has_same_files(self, address: str) -> bool:
        """Tell whether the files of an image are known not to have changed."""
        known = self._known.get(address)
        return known is not None and all(
            self._index.unchanged(selection) == outcome for selection, *outcome in known[2]
        )

    def recall(self, address: str, circumstances: Circumstances) -> KeyRecord | None:
        """Return the record of an image, None if it must be made."""
        known = self._known.get(address)
        if known is None:
            return None
        _, seen, _, key, root, items = known
        if seen != tuple(circumstances):
            return None
        if not self.has_same_files(address):
            return None
        return KeyRecord(key, root, tuple(KeyItem(*item) for item in items))

    def add(
        self,
        address: str,
        circumstances: Circumstances,
        snapshots: Iterable[Snapshot],
        record: KeyRecord,
    ) -> None:
        """Keep a record that was made.

        :param snapshots: the files that it was made of.
        """
        if address not in self._tokens:
            return
        files = tuple((each.selection, each.digest, each.proof) for each in snapshots)
        items = tuple(
            (item.kind, item.name, item.value, item.proof, item.subject) for item in record.items
        )
        token, around = self._tokens[address], tuple(circumstances)
        self._made[address] = (token, around, files, record.key, record.root, items)

    def save(self) -> None:
        """Write the keys for the next run, if there are new ones and a place for them."""
        folder = self._config.state_dir() if self._made else None
        if folder is not None and self.notes.are_settled(self._begun):
            with suppress(OSError):  # then the next run makes them again
                write_values(folder / NAME, (self._key, self.notes, self._known | self._made), {})
