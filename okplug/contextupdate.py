"""What an index comes to when a run has seen more: only groups with something new are made anew."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from okplug.contextgroups import EMPTY, group_folders
from okplug.contextstore import Stored

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from okplug.contextrows import StoredFolder
    from okplug.contextstore import Group, StoredSelection, Walk


_DAYS_KEPT: Final = 30


@dataclass(frozen=True, slots=True)
class Seen:
    """What a run adds to an index.

    :param folders: what is new of folders, by path.
    :param scanned: the folders that were not what the index says; selections of other images that
        looked at them do not count any more.
    :param selections: those that were asked for; their groups do not matter.
    :param walk: the search for manifests.
    :param dead: groups in which a folder may be gone.
    """

    folders: Mapping[bytes, StoredFolder]
    scanned: frozenset[bytes]
    selections: Mapping[bytes, StoredSelection]
    walk: Walk | None
    dead: frozenset[int] = frozenset()


def updated(stored: Stored, seen: Seen, root: bytes, today: int) -> Stored:
    """Return the index with what was seen, without what nobody has asked for in a month.

    :param root: the workspace.
    :param today: counted from 1970.
    """
    kept = {
        key: selection
        for key, selection in stored.selections.items()
        if key not in seen.selections and selection.day >= today - _DAYS_KEPT
    }
    update = _Update(stored, root)
    if stored.day == today and stored.groups:
        update.add(seen.folders, seen.dead)
    else:
        every = (*kept.values(), *seen.selections.values())
        update.begin_anew(seen.folders, {path for one in every for path in one.paths()})
    selections = {}
    for key, selection in kept.items():
        if not update.touches(selection.groups):
            selections[key] = selection
        elif seen.scanned.isdisjoint(paths := selection.paths()) and update.knows(paths):
            selections[key] = selection._replace(groups=update.groups_of(paths))
    for key, selection in seen.selections.items():
        if selection == stored.selections.get(key) and not update.touches(selection.groups):
            selections[key] = selection._replace(day=today)
        elif update.knows(paths := selection.paths()):
            selections[key] = selection._replace(day=today, groups=update.groups_of(paths))
    return Stored(update.groups, selections, seen.walk, today)


class _Update:
    """The groups of an index, and the folders in them, as they change."""

    def __init__(self, stored: Stored, root: bytes) -> None:
        self._stored = stored
        self._root = root
        self._moved: dict[bytes, int] = {}
        self._is_new = not stored.groups
        self._touched: set[int] = set()
        self.groups: list[Group] = list(stored.groups)

    def add(self, fresh: Mapping[bytes, StoredFolder], dead: Iterable[int]) -> None:
        """Put folders where their neighbours are, and drop from these groups what is gone."""
        homes: dict[int, dict[bytes, StoredFolder]] = {number: {} for number in dead}
        for path, row in fresh.items():
            homes.setdefault(self._home(path), {})[path] = row
        self._touched.update(homes)
        for number, rows in homes.items():
            old = {
                path: row
                for path, row in self._stored.rows(number).items()
                if path not in rows and _is_folder(path)
            }
            self._put(number, group_folders({**old, **rows}, self._root))

    def begin_anew(self, fresh: Mapping[bytes, StoredFolder], needed: set[bytes]) -> None:
        """Divide all folders that are still needed."""
        rows = {
            path: row
            for number in range(len(self.groups))
            for path, row in self._stored.rows(number).items()
            if path not in fresh and (row.is_walked or path in needed) and _is_folder(path)
        }
        self.groups, self._is_new = [], True
        for group in group_folders({**rows, **fresh}, self._root):
            self._append(group)

    def _home(self, path: bytes) -> int:
        """Return the group of a folder, or of the lowest known one above it."""
        while path not in (b"", b"/"):
            number = self._stored.number(path)
            if number is not None:
                return number
            path = path.rpartition(b"/")[0]
        return 0

    def _put(self, number: int, groups: list[Group]) -> None:
        """Replace a group by others; numbers of the rest stay as they are."""
        first, *others = groups or [EMPTY]
        self.groups[number] = first
        self._moved.update(dict.fromkeys(first.paths(), number))
        for group in others:
            self._append(group)

    def _append(self, group: Group) -> None:
        self._moved.update(dict.fromkeys(group.paths(), len(self.groups)))
        self.groups.append(group)

    def touches(self, numbers: Iterable[int]) -> bool:
        """Tell whether one of the index's groups is not what it was."""
        return self._is_new or not self._touched.isdisjoint(numbers)

    def knows(self, paths: Iterable[bytes]) -> bool:
        """Tell whether all these folders can be checked."""
        return all(self._number(path) is not None for path in paths)

    def groups_of(self, paths: Iterable[bytes]) -> tuple[int, ...]:
        """Return the groups that folders are in."""
        numbers = map(self._number, paths)
        return tuple(sorted({number for number in numbers if number is not None}))

    def _number(self, path: bytes) -> int | None:
        if path in self._moved:
            return self._moved[path]
        number = None if self._is_new else self._stored.number(path)
        return None if number in self._touched else number


def _is_folder(path: bytes) -> bool:
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except OSError:
        return False
