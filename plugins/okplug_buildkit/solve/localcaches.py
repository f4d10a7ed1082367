"""The caches of one build; those in folders are served from this side."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from okplug_buildkit.attach.folderstore import FolderStore

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from okplug import BuildControl
    from okplug_buildkit.solve.caches import Cache

_TAG = "latest"


@dataclass(frozen=True, slots=True)
class LocalCaches:
    """What a build imports and exports.

    :param wanted: to import; one in a folder that is not there yet is passed over.
    """

    wanted: Sequence[Cache]
    exports: Sequence[Cache]

    def imports(self, control: BuildControl) -> tuple[Cache, ...]:
        """Return what can be imported, folders with the digest that the daemon demands."""
        return tuple(self._found(control))

    def _found(self, control: BuildControl) -> Iterator[Cache]:
        for cache in self.wanted:
            if cache.folder is None or "digest" in cache.attributes:
                yield cache
                continue
            digest = FolderStore(cache.folder).find(cache.attributes.get("tag", _TAG))
            if digest:
                yield replace(cache, attributes={**cache.attributes, "digest": digest})
            else:
                control.warn(f"the cache in {cache.folder} is not there; it is not imported")

    def stores(self) -> Iterator[tuple[str, FolderStore]]:
        """Yield the stores of caches in folders, with their ids."""
        for cache in (*self.wanted, *self.exports):
            if cache.folder is not None:
                place = cache.attributes.get("dest") or cache.attributes["src"]
                yield f"local:{place}", FolderStore(cache.folder)

    def finish(self, response: Mapping[str, str]) -> None:
        """Have exported folders name what the daemon wrote into them.

        :raises BuildError: if that cannot be written.
        """
        text = response.get("cache.manifest")
        for cache in self.exports:
            if cache.folder is not None and text:
                tag = cache.attributes.get("tag", _TAG)
                FolderStore(cache.folder).point(json.loads(text), tag)
