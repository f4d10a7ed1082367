"""What a folder holds, as both ends of a transfer speak of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, NamedTuple, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: tells of a folder that nobody wants anything in it
Skips: TypeAlias = "Callable[[bytes], bool]"


class Entry(NamedTuple):
    """A file, a folder, a link, or what else has a name.

    :param path: relative, with ``/`` between the names.
    :param mode: as ``st_mode`` has it, kind and permissions.
    :param size: bytes of a file.
    :param mtime_ns: nanoseconds since the epoch.
    :param linkname: where a link points to; of a file, the path that it is another name of.
    :param device: number of a device, as ``st_rdev`` has it.
    """

    path: bytes
    mode: int
    size: int = 0
    mtime_ns: int = 0
    linkname: bytes = b""
    device: int = 0


class Tree(Protocol):
    """A folder that a daemon may read; several threads use it at once.

    :ivar is_whole: what calls name may be answered with more: all that their exclude patterns
        leave. Then images that read different parts of a folder find each other's files there,
        where the daemon would else remove them and ask for them again.
    """

    @property
    def is_whole(self) -> bool:
        """More than a call names may be sent."""

    def entries(self, skips: Skips | None = None) -> Sequence[Entry]:
        """Return all entries, each folder followed by what is in it, names sorted as bytes.

        :param skips: may be asked before a folder is looked into.
        """

    def find(self, path: bytes) -> Entry | None:
        """Return the entry of a path, no link followed; None if there is none."""

    def names(self, path: bytes) -> Sequence[bytes]:
        """Return the names in a folder, the root for an empty path; none if it is no folder."""

    def open(self, entry: Entry) -> BinaryIO:
        """Open a file.

        :raises ContextChangedError: at once or while reading, if it is not what it was.
        """


def encode(path: str) -> bytes:
    """Return the bytes of a path, in which surrogate escapes stand for what is not UTF-8."""
    return path.encode("utf-8", "surrogateescape")


def decode(path: bytes) -> str:
    """Return a path as patterns and messages take it."""
    return path.decode("utf-8", "surrogateescape")


def order(path: bytes) -> bytes:
    """Return what paths are sorted by to come in the order of transfers.

    Whole paths do not do: ``a.b`` comes before ``a/b``, and what is in ``a`` has to follow it. No
    name holds the byte that is lower than all others.
    """
    return path.replace(b"/", b"\0")


def parent(path: bytes) -> bytes:
    """Return the folder that a path lies in, empty for the root."""
    return path.rpartition(b"/")[0]
