"""Stats of many folders and files at once, and whether they are what they were.

To ask is all that has to be done for each file in every run, so it is done group by group: the
process goes to where the names of a group begin, takes all stats, and compares one digest of them.
"""

from __future__ import annotations

import marshal
import os
import struct
from operator import attrgetter
from typing import TYPE_CHECKING, Final, NamedTuple

import xxhash

from okplug.forking import Forked, divided

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    Stat = tuple[int, ...]

#: FAT keeps times to two seconds, the coarsest of the filesystems in use
GRANULARITY: Final = 2_000_000_000
#: mode, size, mtime and ctime in nanoseconds, inode
get_stat = attrgetter("st_mode", "st_size", "st_mtime_ns", "st_ctime_ns", "st_ino")
_PACKED: Final = struct.Struct("<5Q")
_WORD: Final = (1 << 64) - 1
#: names for which processes pay
_MANY: Final = 20_000


class Names(NamedTuple):
    """Names below one folder, and what their stats were.

    :param base: absolute path of the folder.
    :param names: relative to it, with a NUL between them.
    :param state: digest of the stats in that order, ``b""`` if it is not to be relied on.
    """

    base: bytes
    names: bytes
    state: bytes


def state_of(stats: Sequence[Stat]) -> bytes:
    """Return one digest of stats."""
    # The second version of the format neither shares nor interns: equal stats, equal bytes.
    return xxhash.xxh3_128_digest(marshal.dumps(list(stats), 2))


def pack_stat(stat: Stat) -> bytes:
    """Return a stat as it is stored."""
    return _PACKED.pack(*masked(stat))


def unpack_stat(packed: bytes) -> Stat:
    """Return a stat that was stored."""
    return _PACKED.unpack(packed)


def masked(stat: Stat) -> Stat:
    """Cut the numbers of a stat to what is stored: times may be negative, or absurd."""
    return tuple([number & _WORD for number in stat])


def is_settled(stats: Iterable[Stat], taken: int) -> bool:
    """Tell whether no change since *taken*, nanoseconds since 1970, can hide behind these stats."""
    limit = taken - GRANULARITY
    return all(stat[2] < limit and stat[3] < limit for stat in stats)


class StatCheck:
    """Whether groups of names have the stats that they had; done by processes where that pays.

    It begins at once where processes do it, so that other things can be done meanwhile.
    """

    def __init__(self, groups: Sequence[Names]) -> None:
        self._groups = groups
        is_large = sum(group.names.count(b"\0") + 1 for group in groups) >= _MANY
        self._shares = divided(groups) if is_large else []
        self._forked = Forked(_check_there, self._shares) if is_large else None

    def results(self) -> list[bool]:
        """Return for each group whether nothing changed in it."""
        if self._forked is None:
            return list(map(is_same, self._groups))
        found: list[bool] = []
        for outcome, share in zip(self._forked.results(), self._shares, strict=True):
            found += map(bool, outcome) if outcome else map(is_same, share)
        return found

    def end(self) -> None:
        """Do without the results."""
        if self._forked is not None:
            self._forked.end()


def is_same(group: Names) -> bool:
    """Tell whether a group has the stats that it had."""
    prefix = group.base + b"/"
    return _has_state(group, [prefix + name for name in _split(group.names)])


def _check_there(groups: Sequence[Names]) -> bytes:
    """Do the same for several groups, quicker: relative names are short ways for the kernel.

    To be done by a process of its own, for it changes the working directory.
    """
    return bytes(_is_same_there(group) for group in groups)


def _is_same_there(group: Names) -> bool:
    if not group.state:
        return False
    try:
        os.chdir(group.base)
    except OSError:
        return False
    return _has_state(group, _split(group.names))


def _has_state(group: Names, paths: Sequence[bytes]) -> bool:
    if not group.state:
        return False
    try:
        stats = [*map(get_stat, map(os.lstat, paths))]
    except OSError:
        return False
    return state_of(stats) == group.state


def _split(names: bytes) -> list[bytes]:
    return names.split(b"\0") if names else []
