"""The context index: what the files of each image come to, without reading them again.

A ``Snapshot`` has two digests over the same entries. Each entry is framed with its lengths, so
that no name can be taken for a content, and the entries are sorted by the bytes of their names:

    letter    f file, x executable file, l link, d folder
    lengths   of name and content, four bytes each, little endian
    name      relative to the context, ``/`` between components
    content   file: xxh3-128 in the digest, sha256 in the proof; link: its target; folder: nothing

An image whose folders and files have the stats that they had when an earlier run looked costs one
lstat for each of them, and nothing else: its entries are not even listed unless somebody asks.
"""

from __future__ import annotations

import hashlib
import os
import stat
import struct
import threading
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

import xxhash

from okplug.contentreading import read_contents
from okplug.context import ContextFile
from okplug.contextcontent import changed
from okplug.contextfiles import (
    IGNORED,
    MALFORMED,
    MISSING,
    NOWHERE,
    Selection,
    Unmatched,
    select_files,
)
from okplug.contextfolders import FolderCache
from okplug.contextrows import join_names, split_names
from okplug.contextsources import decode
from okplug.contextstore import Stored, StoredSelection, Walk, read_index, write_index
from okplug.contextstream import open_verified
from okplug.contextupdate import Seen, updated
from okplug.dockerfile.globs import is_glob
from okplug.dockerfile.ignore import read_patterns
from okplug.errors import Location, ManifestError
from okplug.notes import note_file

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from pathlib import Path

    from okplug.contextfolders import Folder
    from okplug.dockerfile.model import ContextRead
    from okplug.manifest.model import Image

    #: the arguments of ``ContextIndex.snapshot``
    Wanted = tuple[Path, Sequence[ContextRead] | None, Sequence[str]]
    #: an entry as it is hashed: relpath, letter, content as ``Folder.contents`` has it, size; a
    #: plain tuple, of which the garbage collector need not keep track
    _Row = tuple[bytes, bytes, bytes, int]

#: part of both digests and of every stored selection; a change of either must change it, and with
#: it the scheme of the keys
_SCHEME: Final = b"okplug-context-1\n"
_FRAME: Final = struct.Struct("<cII")
_KINDS: Final = {b"f": "file", b"x": "file", b"l": "link", b"d": "directory"}
_REASONS: Final = (MISSING, IGNORED, MALFORMED, NOWHERE)
_UNMATCHED: Final = struct.Struct("<IIB")


