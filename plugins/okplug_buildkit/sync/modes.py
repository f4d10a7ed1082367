"""File modes as Go's ``os.FileMode`` has them: on the wire kinds have other bits than on Linux."""

from __future__ import annotations

import stat
from typing import Final

_KINDS: Final = {
    stat.S_IFREG: 0,
    stat.S_IFDIR: 1 << 31,
    stat.S_IFLNK: 1 << 27,
    stat.S_IFBLK: 1 << 26,
    stat.S_IFCHR: 1 << 26 | 1 << 21,
    stat.S_IFIFO: 1 << 25,
}
_FLAGS: Final = ((stat.S_ISUID, 1 << 23), (stat.S_ISGID, 1 << 22), (stat.S_ISVTX, 1 << 20))
_KIND_OF: Final = {bits: kind for kind, bits in _KINDS.items()}
_KIND_BITS: Final = 1 << 31 | 1 << 27 | 1 << 26 | 1 << 25 | 1 << 24 | 1 << 21 | 1 << 19
_SPECIAL: Final = stat.S_ISUID | stat.S_ISGID | stat.S_ISVTX
_PERMISSIONS: Final = 0o777


def to_go(mode: int) -> int:
    """Return Go's form of an ``st_mode``.

    :raises ValueError: of a socket, which no transfer knows.
    """
    kind = _KINDS.get(stat.S_IFMT(mode))
    if kind is None:
        raise ValueError(f"mode {mode:o} is of no kind that can be sent")
    bits = kind | mode & _PERMISSIONS
    if mode & _SPECIAL:
        bits |= sum(go for linux, go in _FLAGS if mode & linux)
    return bits


def from_go(bits: int) -> int:
    """Return the ``st_mode`` that Go's form stands for.

    :raises ValueError: if there is none.
    """
    kind = _KIND_OF.get(bits & _KIND_BITS)
    if kind is None:
        raise ValueError(f"file mode {bits:#x} is of no kind that can be received")
    return kind | bits & _PERMISSIONS | sum(linux for linux, go in _FLAGS if bits & go)
