"""Folders of the workspace: what lies in them, and the content of their files, read only once.

One run lists a folder and stats its files once, however many images read them. What an earlier
run learned is used as long as the stats are the same *and* were old enough when they were taken: a
file that is written twice within one tick of the clock can keep its stat, so what was fresh is read
again (git's index calls such an entry racily clean).
"""

from __future__ import annotations

import os
import stat
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from okplug.contextcontent import read_content
from okplug.contextrows import (
    Details,
    StoredFolder,
    join_names,
    pack_details,
    split_names,
    unpack_details,
)
from okplug.folderstats import get_stat, is_settled, masked, pack_stat, state_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from okplug.contextstore import Stored
    from okplug.folderstats import Stat

_DAY: Final = 86_400_000_000_000


@dataclass(slots=True)
class Listing:
    """The names in a folder as one run sees them.

    :param own: the folder's stat, packed.
    :param files: names of all that is not a folder, sorted.
    :param folders: names of the folders, sorted.
    :param is_settled: no later change of the names can hide behind the same stat.
    :param is_fresh: it was listed in this run.
    :param is_new: there is something in it to be stored.
    :param error: why it cannot be read; then it seems to be empty.
    """

    own: bytes = b""
    files: Sequence[bytes] = ()
    folders: Sequence[bytes] = ()
    is_settled: bool = False
    is_fresh: bool = True
    is_new: bool = True
    is_walked: bool = False
    error: OSError | None = None


class Folder:
    """One folder as one run sees it; what is in it is fixed but for contents not yet read.

    :ivar path: absolute.
    :ivar listed: when the stats were taken, in nanoseconds since 1970.
    :ivar files: names of all that is not a folder, sorted; *stats* and *contents* go along.
    :ivar stats: mode, size, mtime and ctime in nanoseconds, inode.
    :ivar contents: of a file, its xxh3-128 and sha256; of a link, its target; ``b""`` until wanted.
    :ivar folders: names of the folders, sorted.
    :ivar is_settled: no change since *listed* can hide behind the same stats.
    :ivar is_fresh: the stats were taken in this run.
    :ivar is_new: there is something in it to be stored.
    :ivar error: why it cannot be read; then it seems to be empty.
    """

    __slots__ = (
        "contents",
        "error",
        "files",
        "folders",
        "is_fresh",
        "is_new",
        "is_settled",
        "listed",
        "path",
        "stats",
    )

    def __init__(self, path: bytes, listed: int, names: Listing) -> None:
        self.path = path
        self.listed = listed
        self.files: Sequence[bytes] = names.files
        self.stats: Sequence[Stat] = ()
        self.contents: list[bytes] = []
        self.folders: Sequence[bytes] = names.folders
        self.is_settled = names.is_settled
        self.is_fresh = True
        self.is_new = True
        self.error = names.error

    def content(self, number: int) -> bytes:
        """Return the content of a file or link, reading it if nobody has.

        :raises ManifestError: if it cannot be read.
        :raises ContextChangedError: if it is not what was listed.
        """
        if not self.contents[number]:
            path = self.path + b"/" + self.files[number]
            self.contents[number] = read_content(path, *self.stats[number][:2])
            self.is_new = True
        return self.contents[number]


