"""The file in which the context index outlives a run.

A magic line, a checksum, and a head that says all that a run without changes asks for: the names in
each group of folders with one digest of their stats, and the digests of the selections. Then, group
by group, what is known of each folder, which is only read where something changed.

A file that is damaged, of another version or not ours at all counts as empty: the index only saves
work. It is replaced by renaming, so that two runs at once read whole files, and the last one to
finish wins.
"""

from __future__ import annotations

import marshal
import mmap
import os
import struct
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import xxhash

from okplug.contextrows import StoredFolder, split_names
from okplug.folderstats import Names

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

#: raise the number whenever the layout or the meaning of a field changes
_MAGIC: Final = b"okplug context index 2\n"
_HEAD: Final = struct.Struct("<16sQ")
#: of marshal: newer ones keep track of objects, which takes time
_FORMAT: Final = 2


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
        return [_join(self.root, name) for name in split_names(self.folders)]


class Walk(NamedTuple):
    """The outcome of one search for manifests.

    :param key: what was searched for.
    :param found: paths below the workspace, each with a NUL behind it, of each kind of file.
    """

    key: bytes
    found: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Some folders that lie close together.

    :param folders: their names.
    :param files: the names of their files, as far as anybody looked at these.
    :param data: what is known of each folder, packed; read when asked for.
    """

    folders: Names
    files: Names
    data: _Slice

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
        return [_join(base, name) for name in split_names(self.folders.names)]

    def rows(self) -> dict[bytes, StoredFolder]:
        """Return what is known of each folder, by absolute path; nothing if it is damaged."""
        data = self.data.read()
        if data is None:
            return {}
        rows: list[tuple[Any, ...]] = marshal.loads(data)  # noqa: S302 - of our own making
        return dict(zip(self.paths(), map(StoredFolder._make, rows), strict=True))


@dataclass(frozen=True, slots=True)
class _Slice:
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


@dataclass(slots=True)
class Stored:
    """All that an index file holds.

    :param day: when it was last searched for what nobody needs any more.
    """

    groups: list[Group] = field(default_factory=list)
    selections: dict[bytes, StoredSelection] = field(default_factory=dict)
    walk: Walk | None = None
    day: int = 0
    _file: mmap.mmap | None = None
    _bases: dict[bytes, list[int]] = field(default_factory=dict)
    _names: dict[int, frozenset[bytes]] = field(default_factory=dict)
    _rows: dict[int, dict[bytes, StoredFolder]] = field(default_factory=dict)

    def close(self) -> None:
        """Close the file; what of it was not read is unknown from now on."""
        if self._file is not None:
            self._file.close()

    def number(self, path: bytes) -> int | None:
        """Return which group a folder is in, None if it is unknown."""
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
    data = marshal.dumps([tuple(rows[_join(base, name)]) for name in names], _FORMAT)
    return Group(folders, files, _Slice(data, 0, len(data), xxhash.xxh3_128_digest(data)))


def _join(base: bytes, name: bytes) -> bytes:
    return base if name == b"." else (base + b"/" + name if base != b"/" else b"/" + name)


def read_index(path: Path, root: bytes) -> Stored:
    """Read an index file; whatever is wrong with it, the outcome is an empty index.

    :param root: what paths in the file are relative to.
    """
    try:
        with path.open("rb") as stream:
            file = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError):  # there is none, or it is empty
        return Stored()
    start = len(_MAGIC) + _HEAD.size
    if len(file) < start or file[: len(_MAGIC)] != _MAGIC:
        return Stored()
    checksum, size = _HEAD.unpack_from(file, len(_MAGIC))
    head = file[start : start + size]
    if xxhash.xxh3_128_digest(head) != checksum:
        return Stored()
    return _decode(head, root, file, start + size)


def write_index(path: Path, root: bytes, stored: Stored) -> bool:
    """Replace the index file; return False if its folder cannot be written to."""
    data = [group.data.read() for group in stored.groups]
    if None in data:  # a part that nobody has read until now is damaged: the next run begins anew
        with suppress(OSError):
            path.unlink()
        return False
    head = _encode(stored, root)
    # One process writes one index at a time, so its number is enough to tell drafts apart.
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("wb") as stream:
            stream.write(_MAGIC + _HEAD.pack(xxhash.xxh3_128_digest(head), len(head)) + head)
            stream.writelines(part for part in data if part is not None)
        draft.replace(path)
    except OSError:
        with suppress(OSError):  # what cannot be written cannot be removed either
            draft.unlink(missing_ok=True)
        return False
    return True


def _encode(stored: Stored, root: bytes) -> bytes:
    groups = [
        (
            _relative(group.folders.base, root),
            *group.folders[1:],
            *group.files[1:],
            group.data.end - group.data.start,
            group.data.checksum,
        )
        for group in stored.groups
    ]
    selections = [
        (key, *selection._replace(root=_relative(selection.root, root)))
        for key, selection in stored.selections.items()
    ]
    walk = None if stored.walk is None else (stored.walk.key, stored.walk.found)
    return marshal.dumps((groups, selections, walk, stored.day), _FORMAT)


def _decode(head: bytes, root: bytes, file: mmap.mmap, start: int) -> Stored:
    groups, selections, walk, day = marshal.loads(head)  # noqa: S302 - its digest is right
    return Stored(
        list(_decode_groups(groups, root, file, start)),
        {key: _selection(fields, root) for key, *fields in selections},
        Walk(*walk) if walk else None,
        day,
        file,
    )


def _decode_groups(
    groups: Iterable[tuple[Any, ...]], root: bytes, file: mmap.mmap, start: int
) -> Iterable[Group]:
    for base, folders, folder_state, files, file_state, size, checksum in groups:
        path = _absolute(base, root)
        yield Group(
            Names(path, folders, folder_state),
            Names(path, files, file_state),
            _Slice(file, start, start + size, checksum),
        )
        start += size


def _selection(fields: Sequence[Any], root: bytes) -> StoredSelection:
    selection = StoredSelection._make(fields)
    return selection._replace(root=_absolute(selection.root, root))


def _relative(path: bytes, root: bytes) -> bytes:
    """Return a path below the workspace so that this may move."""
    if path == root:
        return b"."
    return path.removeprefix(root + b"/") if path.startswith(root + b"/") else path


def _absolute(path: bytes, root: bytes) -> bytes:
    return path if path.startswith(b"/") else _join(root, path)
