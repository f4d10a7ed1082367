"""Which groups of folders are what they were: asked of all at once, or of one when it matters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from okplug.folderstats import StatCheck, is_same

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from okplug.contextstore import Group


class GroupCheck:
    """What is known of the groups of an index in this run."""

    def __init__(self, groups: Sequence[Group]) -> None:
        self._groups = groups
        self._names: dict[int, bool] = {}
        self._files: dict[int, bool] = {}
        self._running: StatCheck | None = None
        self._step = 1

    def begin(self, *, with_files: bool) -> None:
        """Look at all groups, which may go on in other processes while this one does other things.

        :param with_files: at their files, too.
        """
        self._step = 2 if with_files else 1
        wanted = ((group.folders, group.files)[: self._step] for group in self._groups)
        self._running = StatCheck([each for both in wanted for each in both])

    def end(self) -> None:
        """Take what was found, or do without it if nobody asked."""
        if self._running is not None:
            self._running.end()
            self._running = None

    def have_changed_names(self) -> list[int]:
        """Return the groups in which a folder is not what it was."""
        self._take()
        return [number for number in range(len(self._groups)) if not self.has_same_names(number)]

    def are_same(self, numbers: Iterable[int]) -> bool:
        """Tell whether nothing changed in groups."""
        self._take()
        return all(self.has_same_names(n) and self.has_same_files(n) for n in numbers)

    def has_same_names(self, number: int) -> bool:
        """Tell whether no folder of a group changed, so that each has the names that it had."""
        self._take()
        if number not in self._names:
            self._names[number] = is_same(self._groups[number].folders)
        return self._names[number]

    def has_same_files(self, number: int) -> bool:
        """Tell whether all files of a group have the stats that they had."""
        self._take()
        if number not in self._files:
            self._files[number] = is_same(self._groups[number].files)
        return self._files[number]

    def doubt(self, numbers: Iterable[int]) -> None:
        """Take groups for changed."""
        self._take()
        for number in numbers:
            self._names[number] = self._files[number] = False

    def _take(self) -> None:
        if self._running is not None:
            running, self._running = self._running, None
            found = running.results()
            self._names = dict(enumerate(found[:: self._step]))
            self._files = dict(enumerate(found[1 :: self._step])) if self._step > 1 else {}
