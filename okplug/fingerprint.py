"""The context index: what the files of each image come to, without reading them again.

An image whose folders and files have the stats that they had when an earlier run looked costs one
lstat for each of them, and nothing else: its entries are not even listed unless somebody asks.
"""

from __future__ import annotations

import os
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import xxhash

from okplug.contextahead import Taken, Unknown, take_ahead
from okplug.contextcontent import changed
from okplug.contextdigest import SCHEME, context_files, digests_of, read_ahead, rows_of
from okplug.contextfiles import Selection, select_files
from okplug.contextfolders import FolderCache
from okplug.contextindexfile import read_index, write_index
from okplug.contextrows import join_names, split_names
from okplug.contextsnapshot import Entries, Snapshot, pack_unmatched, unpack_unmatched
from okplug.contextstore import Stored, StoredSelection, Walk
from okplug.contextupdate import Seen, updated
from okplug.dockerfile.ignore import read_patterns
from okplug.errors import Location, ManifestError
from okplug.notes import note_file

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from okplug.context import ContextFile
    from okplug.dockerfile.model import ContextRead
    from okplug.manifest.model import Image

    #: the arguments of ``ContextIndex.snapshot``
    Wanted = tuple[Path, Sequence[ContextRead] | None, Sequence[str]]


class ContextIndex:
    """What is known of all contexts of a workspace.

    One thread at a time takes snapshots; what is done with them may be done by several.

    :param root: the workspace.
    :param path: the file that it outlives a run in, None for none.
    :param folders: lists folders in a way of its own.
    :param stored: what is in the file, if that was read before.
    """

    def __init__(
        self,
        root: Path,
        path: Path | None,
        clock: Callable[[], int] = time.time_ns,
        folders: FolderCache | None = None,
        stored: Stored | None = None,
    ) -> None:
        self._root = os.path.realpath(os.fsencode(root))
        self._path = path
        self._lock = threading.RLock()
        self._stored = stored or (read_index(path, self._root) if path else Stored())
        self._walk = self._stored.walk
        hidden = self._root + b"/.okplug"
        self._folders = folders or FolderCache(self._stored, hidden, clock)
        self._made: dict[bytes, _Made] = {}
        self._reals: dict[bytes, bytes] = {}

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
        unmatched = unpack_unmatched(record.unmatched, reads or ())
        digest, proof = record.digest.hex(), record.proof.hex()
        return Snapshot(context, tuple(patterns), digest, proof, unmatched, key, record, entries)

    def take(self, wanted: Iterable[Wanted]) -> None:
        """Take several snapshots, the arguments of which are given, so that they are at hand.

        :raises OkplugError: as ``snapshot`` does.
        """
        with self._lock:
            selects: dict[Unknown, Callable[[], Selection]] = {}
            # all places first: other processes may still be looking
            for (key, root), (_, reads, patterns) in [(self._place(*w), w) for w in wanted]:
                if key in self._made:
                    continue
                select = partial(select_files, root, self._folders, reads, patterns)
                known = self._recall(key, select)
                if known is None:
                    selects[Unknown(key, root)] = select
                else:
                    self._made[key] = known
            if self._path is not None:
                self._take_ahead(selects)
            selected = {u: select() for u, select in selects.items() if u.key not in self._made}
            read_ahead(selected.values())
            for unknown, selection in selected.items():
                self._made[unknown.key] = self._make(unknown.root, selection)

    def _take_ahead(self, selects: Mapping[Unknown, Callable[[], Selection]]) -> None:
        """Have other processes make selections, as far as they can."""

        def take(unknown: Unknown) -> Taken:
            selection = selects[unknown]()
            record, _, is_lasting = self._make(unknown.root, selection)
            return Taken(unknown.key, record, is_lasting, self._folders.rows(selection.visited))

        for key, record, is_lasting, rows in take_ahead(selects, take):
            self._folders.adopt(rows)
            select = selects[Unknown(key, record.root)]
            self._made[key] = self._listed_later(record, select, is_lasting=is_lasting)

    def _place(
        self, context: Path, reads: Sequence[ContextRead] | None, patterns: Sequence[str]
    ) -> tuple[bytes, bytes]:
        """Return what tells a selection from others, and the context without links."""
        root = self._real(os.fsencode(context))
        return _key(root.removeprefix(self._root), reads, patterns), root

    # ----------------------------------------------------------------------------------- changes

    def close(self) -> None:
        """Leave nothing at work that nobody waits for, and no file open."""
        self._stored.close()

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
        self._reals.clear()
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
            write_index(self._path, self._root, stored, self._stored.source)

    def _recall(self, key: bytes, select: Callable[[], Selection]) -> _Made | None:
        """Return the stored outcome if nothing that it was made of has changed."""
        record = self._stored.selections.get(key)
        if record is None or not self._is_unchanged(record):
            return None
        return self._listed_later(record, select, is_lasting=True)

    def _listed_later(
        self, record: StoredSelection, select: Callable[[], Selection], *, is_lasting: bool
    ) -> _Made:
        load = partial(_list_again, select, record.digest)
        return _Made(record, Entries(load, self._lock), is_lasting)

    def _make(self, root: bytes, selection: Selection) -> _Made:
        rows = rows_of(selection)
        digest, proof = digests_of(rows)
        record = StoredSelection(
            digest,
            proof,
            pack_unmatched(selection.unmatched),
            self._folders.today(),
            root,
            join_names([path[len(root.rstrip(b"/")) + 1 :] or b"." for path in selection.visited]),
            (),
        )
        entries = Entries(partial(context_files, rows), self._lock)
        return _Made(record, entries, selection.is_complete)

    def _real(self, path: bytes) -> bytes:
        """Return a path without links; most contexts have their parent in common with another."""
        if path not in self._reals:
            self._reals[path] = self._resolve(path)
        return self._reals[path]

    def _resolve(self, path: bytes) -> bytes:
        parent, _, name = path.rpartition(b"/")
        if name in (b"", b".", b"..") or os.path.islink(path):  # noqa: PTH114 - bytes
            return os.path.realpath(path)
        if parent not in self._reals:
            self._reals[parent] = os.path.realpath(parent or b"/").rstrip(b"/")
        return self._reals[parent] + b"/" + name


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
    entries: Entries
    is_lasting: bool


def _list_again(select: Callable[[], Selection], digest: bytes) -> tuple[ContextFile, ...]:
    """List the entries of a snapshot that so far nobody wanted to see."""
    selection = select()
    rows = rows_of(selection)
    if digests_of(rows)[0] != digest:
        raise changed(next(iter(selection.visited)), "it holds other files now")
    return context_files(rows)


def _key(context: bytes, reads: Sequence[ContextRead] | None, patterns: Sequence[str]) -> bytes:
    """Return what tells one selection of files from others; line numbers do not count."""
    wanted = None
    if reads is not None:
        wanted = [(r.patterns, r.excludes, r.parents, r.is_mount) for r in reads]
    text = repr((SCHEME, context, wanted, tuple(patterns)))
    return xxhash.xxh3_128_digest(text.encode("utf-8", "surrogateescape"))