@dataclass(frozen=True, slots=True)
class UnmatchedSource:
    """A source of COPY, ADD or a bind mount that names nothing.

    :param reason: ``missing``, ``ignored`` (it is there, but .dockerignore leaves it out),
        ``malformed``, or ``nowhere``: nothing is read from the folder that its wildcards are for.
    """

    read: ContextRead
    pattern: str
    reason: str

    @property
    def is_error(self) -> bool:
        """A builder will refuse it; wildcards may match nothing."""
        is_known = self.reason in (MALFORMED, NOWHERE)
        return is_known or self.read.is_mount or not is_glob(self.pattern)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The files of a context that one image reads; a ``ContextSnapshot``.

    :param unmatched: sources that name nothing, in the order of the instructions.
    """

    root: Path
    ignored: tuple[str, ...]
    digest: str
    proof: str
    unmatched: tuple[UnmatchedSource, ...]
    _selection: bytes
    _record: StoredSelection
    _entries: _Entries

    @property
    def selection(self) -> bytes:
        """What tells this selection of files from others."""
        return self._selection

    @property
    def visited(self) -> list[bytes]:
        """The folders that were looked at, absolute and without links, the context first.

        There are none if nothing is read.
        """
        return self._record.paths()

    @property
    def files(self) -> tuple[ContextFile, ...]:
        """The entries, sorted by *relpath* as bytes; the folders above an entry are there too."""
        return self._entries.files

    def open(self, relpath: str) -> BinaryIO:
        """Open a file of the snapshot; its last byte is only given out if all of them are right.

        :raises KeyError: if the snapshot has no such file.
        :raises ContextChangedError: at once or while reading, if the file is not what was hashed.
        """
        return open_verified(self.root, self._entries.file(relpath))


class _Entries:
    """The entries of a snapshot, listed when first asked for; safe to use from several threads."""

    def __init__(self, load: Callable[[], tuple[ContextFile, ...]], lock: threading.RLock) -> None:
        self._load = load
        self._lock = lock
        self._files: tuple[ContextFile, ...] | None = None
        self._by_path: dict[str, ContextFile] = {}

    @property
    def files(self) -> tuple[ContextFile, ...]:
        with self._lock:
            if self._files is None:
                self._files = self._load()
                self._by_path = {f.relpath: f for f in self._files if f.kind == "file"}
            return self._files

    def file(self, relpath: str) -> ContextFile:
        """Return the entry of a regular file."""
        assert self.files is not None
        return self._by_path[relpath]


class ContextIndex:
    """What is known of all contexts of a workspace.

    One thread at a time takes snapshots; what is done with them may be done by several.

    :param folders: lists folders in a way of its own.
    """

    def __init__(
        self,
        root: Path,
        path: Path | None,
        clock: Callable[[], int] = time.time_ns,
        folders: FolderCache | None = None,
    ) -> None:
        self._root = os.path.realpath(os.fsencode(root))
        self._path = path
        self._lock = threading.RLock()
        self._stored = read_index(path, self._root) if path else Stored()
        self._walk = self._stored.walk
        hidden = self._root + b"/.okplug"
        self._folders = folders or FolderCache(self._stored, hidden, clock)
        self._made: dict[bytes, _Made] = {}
        self._parents: dict[bytes, bytes] = {}

    @classmethod
    def open(cls, root: Path, path: Path | None) -> ContextIndex:
        """Return the index of the workspace *root*.

        :param path: the file that it outlives a run in, None for none.
        """
        return cls(root, path)

    @property
    def folders(self) -> FolderCache:
        """What lists the folders."""
        return self._folders

    def ignored(self, image: Image) -> tuple[str, ...]:
        """Return the patterns of ``<Dockerfile>.dockerignore``, else of ``.dockerignore``.

        :raises ManifestError: if the file cannot be read, or a pattern is malformed.
        """
        own = image.dockerfile.with_name(f"{image.dockerfile.name}.dockerignore")
        return _patterns_of(own, image.context / ".dockerignore")

    def ignored_below(self, folder: Path) -> tuple[str, ...]:
        """Return the patterns of a folder that no Dockerfile belongs to.

        :raises ManifestError: if the file cannot be read, or a pattern is malformed.
        """
        return _patterns_of(folder / ".dockerignore")

    def snapshot(
        self, context: Path, reads: Sequence[ContextRead] | None, patterns: Sequence[str] = ()
    ) -> Snapshot:
        """Return the files below *context* that *reads* may read, None for all.

        :param patterns: of ``.dockerignore``.
        :raises ManifestError: if something among the files cannot be read or is neither file, link
            nor folder, or a pattern is malformed.
        :raises ContextChangedError: if a file changes while it is hashed.
        """
        with self._lock:
            key, root = self._place(context, reads, patterns)
            if key not in self._made:
                select = partial(select_files, root, self._folders, reads, patterns)
                self._made[key] = self._recall(key, select) or self._make(root, select())
            record, entries, _ = self._made[key]
        unmatched = _unpack_unmatched(record.unmatched, reads or ())
        digest, proof = record.digest.hex(), record.proof.hex()
        return Snapshot(context, tuple(patterns), digest, proof, unmatched, key, record, entries)

    def take(self, wanted: Iterable[Wanted]) -> None:
        """Take several snapshots, the arguments of which are given, so that they are at hand.

        :raises OkplugError: as ``snapshot`` does.
        """
        with self._lock:
            selected: dict[bytes, tuple[bytes, Selection]] = {}
            for context, reads, patterns in wanted:
                key, root = self._place(context, reads, patterns)
                if key in self._made or key in selected:
                    continue
                select = partial(select_files, root, self._folders, reads, patterns)
                known = self._recall(key, select)
                if known is None:
                    selected[key] = root, select()
                else:
                    self._made[key] = known
            _read_ahead(selection for _, selection in selected.values())
            for key, (root, selection) in selected.items():
                self._made[key] = self._make(root, selection)

    def _place(
        self, context: Path, reads: Sequence[ContextRead] | None, patterns: Sequence[str]
    ) -> tuple[bytes, bytes]:
        """Return what tells a selection from others, and the context without links."""
        root = self._real(os.fsencode(context))
        return _key(root.removeprefix(self._root), reads, patterns), root

    # ----------------------------------------------------------------------------------- changes

    def begin_check(self, *, with_files: bool) -> None:
        """Look at all that is known, which may go on while other things are done.

        :param with_files: at all files, and not only at folders.
        """
        self._folders.check.begin(with_files=with_files)

    def end_check(self) -> None:
        """Leave nothing at work that nobody waits for."""
        self._folders.check.end()

    def unchanged(self, selection: bytes) -> list[str] | None:
        """Return digest and proof of a snapshot of an earlier run, if nothing of it changed.

        :param selection: the snapshot's.
        """
        with self._lock:
            record = self._stored.selections.get(selection)
            if record is None or not self._is_unchanged(record):
                return None
            return [record.digest.hex(), record.proof.hex()]

    def _is_unchanged(self, record: StoredSelection) -> bool:
        folders = self._folders
        return folders.check.are_same(record.groups) or folders.are_unchanged(record.paths())

    def look_again(self) -> None:
        """Have all snapshots made of what is there now, and of one moment as good as possible."""
        with self._lock:
            self._folders.look_again()
            self._begin_anew()

    def forget(self, context: Path) -> None:
        """Have the next snapshot read all files below *context* anew."""
        with self._lock:
            root = self._real(os.fsencode(context))
            self._folders.forget(root)
            self._begin_anew()

    def _begin_anew(self) -> None:
        self._made.clear()
        if self._walk is not self._stored.walk:
            self._walk = None  # what it saw of folders is forgotten, too

    # -------------------------------------------------------------------------------------- walks

    def names(self, folder: str) -> tuple[set[str], list[str]]:
        """Return the names of the files and of the folders in a folder, for a search.

        :raises OSError: if it cannot be read.
        """
        listing = self._folders.listing(os.fsencode(folder), is_walked=True)
        if listing.error is not None:
            raise listing.error
        return {*map(os.fsdecode, listing.files)}, [*map(os.fsdecode, listing.folders)]

    def recall_walk(self, key: bytes, names: Collection[str]) -> list[list[str]] | None:
        """Return what an earlier search found, None if it may find something else now.

        :param key: tells it from other searches.
        :param names: those of files that are searched for.
        """
        walk, wanted = self._walk, {*map(os.fsencode, names)}
        if walk is None or walk.key != key:
            return None
        for row, now in self._folders.changed_names():
            files = wanted.intersection(split_names(row.files))
            if split_names(row.folders) != now.folders or files != wanted.intersection(now.files):
                return None
        return [[os.fsdecode(path) for path in split_names(paths)] for paths in walk.found]

    def remember_walk(self, key: bytes, found: Iterable[Iterable[str]]) -> None:
        """Keep what a search found, as paths below the workspace; each folder was asked for."""
        self._walk = Walk(key, tuple(join_names([*map(os.fsencode, paths)]) for paths in found))

    # -------------------------------------------------------------------------------------- index

    def save(self) -> None:
        """Write the index for the next run, if there is something new and a place for it."""
        with self._lock:
            fresh = {key: made.record for key, made in self._made.items() if made.is_lasting}
            folders = self._folders.to_store()
            has_news = folders or self._walk != self._stored.walk
            if self._path is None or not (
                has_news or not fresh.items() <= self._stored.selections.items()
            ):
                return
            seen = Seen(
                folders,
                frozenset(self._folders.scanned()),
                fresh,
                self._walk,
                frozenset(self._folders.check.have_changed_names()),
            )
            stored = updated(self._stored, seen, self._root, self._folders.today())
            write_index(self._path, self._root, stored)

    def _recall(self, key: bytes, select: Callable[[], Selection]) -> _Made | None:
        """Return the stored outcome if nothing that it was made of has changed."""
        record = self._stored.selections.get(key)
        if record is None or not self._is_unchanged(record):
            return None
        load = partial(_list_again, select, record.digest)
        return _Made(record, _Entries(load, self._lock), is_lasting=True)

    def _make(self, root: bytes, selection: Selection) -> _Made:
        rows = _rows(selection)
        digest, proof = _digests(rows)
        record = StoredSelection(
            digest,
            proof,
            _pack_unmatched(selection.unmatched),
            self._folders.today(),
            root,
            join_names([path[len(root.rstrip(b"/")) + 1 :] or b"." for path in selection.visited]),
            (),
        )
        entries = _Entries(partial(_context_files, rows), self._lock)
        return _Made(record, entries, selection.is_complete)

    def _real(self, path: bytes) -> bytes:
        """Return a path without links; most contexts have their parent in common with another."""
        parent, _, name = path.rpartition(b"/")
        if name in (b"", b".", b"..") or os.path.islink(path):  # noqa: PTH114 - bytes
            return os.path.realpath(path)
        if parent not in self._parents:
            self._parents[parent] = os.path.realpath(parent or b"/").rstrip(b"/")
        return self._parents[parent] + b"/" + name


def _patterns_of(*paths: Path) -> tuple[str, ...]:
    """Return the patterns of the first file that is there."""
    for path in paths:
        note_file(path)
        try:
            return read_patterns(path.read_bytes(), path)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            message = f"the file cannot be read: {error.strerror}"
            raise ManifestError(message, location=Location(path)) from None
    return ()


class _Made(NamedTuple):
    """A snapshot of this run; *is_lasting* if a later run may start from it."""

    record: StoredSelection
    entries: _Entries
    is_lasting: bool


def _read_ahead(selections: Iterable[Selection]) -> None:
    """Read the files that nobody has read, if they are many."""
    unread: dict[bytes, tuple[Folder, int]] = {}
    for selection in selections:
        for folder, number in selection.files.values():
            if not folder.contents[number] and stat.S_ISREG(folder.stats[number][0]):
                unread[folder.path + b"/" + folder.files[number]] = folder, number
    stats = (folder.stats[number] for folder, number in unread.values())
    files = [(path, st[0], st[1]) for path, st in zip(unread, stats, strict=True)]
    for (folder, number), content in zip(unread.values(), read_contents(files), strict=True):
        if content:
            folder.contents[number] = content
            folder.is_new = True


def _rows(selection: Selection) -> list[_Row]:
    """Return the entries in order, reading what has not been read.

    :raises ManifestError: if an entry cannot be read or is neither file, link nor folder.
    :raises ContextChangedError: if a file changes while it is read.
    """
    rows: list[_Row] = [(relpath, b"d", b"", 0) for relpath in selection.directories]
    for relpath, (folder, number) in selection.files.items():
        mode, size = folder.stats[number][:2]
        letter = b"l" if stat.S_ISLNK(mode) else b"x" if mode & stat.S_IXUSR else b"f"
        rows.append((relpath, letter, folder.content(number), size))
    rows.sort()
    return rows


def _digests(rows: Iterable[_Row]) -> tuple[bytes, bytes]:
    """Return xxh3-128 and sha256 over entries."""
    quick, strong = [_SCHEME], [_SCHEME]
    for relpath, letter, content, _ in rows:
        if letter in b"fx":
            quick += (_FRAME.pack(letter, len(relpath), 16), relpath, content[:16])
            strong += (_FRAME.pack(letter, len(relpath), 32), relpath, content[16:])
        else:
            entry = (_FRAME.pack(letter, len(relpath), len(content)), relpath, content)
            quick += entry
            strong += entry
    return xxhash.xxh3_128_digest(b"".join(quick)), hashlib.sha256(b"".join(strong)).digest()


def _context_files(rows: Iterable[_Row]) -> tuple[ContextFile, ...]:
    return tuple(map(_context_file, rows))


def _context_file(row: _Row) -> ContextFile:
    name, letter, content, size = row
    relpath, kind = decode(name), _KINDS[letter]
    if kind == "directory":
        return ContextFile(relpath, kind)
    if kind == "link":
        return ContextFile(relpath, kind, target=decode(content))
    quick, strong = content[:16].hex(), content[16:].hex()
    return ContextFile(relpath, kind, letter == b"x", "", size, quick, strong)


def _list_again(select: Callable[[], Selection], digest: bytes) -> tuple[ContextFile, ...]:
    """List the entries of a snapshot that so far nobody wanted to see."""
    selection = select()
    rows = _rows(selection)
    if _digests(rows)[0] != digest:
        raise changed(next(iter(selection.visited)), "it holds other files now")
    return _context_files(rows)


def _key(context: bytes, reads: Sequence[ContextRead] | None, patterns: Sequence[str]) -> bytes:
    """Return what tells one selection of files from others; line numbers do not count."""
    wanted = None
    if reads is not None:
        wanted = [(r.patterns, r.excludes, r.parents, r.is_mount) for r in reads]
    text = repr((_SCHEME, context, wanted, tuple(patterns)))
    return xxhash.xxh3_128_digest(text.encode("utf-8", "surrogateescape"))


def _pack_unmatched(unmatched: Iterable[Unmatched]) -> bytes:
    return b"".join(
        _UNMATCHED.pack(lost.read, lost.pattern, _REASONS.index(lost.reason)) for lost in unmatched
    )


def _unpack_unmatched(data: bytes, reads: Sequence[ContextRead]) -> tuple[UnmatchedSource, ...]:
    return tuple(
        UnmatchedSource(reads[read], reads[read].patterns[pattern], _REASONS[reason])
        for read, pattern, reason in _UNMATCHED.iter_unpack(data)
    )
