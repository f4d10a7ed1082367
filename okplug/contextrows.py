"""What is kept of one folder from run to run, and how it is packed."""

from __future__ import annotations

import stat
import struct
from typing import TYPE_CHECKING, Final, NamedTuple

from okplug.folderstats import masked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from okplug.folderstats import Stat

#: of a file: xxh3-128 and sha256
CONTENT_SIZE: Final = 16 + 32
_DETAIL: Final = struct.Struct(f"<5Q{CONTENT_SIZE}s")
_LISTED: Final = struct.Struct("<Q")
_UNKNOWN: Final = bytes(CONTENT_SIZE)


class StoredFolder(NamedTuple):
    """What is known of one folder.

    :param own: its stat, packed.
    :param files: names of all that is not a folder, sorted, with a NUL between them.
    :param folders: names of the folders, likewise.
    :param names_settled: no later change of the names could go unseen.
    :param details: stat and content of the files, packed; ``b""`` if nobody looked at them.
    :param state: digest of the stats of the files.
    :param files_settled: no later change of a file could go unseen.
    :param is_walked: manifests were looked for in it.
    """

    own: bytes
    files: bytes
    folders: bytes
    names_settled: bool
    details: bytes = b""
    state: bytes = b""
    files_settled: bool = False
    is_walked: bool = False

    @property
    def is_settled(self) -> bool:
        """No later change of what is known could go unseen."""
        return self.names_settled and (self.files_settled or not self.details)


class Details(NamedTuple):
    """What is known of the files of a folder, in the order of their names.

    :param listed: when their stats were taken, in nanoseconds since 1970.
    :param contents: of a file, its xxh3-128 and sha256; of a link, its target; ``b""`` if unknown.
    """

    listed: int
    stats: Sequence[Stat]
    contents: list[bytes]


def join_names(names: Sequence[bytes]) -> bytes:
    """Return names as they are stored."""
    return b"\0".join(names)


def split_names(packed: bytes) -> list[bytes]:
    """Return names that were stored."""
    return packed.split(b"\0") if packed else []


def pack_details(details: Details) -> bytes:
    """Return what is known of files as it is stored."""
    targets = []
    packed = [_LISTED.pack(details.listed)]
    for st, content in zip(details.stats, details.contents, strict=True):
        is_link = stat.S_ISLNK(st[0])
        packed.append(_DETAIL.pack(*masked(st), b"" if is_link else content))
        if is_link:
            targets.append(content)
    return b"".join(packed) + join_names(targets)


def unpack_details(packed: bytes, count: int) -> Details:
    """Return what was stored of *count* files."""
    (listed,) = _LISTED.unpack_from(packed)
    end = _LISTED.size + count * _DETAIL.size
    rows = list(_DETAIL.iter_unpack(packed[_LISTED.size : end]))
    targets = iter(packed[end:].split(b"\0"))
    contents = [
        next(targets) if stat.S_ISLNK(row[0]) else row[5].removeprefix(_UNKNOWN) for row in rows
    ]
    return Details(listed, [row[:5] for row in rows], contents)
