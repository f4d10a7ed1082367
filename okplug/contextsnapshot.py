"""The files of a context that one image reads, as a run sees them."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final

from okplug.contextfiles import IGNORED, MALFORMED, MISSING, NOWHERE
from okplug.contextstream import open_verified
from okplug.dockerfile.globs import is_glob

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from okplug.context import ContextFile
    from okplug.contextfiles import Unmatched
    from okplug.contextstore import StoredSelection
    from okplug.dockerfile.model import ContextRead

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
    _entries: Entries

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


class Entries:
    """The entries of a snapshot, listed when first asked for; safe to use from several threads."""

    def __init__(self, load: Callable[[], tuple[ContextFile, ...]], lock: threading.RLock) -> None:
        self._load = load
        self._lock = lock
        self._files: tuple[ContextFile, ...] | None = None
        self._by_path: dict[str, ContextFile] = {}

    @property
    def files(self) -> tuple[ContextFile, ...]:
        """The entries, sorted."""
        with self._lock:
            if self._files is None:
                self._files = self._load()
                self._by_path = {f.relpath: f for f in self._files if f.kind == "file"}
            return self._files

    def file(self, relpath: str) -> ContextFile:
        """Return the entry of a regular file."""
        assert self.files is not None
        return self._by_path[relpath]


def pack_unmatched(unmatched: Iterable[Unmatched]) -> bytes:
    """Return the sources that matched nothing as they are stored."""
    return b"".join(
        _UNMATCHED.pack(lost.read, lost.pattern, _REASONS.index(lost.reason)) for lost in unmatched
    )


def unpack_unmatched(data: bytes, reads: Sequence[ContextRead]) -> tuple[UnmatchedSource, ...]:
    """Return the sources that matched nothing, of the instructions *reads*."""
    return tuple(
        UnmatchedSource(reads[read], reads[read].patterns[pattern], _REASONS[reason])
        for read, pattern, reason in _UNMATCHED.iter_unpack(data)
    )
