"""Folders of the workspace: what lies in them, and the content of their files, read only once.

One run lists a folder and stats its files once, however many images read them. What an earlier
run learned is used as long as the stats are the same *and* were old enough when they were taken: a
file that is written twice within one tick of the clock can keep its stat, so what was fresh is read
again (git's index calls such an entry racily clean).
"""

from __future__ import annotations

import marshal
import os
import stat
import struct
import time
from contextlib import suppress
from operator import attrgetter
from typing import TYPE_CHECKING, Final

import xxhash

from okplug.contextcontent import CONTENT_SIZE, read_content
from okplug.contextstore import StoredFolder, pack_day

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    Stat = tuple[int, ...]
    Clock = Callable[[], int]

#: FAT keeps times to two seconds, the coarsest of the filesystems in use
GRANULARITY: Final = 2_000_000_000
_DAY: Final = 86_400_000_000_000
_get_stat = attrgetter("st_mode", "st_size", "st_mtime_ns", "st_ctime_ns", "st_ino")
_DETAIL = struct.Struct(f"<5Q{CONTENT_SIZE}s")
_LISTED = struct.Struct("<Q")
_UNKNOWN: Final = bytes(CONTENT_SIZE)
_WORD: Final = (1 << 64) - 1


class Folder:
    """One folder as one run sees it; what is in it is fixed but for contents not yet read.

    :ivar path: absolute.
    :ivar listed: when, in nanoseconds since 1970.
    :ivar files: names of all that is not a folder, sorted; *stats* and *contents* go along.
    :ivar stats: mode, size, mtime and ctime in nanoseconds, inode.
    :ivar contents: of a file, its xxh3-128 and sha256; of a link, its target; ``b""`` until wanted.
    :ivar folders: names of the folders, sorted.
    :ivar state: digest of the stats of the folder and its files, of its own unless *is_settled*.
    :ivar is_settled: no change since *listed* can hide behind the same stats.
    :ivar is_new: there is something in it to be stored.
    :ivar error: why it cannot be read; then it seems to be empty.
    """

    __slots__ = (
        "contents",
        "error",
        "files",
        "folders",
        "is_new",
        "is_settled",
        "listed",
        "path",
        "state",
        "stats",
    )

    def __init__(self, path: bytes, listed: int) -> None:
        self.path = path
        self.listed = listed
        self.files: Sequence[bytes] = ()
        self.stats: Sequence[Stat] = ()
        self.contents: list[bytes] = []
        self.folders: Sequence[bytes] = ()
        self.state = b""
        self.is_settled = False
        self.is_new = True
        self.error: OSError | None = None

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


def join_states(states: Iterable[bytes]) -> bytes:
    """Return one digest for the states of several folders."""
    return xxhash.xxh3_128_digest(b"".join(states))


def _state(stats: list[Stat]) -> bytes:
    # The second version of the format neither shares nor interns: equal stats, equal bytes.
    return xxhash.xxh3_128_digest(marshal.dumps(stats, 2))


