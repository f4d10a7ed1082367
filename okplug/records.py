"""Records of keys in the registry: those of this run are kept there, and those of others found."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from okplug.errors import RegistryError
from okplug.keydiff import Change, changes
from okplug.recordartifact import lists_files, publish_record, read_record, without_files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from okplug.backends import Artifact, Registry
    from okplug.config import Config
    from okplug.keys import KeyRecord
    from okplug.manifest.model import Image
    from okplug.naming import Naming
    from okplug.reference import Reference

#: characters of a key, and so of its tag
_KEY_LENGTH = 32
#: what not to know the files counts as, in items that differ
_UNKNOWN_FILES = 1000


class RecordPublisher:
    """Keeps the records of one run in the registry, until that refuses one; from several threads.

    A record that is not kept is no reason to lose an image: it is warned of once.
    """

    def __init__(self, config: Config, registry: Registry) -> None:
        self._config = config
        self._registry = registry
        self._lock = threading.Lock()
        self._is_wanted = config.flag("publish_records")

    def publish(self, image: Artifact, address: str, record: KeyRecord) -> None:
        """Store the record of an image that was built, before any tag finds the image.

        :param record: with an item for each file.
        """
        if not self._is_wanted:
            return
        try:
            publish_record(self._registry, image, address, record)
        except RegistryError as error:
            self._give_up(error)

    def _give_up(self, error: RegistryError) -> None:
        with self._lock:
            if self._is_wanted:
                self._is_wanted = False
                self._config.warn(
                    "others cannot see what your images are made of, with okplug why: "
                    f"{error.message} (-o publish_records=false does without)"
                )


@dataclass(frozen=True, slots=True)
class Near:
    """The image of anybody's that is most like the one that would be built.

    :param record: of its key, None if no image's record can be read.
    :param changes: what differs from it.
    :param reference: where everybody finds it.
    :param compared: how many images were compared.
    :param known: how many the registry has.
    """

    record: KeyRecord | None
    changes: tuple[Change, ...]
    reference: str
    compared: int
    known: int


class RecordSearch:
    """Finds the records of images that anybody built."""

    def __init__(self, naming: Naming, registry: Registry) -> None:
        self._naming = naming
        self._registry = registry

    def of_key(self, image: Image, key: str) -> KeyRecord | None:
        """Return the record of one key, None if the registry has none that can be read."""
        found = self._read(self._naming.shared(image, key))
        return found if found and found.key == key else None

    def nearest(
        self,
        image: Image,
        key: str,
        make_record: Callable[[], KeyRecord],
        most: int,
        *,
        some: bool = True,
    ) -> Near:
        """Compare the record of a key with those of the image's other keys in the registry.

        What the user's own tag finds comes first. Registries tell no times, so nobody knows which
        of too many tags are the newest.

        :param make_record: lists each file, which is only worth it if there is one to compare with.
        :param most: images to compare at most, besides the user's own.
        :param some: if there are more than that, compare some of them, else none.
        :raises RegistryError: if the registry cannot be asked.
        """
        shared = self._naming.shared(image)
        keys = [tag for tag in self._registry.tags(shared) if is_key(tag)]
        asked = keys[:most] if some or len(keys) <= most else []
        own = self._own(image) if keys and most else ()
        found = self._read_all([*own, *(shared.with_tag(key) for key in asked)])
        records = {each.key: each for each in found if each and each.key != key}
        if not records:
            return Near(None, (), "", 0, len(keys))
        record = make_record()
        best: Near | None = None
        for each in records.values():
            near = Near(each, compare(each, record), "", len(records), len(keys))
            if best is None or _distance(near) < _distance(best):
                best = near
        assert best is not None
        assert best.record is not None
        reference = str(shared.with_tag(best.record.key))
        return Near(best.record, best.changes, reference, best.compared, best.known)

    def _own(self, image: Image) -> tuple[Reference, ...]:
        """Return what the user's own tag finds, by digest, where its record may be."""
        tag = self._naming.names(image)[0]
        shared = self._naming.shared(image)
        if tag.registry != shared.registry:
            return ()
        found = self._registry.resolve(tag)
        if found is None:
            return ()
        return tuple(place.with_digest(found.digest) for place in (shared, self._naming.own(image)))

    def _read_all(self, images: Sequence[Reference]) -> Iterable[KeyRecord | None]:
        if self._registry.concurrency <= 1 or len(images) <= 1:
            return [self._read(image) for image in images]
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(min(self._registry.concurrency, len(images))) as pool:
            return list(pool.map(self._read, images))

    def _read(self, image: Reference) -> KeyRecord | None:
        """Read a record; one that is damaged counts as none."""
        try:
            return read_record(self._registry, image)
        except RegistryError:
            return None


def compare(old: KeyRecord, new: KeyRecord) -> tuple[Change, ...]:
    """Return what differs from another's record, which may not list its files.

    :param new: with an item for each file.
    """
    return changes(old, new if lists_files(old) else without_files(new))


def is_key(tag: str) -> bool:
    """Tell whether a tag can be a key."""
    return len(tag) == _KEY_LENGTH and all(letter in "0123456789abcdef" for letter in tag)


def _distance(near: Near) -> int:
    return sum(_UNKNOWN_FILES if change.kind == "files" else 1 for change in near.changes)
