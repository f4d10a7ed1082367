"""With what an image is compared to tell what changed: the last run, or what anybody built.

A commit is the third; see ``commitcomparison.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from okplug.errors import RegistryError
from okplug.keydiff import Change, changed_dependencies, changes, record_from_json
from okplug.records import Near, RecordSearch, compare

if TYPE_CHECKING:
    from collections.abc import Sequence

    from okplug.backends import Registry
    from okplug.keyring import Keyring
    from okplug.keys import KeyRecord
    from okplug.naming import Naming
    from okplug.state import State

HERE = "here"
REGISTRY = "registry"
COMMIT = "commit"

#: images of others that one is compared with when somebody asks, and when a plan gives its reasons
MOST = 200
MOST_OF_A_PLAN = 4
#: images of a plan that are compared with others'
_MOST_IMAGES = 64


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs from another build of an image.

    :param origin: ``here``, ``registry`` or ``commit``.
    :param record: of the other build.
    :param near: what was found in the registry.
    """

    origin: str
    record: KeyRecord
    changes: tuple[Change, ...]
    near: Near | None = None

    @property
    def is_change(self) -> bool:
        """Whether anything differs."""
        return bool(self.changes)

    def key_of(self, address: str) -> str:
        """Return the key that a dependency had in the other build, ``""`` if it was none."""
        items = self.record.items
        kept = (item for item in items if (item.kind, item.subject) == ("dependency", address))
        return next((item.value for item in kept), "")


class Reasons(NamedTuple):
    """Why an image is built.

    :param texts: nothing if that is unknown.
    :param dependencies: those that changed, if nothing else did.
    """

    texts: tuple[str, ...] = ()
    dependencies: tuple[str, ...] = ()

    @classmethod
    def of(cls, found: tuple[Change, ...]) -> Reasons:
        """Return the reasons that changes are."""
        return cls(tuple(map(str, found)), changed_dependencies(found))


class Comparisons:
    """Compares the images of one run."""

    def __init__(self, keyring: Keyring, state: State, naming: Naming, registry: Registry) -> None:
        self._keyring = keyring
        self._state = state
        self._search = RecordSearch(naming, registry)
        self._concurrency = registry.concurrency

    def full_record(self, address: str) -> KeyRecord:
        """Return the record of an image with an item for each of its files."""
        return self._keyring.with_files(address, self._keyring.record(address))

    def here(self, address: str) -> Comparison | None:
        """Compare with the last run that had the image, None if there was none."""
        data = self._state.record(address)
        last = record_from_json(data) if data else None
        if last is None:
            return None
        record = self._keyring.record(address)
        found = () if last.key == record.key else changes(last, self.full_record(address))
        return Comparison(HERE, last, found)

    def elsewhere(self, address: str, most: int = MOST, *, some: bool = True) -> Near:
        """Compare with the nearest image in the registry.

        :raises RegistryError: if it cannot be asked.
        """
        image = self._keyring.graph.image(address)
        key = self._keyring.record(address).key
        full = partial(self.full_record, address)
        return self._search.nearest(image, key, full, most, some=some)

    def below(self, address: str, above: Comparison) -> Comparison | None:
        """Compare a dependency with what it was when the other build was built from it."""
        if above.origin == HERE:
            return self.here(address)
        image = self._keyring.graph.image(address)
        record = self._search.of_key(image, above.key_of(address))
        if record is None:
            return None
        return Comparison(REGISTRY, record, compare(record, self.full_record(address)))

    def reasons(self, addresses: Sequence[str]) -> dict[str, Reasons]:
        """Say why images are built that no run here has had; of some nothing may be known.

        It takes a request for each image, and a few more for the first ones.
        """

        def ask(place: int) -> Reasons:
            return self._reasons(addresses[place], MOST_OF_A_PLAN if place < _MOST_IMAGES else 0)

        places = range(len(addresses))
        if self._concurrency <= 1 or len(addresses) <= 1:
            return dict(zip(addresses, map(ask, places), strict=True))
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(min(self._concurrency, len(addresses))) as pool:
            return dict(zip(addresses, pool.map(ask, places), strict=True))

    def _reasons(self, address: str, most: int) -> Reasons:
        try:
            near = self.elsewhere(address, most, some=False)
        except RegistryError:
            return Reasons()
        return Reasons.of(near.changes) if near.known else Reasons(("new",))
