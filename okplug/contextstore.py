"""What the context index knows from earlier runs; its file is read and written elsewhere.

What a run without changes asks for is at hand: the names in each group of folders with one digest
of their stats, and the digests of the selections. What is known of each folder is read group by
group, and only where something changed.
"""

from __future__ import annotations

import marshal
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import xxhash

from okplug.contextcheck import GroupCheck
from okplug.contextrows import StoredFolder, split_names

if TYPE_CHECKING:
    import mmap
    from collections.abc import Mapping, Sequence

    from okplug.folderstats import Names

#: of marshal: newer ones keep track of objects, which takes time
FORMAT: Final = 2


class StoredSelection(NamedTuple):
    """The outcome of one selection of files.

    :param digest: of its entries, xxh3-128.
    :param proof: of its entries, sha256.
    :param unmatched: the sources that matched nothing, as ``fingerprint.py`` packs them.
    :param day: when a run last asked for it, counted from 1970.
    :param root: the context, absolute.
    :param folders: what was looked at: names below the root, with a NUL between them.
    :param groups: the groups that these folders are in.
    """

    digest: bytes
    proof: bytes
    unmatched: bytes
    day: int
    root: bytes
    folders: bytes
    groups: tuple[int, ...]

    def paths(self) -> list[bytes]:
        """Return the folders that were looked at, absolute."""
        return [join(self.root, name) for name in split_names(self.folders)]


class Walk(NamedTuple):
    """The outcome of one search for manifests.

    :param key: what was searched for.
    :param found: paths below the workspace, each with a NUL behind it, of each kind of file.
    """

    key: bytes
    found: tuple[bytes, ...]


class Group(NamedTuple):
    """Some folders that lie close together.

    :param folders: their names.
    :param files: the names of their files, as far as anybody looked at these.
    :param data: what is known of each folder, packed; read when asked for.
    """

    folders: Names
    files: Names
    data: Slice

    def has_some_below(self, prefix: bytes) -> bool:
        """Tell whether one of the folders is below *prefix*, which ends in a slash."""
        base = self.folders.base + b"/"
        return base.startswith(prefix) or (
            prefix.startswith(base)
            and any((base + n + b"/").startswith(prefix) for n in split_names(self.folders.names))
        )

    def paths(self) -> list[bytes]:
        """Return the folders, absolute."""
        base = self.folders.base
        return [join(base, name) for name in split_names(self.folders.names)]

    def rows(self) -> dict[bytes, StoredFolder]:
        """Return what is known of each folder, by absolute path; nothing if it is damaged."""
        data = self.data.read()
        if data is None:
            return {}
        rows: list[tuple[Any, ...]] = marshal.loads(data)  # noqa: S302 - of our own making
        return dict(zip(self.paths(), map(StoredFolder._make, rows), strict=True))


class Slice(NamedTuple):
    """A part of a file or of memory, with its digest."""

    memory: bytes | mmap.mmap
    start: int
    end: int
    checksum: bytes

    def read(self) -> bytes | None:
        """Return the bytes, None if they are not what was written, or the file was closed."""
        try:
            data = self.memory[self.start : self.end]
        except ValueError:
            return None
        return data if xxhash.xxh3_128_digest(data) == self.checksum else None


class Source(NamedTuple):
    """A file that is read where it lies.

    :param identity: device and inode, which no other file has while this one is open.
    """

    memory: mmap.mmap
    identity: tuple[int, int]


class Stored:
    """All that an index file holds.

    :ivar day: when it was last searched for what nobody needs any more.
    :ivar source: the file that it was read from.
    :ivar check: which groups are what they were.
    """

    def __init__(
        self,
        groups: Sequence[Group] = (),
        selections: Mapping[bytes, StoredSelection] = MappingProxyType({}),
        walk: Walk | None = None,
        day: int = 0,
        source: Source | None = None,
    ) -> None:
        self.groups = groups
        self.selections = selections
        self.walk = walk
        self.day = day
        self.source = source
        self.check = GroupCheck(groups)
        self._bases: dict[bytes, list[int]] = {}
        self._names: dict[int, frozenset[bytes]] = {}
        self._rows: dict[int, dict[bytes, StoredFolder]] = {}

    def close(self) -> None:
        """Have no other process at work, and close the file; what was not read is unknown now."""
        self.check.end()
        if self.source is not None:
            self.source.memory.close()

    def number(self, path: bytes) -> int | None:
        """Return which group a folder is in, None if it is unknown."""
        if not self.groups:
            return None
        if not self._bases:
            for number, group in enumerate(self.groups):
                self._bases.setdefault(group.folders.base, []).append(number)
        above = path
        while above:
            name = path[len(above.rstrip(b"/")) + 1 :] or b"."
            for number in self._bases.get(above, ()):
                if name in self._names_of(number):
                    return number
            above = above.rpartition(b"/")[0] or b"/" * (above != b"/")
        return None

    def _names_of(self, number: int) -> frozenset[bytes]:
        if number not in self._names:
            self._names[number] = frozenset(split_names(self.groups[number].folders.names))
        return self._names[number]

    def folder(self, path: bytes) -> StoredFolder | None:
        """Return what is known of a folder, None if nothing is."""
        number = self.number(path)
        return None if number is None else self.rows(number).get(path)

    def rows(self, number: int) -> dict[bytes, StoredFolder]:
        """Return what is known of the folders of a group."""
        if number not in self._rows:
            self._rows[number] = self.groups[number].rows()
        return self._rows[number]


def make_group(
    base: bytes, folders: Names, files: Names, rows: Mapping[bytes, StoredFolder]
) -> Group:
    """Return a group of which nothing is in a file yet."""
    names = split_names(folders.names)
    data = marshal.dumps([tuple(rows[join(base, name)]) for name in names], FORMAT)
    return Group(folders, files, Slice(data, 0, len(data), xxhash.xxh3_128_digest(data)))


def join(base: bytes, name: bytes) -> bytes:
    """Return the path of what is called *name* in a folder, where a dot is the folder itself."""
    return base if name == b"." else (base + b"/" + name if base != b"/" else b"/" + name)