class FolderCache:
    """All folders of the workspace that a run looks at.

    :param stored: what an earlier run learned.
    :param hidden: the folder that no listing shows: okplug's own state.
    :param clock: nanoseconds since 1970.
    """

    def __init__(
        self, stored: Stored, hidden: bytes, clock: Callable[[], int] = time.time_ns
    ) -> None:
        self._stored = stored
        self._hidden = hidden
        self._clock = clock
        self._listings: dict[bytes, Listing] = {}
        self._folders: dict[bytes, Folder] = {}
        self._forgotten: set[bytes] = set()
        self._adopted: dict[bytes, StoredFolder] = {}
        self.check = stored.check

    # ----------------------------------------------------------------------------------- changes

    def are_unchanged(self, paths: Iterable[bytes]) -> bool:
        """Tell whether all folders and their files have the stats that are stored."""
        return all(self._has_same_names(path) and self._has_same_files(path) for path in paths)

    def changed_names(self) -> Iterator[tuple[StoredFolder, Listing]]:
        """Yield each folder that is not what it was, with what was known of it."""
        for number in self.check.have_changed_names():
            for path, row in self._stored.rows(number).items():
                if row.is_walked and not self._has_same_names(path):
                    yield row, self.listing(path)

    def scanned(self) -> set[bytes]:
        """Return the folders that were not what an earlier run had seen."""
        fresh = {path for path, listing in self._listings.items() if listing.is_fresh}
        fresh |= {path for path, folder in self._folders.items() if folder.is_fresh}
        return fresh | self._adopted.keys()

    def adopt(self, rows: Mapping[bytes, StoredFolder]) -> None:
        """Believe what another process of this run has seen."""
        self._adopted.update(rows)

    def _row(self, path: bytes) -> StoredFolder | None:
        if self._forgotten and any((path + b"/").startswith(root) for root in self._forgotten):
            return None
        return self._stored.folder(path)

    def _has_same_names(self, path: bytes) -> bool:
        number = self._stored.number(path)
        if number is None:
            return False
        if self.check.has_same_names(number):
            return True
        row = self._row(path)
        if row is None or not row.names_settled:
            return False
        try:
            return pack_stat(get_stat(os.lstat(path))) == row.own
        except OSError:
            return False

    def _has_same_files(self, path: bytes) -> bool:
        """Compare stats, for a folder that has the names that it had."""
        row = self._row(path)
        if row is None or not row.details or not row.files_settled:
            return False
        number = self._stored.number(path)
        if number is not None and self.check.has_same_files(number):
            return True
        try:
            return state_of(_stats(path, split_names(row.files))) == row.state
        except OSError:
            return False

    # ----------------------------------------------------------------------------------- looking

    def listing(self, path: bytes, *, is_walked: bool = False) -> Listing:
        """Return the names in a folder; one that cannot be read has its *error* set.

        :param is_walked: manifests are looked for in it.
        """
        listing = self._listings.get(path)
        if listing is None:
            listing = self._recall_names(path) or self._list(path)
            self._listings[path] = listing
        if is_walked and not listing.is_walked:
            listing.is_walked = listing.is_new = True
        return listing

    def _recall_names(self, path: bytes) -> Listing | None:
        row = self._adopted.get(path)
        if row is None and self._has_same_names(path):
            row = self._row(path)
        if row is None:
            return None
        return Listing(
            row.own,
            split_names(row.files),
            self._visible(path, split_names(row.folders)),
            row.names_settled,
            is_fresh=False,
            is_new=False,
            is_walked=row.is_walked,
        )

    def _list(self, path: bytes) -> Listing:
        try:
            listed = self._clock()
            # Its own stat comes first: what is added while it is listed makes it look changed.
            own = get_stat(os.lstat(path))
            folders: list[bytes] = []
            files: list[bytes] = []
            with os.scandir(path) as entries:
                for entry in entries:
                    is_folder = entry.is_dir(follow_symlinks=False)
                    (folders if is_folder else files).append(entry.name)
        except OSError as error:
            return Listing(error=error)
        known = self._stored.folder(path)
        return Listing(
            pack_stat(own),
            sorted(files),
            self._visible(path, sorted(folders)),
            is_settled([own], listed),
            is_walked=known is not None and known.is_walked,
        )

    def _visible(self, path: bytes, folders: Sequence[bytes]) -> Sequence[bytes]:
        if not self._hidden.startswith(path):
            return folders
        return [name for name in folders if path + b"/" + name != self._hidden]

    def folder(self, path: bytes) -> Folder:
        """Return what lies in a folder; one that cannot be read has its *error* set."""
        folder = self._folders.get(path)
        if folder is None:
            folder = self._recall(path) or self._scan(path)
            self._folders[path] = folder
        return folder

    def _recall(self, path: bytes) -> Folder | None:
        """Return a folder as it is stored, None if it changed."""
        names = self.listing(path)
        row = self._adopted.get(path)
        if row is None and self._has_same_names(path) and self._has_same_files(path):
            row = self._row(path)
        if row is None or not row.details:
            return None
        files = split_names(row.files)  # which may be fewer than were listed
        details = unpack_details(row.details, len(files))
        folder = Folder(path, details.listed, names)
        folder.files = files
        folder.stats, folder.contents = details.stats, details.contents
        folder.is_fresh = folder.is_new = False
        return folder

    def _scan(self, path: bytes) -> Folder:
        """Stat a folder's files; contents of those that are the same and old enough are kept."""
        folder = Folder(path, self._clock(), self.listing(path))
        if folder.error is not None:
            return folder
        found = _stat_all(path, folder.files)
        known = self._settled_contents(path)
        folder.files = [name for name, _ in found]
        folder.stats = [st for _, st in found]
        folder.contents = [known.get((name, masked(st)), b"") for name, st in found]
        folder.is_settled &= is_settled(folder.stats, folder.listed)
        return folder

    def _settled_contents(self, path: bytes) -> dict[tuple[bytes, Stat], bytes]:
        row = self._row(path)
        if row is None or not row.details:
            return {}
        files = split_names(row.files)
        details = unpack_details(row.details, len(files))
        return {
            (name, st): content
            for name, st, content in zip(files, details.stats, details.contents, strict=True)
            if is_settled([st], details.listed)
        }

    def look_again(self) -> None:
        """Take everything for unseen in this run; what an earlier one stored may be used."""
        self._listings.clear()
        self._folders.clear()
        self._adopted.clear()
        self.check.doubt(range(len(self._stored.groups)))

    def forget(self, root: bytes) -> None:
        """Drop all that is known of a folder and what lies below it."""
        below = root + b"/"
        self._forgotten.add(below)
        known: dict[bytes, Listing] | dict[bytes, Folder] | dict[bytes, StoredFolder]
        for known in (self._listings, self._folders, self._adopted):
            for path in [p for p in known if (p + b"/").startswith(below)]:
                del known[path]
        self.check.doubt(
            number
            for number, group in enumerate(self._stored.groups)
            if group.has_some_below(below)
        )

    # ----------------------------------------------------------------------------------- keeping

    def to_store(self) -> dict[bytes, StoredFolder]:
        """Return what is new of folders, by path."""
        return {**self._adopted, **self.rows(self._listings)}

    def rows(self, paths: Iterable[bytes]) -> dict[bytes, StoredFolder]:
        """Return what is new of folders that were listed."""
        found = {}
        for path in paths:
            names, folder = self._listings[path], self._folders.get(path)
            if names.error is None and (names.is_new or (folder and folder.is_new)):
                row = self._to_row(path, names, folder)
                if row is not None:
                    found[path] = row
        return found

    def _to_row(self, path: bytes, names: Listing, folder: Folder | None) -> StoredFolder | None:
        row = StoredFolder(
            names.own,
            join_names(names.files),
            join_names(names.folders),
            names.is_settled,
            is_walked=names.is_walked,
        )
        known = self._adopted.get(path) or self._row(path)
        if folder is None:
            if known is None or not known.details:
                return row
            if known[:3] != row[:3]:
                return None  # whoever looks at its files next has use for what is known of them
            return known._replace(is_walked=True)
        return row._replace(
            files=join_names(folder.files),
            details=pack_details(Details(folder.listed, folder.stats, folder.contents)),
            state=state_of(folder.stats),
            files_settled=folder.is_settled,
        )

    def today(self) -> int:
        """Return the number of the present day."""
        return self._clock() // _DAY


def _stats(path: bytes, names: Iterable[bytes]) -> list[Stat]:
    prefix = path + b"/"
    return [*map(get_stat, map(os.lstat, [prefix + name for name in names]))]


def _stat_all(path: bytes, names: Sequence[bytes]) -> list[tuple[bytes, Stat]]:
    """Return the files that are still there with their stats."""
    with suppress(FileNotFoundError):
        stats = _stats(path, names)
        if not any(stat.S_ISDIR(st[0]) for st in stats):
            return [*zip(names, stats, strict=True)]
    # One went away since the listing; the folder's own stat will tell the next run.
    found = []
    for name in names:
        with suppress(FileNotFoundError):
            (st,) = _stats(path, [name])
            if not stat.S_ISDIR(st[0]):
                found.append((name, st))
    return found