class FolderCache:
    """All folders of the workspace that a run looks at.

    :param stored: what an earlier run learned, by absolute path.
    :param hidden: the folder that no listing shows: okplug's own state.
    :param clock: nanoseconds since 1970.
    """

    def __init__(
        self,
        stored: Mapping[bytes, StoredFolder],
        hidden: bytes,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._stored = dict(stored)
        self._hidden = hidden
        self._clock = clock
        self._folders: dict[bytes, Folder] = {}
        self._unchanged: dict[bytes, bool] = {}

    def stored_state(self, paths: Iterable[bytes]) -> bytes:
        """Return one digest of what is stored of folders; ``b""`` if one is unknown."""
        try:
            return join_states(self._stored[path].state for path in paths)
        except KeyError:
            return b""

    def are_unchanged(self, paths: Iterable[bytes]) -> bool:
        """Tell whether all folders and their files have the stats that are stored."""
        known = self._unchanged
        return all(known[p] if p in known else self._is_unchanged(p) for p in paths)

    def folder(self, path: bytes) -> Folder:
        """Return what lies in a folder; one that cannot be read has its *error* set."""
        folder = self._folders.get(path)
        if folder is None:
            folder = self._recall(path) if self.are_unchanged((path,)) else self._scan(path)
            self._folders[path] = folder
        return folder

    def forget(self, root: bytes) -> None:
        """Drop all that is known of a folder and what lies below it."""
        below = root + b"/"
        for known in (self._stored, self._folders, self._unchanged):
            for path in [p for p in known if p == root or p.startswith(below)]:
                del known[path]

    def is_changed(self) -> bool:
        """Tell whether there is something new to store."""
        return any(
            folder.is_new and (folder.error is None or path in self._stored)
            for path, folder in self._folders.items()
        )

    def to_store(self, oldest_day: int) -> dict[bytes, StoredFolder]:
        """Return what a later run may use: nothing that no run looked at since *oldest_day*."""
        oldest = pack_day(oldest_day)
        today = pack_day(self.today())
        stored = {
            path: folder._replace(day=today) if path in self._unchanged else folder
            for path, folder in self._stored.items()
            if path in self._unchanged or folder.day >= oldest
        }
        for path, folder in self._folders.items():
            if folder.error is not None:
                stored.pop(path, None)
            elif folder.is_new:
                stored[path] = _pack(folder, today)
        return stored

    def today(self) -> int:
        """Return the number of the present day."""
        return self._clock() // _DAY

    def _is_unchanged(self, path: bytes) -> bool:
        """Compare stats with those stored; the one thing that is done for each file every time."""
        stored = self._stored.get(path)
        same = False
        if stored is not None and stored.settled:
            prefix = path + b"/"
            names = stored.files.split(b"\0") if stored.files else ()
            try:
                stats = [*map(_get_stat, map(os.lstat, [path, *[prefix + n for n in names]]))]
            except OSError:
                stats = []
            same = _state(stats) == stored.state
        self._unchanged[path] = same
        return same

    def _recall(self, path: bytes) -> Folder:
        """Unpack what is stored."""
        folder = _unpack(path, self._stored[path])
        folder.folders = self._visible(path, folder.folders)
        folder.is_new = False
        return folder

    def _scan(self, path: bytes) -> Folder:
        """List a folder; contents of files whose stats are the same and old enough are kept."""
        folder = Folder(path, self._clock())
        try:
            # Its own stat comes first: what is added while it is listed makes it look changed.
            own = _get_stat(os.lstat(path))
            names = sorted(os.listdir(path))  # noqa: PTH208 - of bytes, and ten times as fast
            names, stats = _stat_all(path, names)
        except OSError as error:
            folder.error = error
            return folder
        files, folders = [], []
        for name, st in zip(names, stats, strict=True):
            if stat.S_ISDIR(st[0]):
                folders.append(name)
            else:
                files.append((name, st))
        folder.files = [name for name, _ in files]
        folder.stats = [st for _, st in files]
        folder.folders = self._visible(path, folders)
        limit = folder.listed - GRANULARITY
        all_stats = [own, *folder.stats]
        folder.is_settled = all(st[2] < limit and st[3] < limit for st in all_stats)
        # What is fresh gets a state of its own: no other selection's digest may pass for today's.
        folder.state = _state(all_stats if folder.is_settled else [(folder.listed,), *all_stats])
        stored = self._stored.get(path)
        known = _settled_contents(_unpack(path, stored)) if stored else None
        folder.contents = [known.get((n, _masked(st)), b"") if known else b"" for n, st in files]
        return folder

    def _visible(self, path: bytes, folders: Sequence[bytes]) -> Sequence[bytes]:
        if not self._hidden.startswith(path):
            return folders
        return [name for name in folders if path + b"/" + name != self._hidden]


def _stat_all(path: bytes, names: list[bytes]) -> tuple[list[bytes], list[Stat]]:
    """Return the names that are still there with their stats."""
    prefix = path + b"/"
    try:
        return names, [*map(_get_stat, map(os.lstat, [prefix + name for name in names]))]
    except FileNotFoundError:
        pass  # one went away since the listing; the folder's own stat will tell the next run
    found = {}
    for name in names:
        with suppress(FileNotFoundError):
            found[name] = _get_stat(os.lstat(prefix + name))
    return list(found), list(found.values())


def _settled_contents(folder: Folder) -> dict[tuple[bytes, Stat], bytes]:
    return {
        (name, st): content
        for name, st, content in zip(folder.files, folder.stats, folder.contents, strict=True)
        if max(st[2], st[3]) < folder.listed - GRANULARITY
    }


def _masked(st: Stat) -> Stat:
    """Cut the numbers of a stat to what is stored: times may be negative, or absurd."""
    return tuple([number & _WORD for number in st])


def _pack(folder: Folder, day: bytes) -> StoredFolder:
    targets = []
    details = [_LISTED.pack(folder.listed)]
    for st, content in zip(folder.stats, folder.contents, strict=True):
        is_link = stat.S_ISLNK(st[0])
        details.append(_DETAIL.pack(*_masked(st), b"" if is_link else content))
        if is_link:
            targets.append(content)
    return StoredFolder(
        b"\0".join(folder.files),
        b"\0".join(folder.folders),
        b"".join(details) + b"\0".join(targets),
        folder.state,
        b"1" * folder.is_settled,
        day,
    )


def _unpack(path: bytes, stored: StoredFolder) -> Folder:
    files = stored.files.split(b"\0") if stored.files else []
    (listed,) = _LISTED.unpack_from(stored.details)
    end = _LISTED.size + len(files) * _DETAIL.size
    folder = Folder(path, listed)
    folder.state = stored.state
    folder.is_settled = bool(stored.settled)
    folder.files = files
    folder.folders = stored.folders.split(b"\0") if stored.folders else []
    rows = list(_DETAIL.iter_unpack(stored.details[_LISTED.size : end]))
    folder.stats = [row[:5] for row in rows]
    targets = iter(stored.details[end:].split(b"\0"))
    folder.contents = [
        next(targets) if stat.S_ISLNK(row[0]) else row[5].removeprefix(_UNKNOWN) for row in rows
    ]
    return folder
