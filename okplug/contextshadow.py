"""The contexts of a checkout's shadow: what is a link there is what the checkout has.

A context that lies in a linked folder is the checkout's own, whose index knows it already. In
others the files that are linked have the stats and contents that the checkout's index knows, so
that only what differs is read.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from okplug.contextfolders import Folder, FolderCache, Listing
from okplug.contextstore import Stored
from okplug.fingerprint import ContextIndex

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from okplug.contextsnapshot import Snapshot
    from okplug.dockerfile.model import ContextRead
    from okplug.fingerprint import Wanted


class ShadowIndex(ContextIndex):
    """The context index of a shadow, for as long as that is there.

    :param folder: the shadow; no component of its path is a link.
    :param links: absolute path of each of its links -> of what it stands for in the checkout.
    :param here: the index of the checkout.
    """

    def __init__(self, folder: Path, links: Mapping[str, str], here: ContextIndex) -> None:
        super().__init__(folder, None, folders=_ShadowFolders(links, here.folders))
        self._here = here

    def snapshot(
        self, context: Path, reads: Sequence[ContextRead] | None, patterns: Sequence[str] = ()
    ) -> Snapshot:
        """Return the files below *context* that *reads* may read, None for all.

        :raises ManifestError: as ``ContextIndex`` does.
        """
        linked = self._linked(context)
        if linked is None:
            return super().snapshot(context, reads, patterns)
        return self._here.snapshot(linked, reads, patterns)

    def take(self, wanted: Iterable[Wanted]) -> None:
        """Take several snapshots, so that they are at hand.

        :raises OkplugError: as ``snapshot`` does.
        """
        own: list[Wanted] = []
        of_checkout: list[Wanted] = []
        for context, reads, patterns in wanted:
            linked = self._linked(context)
            place = own if linked is None else of_checkout
            place.append((linked or context, reads, patterns))
        self._here.take(of_checkout)
        super().take(own)

    def _linked(self, context: Path) -> Path | None:
        """Return the folder of the checkout that a context is, None if it is none."""
        real = os.fsdecode(self._real(os.fsencode(context)))
        is_own = f"{real}/".startswith(f"{os.fsdecode(self._root)}/")
        return None if is_own else Path(real)


class _ShadowFolders(FolderCache):
    """Folders of a shadow; what is linked is listed as what it stands for."""

    def __init__(self, links: Mapping[str, str], here: FolderCache) -> None:
        super().__init__(Stored(), b"")
        self._links = {os.fsencode(link): os.fsencode(target) for link, target in links.items()}
        self._here = here
        self._merged: dict[bytes, Folder] = {}

    def folder(self, path: bytes) -> Folder:
        """Return what lies in a folder; one that cannot be read has its *error* set."""
        found = self._merged.get(path)
        if found is None:
            target = self._target(path)
            found = self._here.folder(target) if target else self._merge(super().folder(path))
            self._merged[path] = found
        return found

    def _target(self, path: bytes) -> bytes:
        """Return the folder of the checkout that a path stands for, ``b""`` for none."""
        rest = b""
        while path:
            if path in self._links:
                return self._links[path] + rest
            path, _, name = path.rpartition(b"/")
            rest = b"/" + name + rest
        return b""

    def _merge(self, folder: Folder) -> Folder:
        """Put what its links stand for in their places."""
        files: dict[bytes, tuple[Folder, int]] = {}
        folders = set(folder.folders)
        there: dict[bytes, tuple[Folder, dict[bytes, int]]] = {}
        for number, name in enumerate(folder.files):
            target = self._links.get(folder.path + b"/" + name)
            if target is None:
                files[name] = (folder, number)
                continue
            parent, _, own = target.rpartition(b"/")
            if parent not in there:
                origin = self._here.folder(parent)
                there[parent] = origin, {each: place for place, each in enumerate(origin.files)}
            origin, numbers = there[parent]
            if own in numbers:
                files[name] = (origin, numbers[own])
            elif own in origin.folders:
                folders.add(name)
        return _Merged(folder, files, sorted(folders))


class _Merged(Folder):
    """A folder with files of several others."""

    __slots__ = ("_origins",)

    def __init__(
        self, folder: Folder, files: Mapping[bytes, tuple[Folder, int]], folders: Sequence[bytes]
    ) -> None:
        names = Listing(files=sorted(files), folders=folders, error=folder.error)
        super().__init__(folder.path, folder.listed, names)
        self._origins = [files[name] for name in self.files]
        self.stats = [origin.stats[number] for origin, number in self._origins]
        self.contents = [b""] * len(self.files)

    def content(self, number: int) -> bytes:
        """Return the content of a file or link from where it is."""
        origin, place = self._origins[number]
        return origin.content(place)
