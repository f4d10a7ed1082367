"""Folders whose content is known: the files that an image reads, and files in memory."""

from __future__ import annotations

import hashlib
import io
import stat
import threading
from typing import TYPE_CHECKING, BinaryIO, Final

from okplug_buildkit.sync.entries import Entry, decode, encode, order, parent

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from okplug import ContextFile, ContextSnapshot
    from okplug_buildkit.sync.entries import Skips

_DIRECTORY: Final = stat.S_IFDIR | 0o755
_LINK: Final = stat.S_IFLNK | 0o777
_PLAIN: Final = stat.S_IFREG | 0o644
_EXECUTABLE: Final = stat.S_IFREG | 0o755
_SECOND: Final = 1_000_000_000


class Listing:
    """Entries by path and by folder; what trees have in common that know all of theirs.

    :param entries: in any order, the folders above each among them.
    """

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.entries: Final = tuple(sorted(entries, key=lambda entry: order(entry.path)))
        self.by_path: Final = {entry.path: entry for entry in self.entries}
        self._names: dict[bytes, list[bytes]] | None = None

    def names(self, path: bytes) -> Sequence[bytes]:
        """Return the names in a folder, none if it is no folder."""
        if self._names is None:  # only wildcards need them; two threads find the same
            names: dict[bytes, list[bytes]] = {}
            for found in self.by_path:
                above, _, name = found.rpartition(b"/")
                names.setdefault(above, []).append(name)
            self._names = names
        return self._names.get(path, ())


class SnapshotTree:
    """The files that one or several images read of the same context; a ``Tree``.

    Owners, times and most of the modes are no part of an image's key, so they do not depend on the
    checkout here either. A daemon holds size and time against what it has from the last build, and
    asks for a file if they differ; layers keep the whole seconds of a time. So the seconds are the
    same for all files, and the nanoseconds are made of the content's fingerprint: equal content
    gives equal images in every checkout, and other content is always sent. Of folders and links
    all that matters is compared anyway.

    :param snapshots: of one root; where two list the same path, the last one counts.
    :param mtime_seconds: since the epoch, of all entries.
    :param is_whole: see ``Tree``.
    """

    def __init__(
        self,
        snapshots: Sequence[ContextSnapshot],
        mtime_seconds: int = 0,
        *,
        is_whole: bool = False,
    ) -> None:
        self._snapshots = tuple(snapshots)
        self._mtime_ns = mtime_seconds * _SECOND
        self._is_whole = is_whole
        self._lock = threading.Lock()
        self._listing: Listing | None = None

    @property
    def is_whole(self) -> bool:
        """More than a call names may be sent."""
        return self._is_whole

    def entries(self, skips: Skips | None = None) -> Sequence[Entry]:  # noqa: ARG002  # see Tree
        """Return all entries, each folder followed by what is in it."""
        return self._listed().entries

    def find(self, path: bytes) -> Entry | None:
        """Return the entry of a path, None if there is none."""
        return self._listed().by_path.get(path)

    def names(self, path: bytes) -> Sequence[bytes]:
        """Return the names in a folder, none if it is no folder."""
        return self._listed().names(path)

    def open(self, entry: Entry) -> BinaryIO:
        """Open a file; its last byte is only given out if it is what was hashed.

        :raises ContextChangedError: at once or while reading, if it is not.
        """
        relpath = decode(entry.path)
        for snapshot in reversed(self._snapshots[1:]):
            try:
                return snapshot.open(relpath)
            except KeyError:
                continue
        return self._snapshots[0].open(relpath)

    def _listed(self) -> Listing:
        with self._lock:
            if self._listing is None:
                files = {file.relpath: file for s in self._snapshots for file in s.files}
                self._listing = Listing(self._entry(file) for file in files.values())
            return self._listing

    def _entry(self, file: ContextFile) -> Entry:
        path = encode(file.relpath)
        if file.kind == "directory":
            return Entry(path, _DIRECTORY, 0, self._mtime_ns)
        if file.kind == "link":
            target = encode(file.target)
            return Entry(path, _LINK, len(target), self._mtime_ns, target)
        mode = _EXECUTABLE if file.executable else _PLAIN
        mtime_ns = self._mtime_ns + int(file.fingerprint, 16) % _SECOND
        return Entry(path, mode, file.size, mtime_ns)


class MemoryTree:
    """Files that are nowhere on the disk, such as a Dockerfile; a ``Tree``.

    :param files: content by relative path.
    """

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._content = {encode(path): data for path, data in files.items()}
        folders = {above for path in self._content for above in _parents(path)}
        self._listing = Listing(
            [
                *(Entry(path, _DIRECTORY) for path in folders),
                *(
                    Entry(path, _PLAIN, len(data), _nanoseconds(data))
                    for path, data in self._content.items()
                ),
            ]
        )

    @property
    def is_whole(self) -> bool:
        """Only what a call names is sent."""
        return False

    def entries(self, skips: Skips | None = None) -> Sequence[Entry]:  # noqa: ARG002  # see Tree
        """Return all entries, each folder followed by what is in it."""
        return self._listing.entries

    def find(self, path: bytes) -> Entry | None:
        """Return the entry of a path, None if there is none."""
        return self._listing.by_path.get(path)

    def names(self, path: bytes) -> Sequence[bytes]:
        """Return the names in a folder, none if it is no folder."""
        return self._listing.names(path)

    def open(self, entry: Entry) -> BinaryIO:
        """Open a file."""
        return io.BytesIO(self._content[entry.path])


def _parents(path: bytes) -> Iterable[bytes]:
    while path := parent(path):
        yield path


def _nanoseconds(data: bytes) -> int:
    """Return a time that changes with the content, within the first second."""
    return int.from_bytes(hashlib.sha256(data).digest()[:8]) % _SECOND
