"""Copy from one tree to another, by the rules of BuildKit's file operations.

A directory's contents are copied, not itself. A file goes into a destination that is a directory or
ends with a slash, else the destination is its name. Links that the destination leads over are
followed; links within what is copied stay links.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from okplug_embedded.failures import InstructionError
from okplug_embedded.filesystem import (
    DIRECTORY,
    FILE,
    LINK,
    PLAIN_DIRECTORY,
    ROOT,
    Entry,
    FileSystem,
    Node,
    Owner,
    Path,
    shown,
)
from okplug_embedded.layers import is_whiteout
from okplug_embedded.sources import source_node

if TYPE_CHECKING:
    from collections.abc import Callable

    from okplug.dockerfile import Matcher
    from okplug_embedded.modes import Mode

#: what the patterns of a matcher said of a directory and those above it
_Results = tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class Manner:
    """How an instruction copies.

    :param owner: None keeps the source's.
    :param mode: None keeps the source's.
    :param excludes: matches what is not copied, by its path below the source.
    :param check: called for each entry; what it raises ends the work.
    """

    owner: Owner | None
    mode: Mode | None
    excludes: Matcher | None
    check: Callable[[], None]

    def directory(self) -> Entry:
        """Return a directory that is made above what is copied."""
        mode = self.mode.of_new_directories if self.mode else PLAIN_DIRECTORY.mode
        return replace(PLAIN_DIRECTORY, mode=mode, owner=self.owner or ROOT)


@dataclass(slots=True)
class _Folder:
    """A directory on the way; one that no pattern wants is made when something in it is copied."""

    entry: Entry
    place: Path
    above: _Folder | None
    is_made: bool
    include: _Results
    exclude: _Results


class Copier:
    """Copies from one tree into another; ``files`` and ``size`` tell how much."""

    def __init__(self, source: FileSystem, target: FileSystem, manner: Manner) -> None:
        self.files = 0
        self.size = 0
        self._source = source
        self._target = target
        self._manner = manner
        self._include: Matcher | None = None
        self._inodes: dict[object, object] = {}

    def copy(self, path: Path, destination: str, include: Matcher | None = None) -> None:
        """Copy a file, or what lies in a directory.

        :param destination: absolute; a slash at its end means a directory.
        :param include: only what it matches is copied, by its path below the source.
        :raises MissingSourceError: if the source is not there.
        :raises InstructionError: if it cannot be copied there.
        """
        self._include = include
        above = destination if destination.endswith("/") else posixpath.dirname(destination)
        self._make(self._target.resolve(above))
        place = self._target.resolve(destination)
        text = "/".join(path)
        node = source_node(self._source, self._source.resolve(text), text)
        there = self._target.get(place)
        if not node.is_directory and there is not None and there.is_directory:
            place = (*place, path[-1])
        self._make(place if node.is_directory and there is None else place[:-1])
        self._copy(node, place)

    def _make(self, place: Path) -> None:
        self._target.make_directories(place, self._manner.directory())

    def _copy(self, top: Node, place: Path) -> None:
        todo: list[tuple[Node, Path, Path, _Folder | None]] = [(top, (), place, None)]
        while todo:
            node, relative, place, above = todo.pop()
            self._manner.check()
            folder = self._judged(node, relative, place, above)
            if folder.is_made:
                self._make_waiting(above)
                self._write(node.entry, place, is_top=above is None)
            if node.is_directory and (folder.is_made or self._may_go_on("/".join(relative))):
                todo += [
                    (node.children[name], (*relative, name), (*place, name), folder)
                    for name in reversed(node.names())
                ]

    def _judged(self, node: Node, relative: Path, place: Path, above: _Folder | None) -> _Folder:
        """Ask the patterns about an entry; what is copied is taken for made."""
        if above is None:
            return _Folder(node.entry, place, None, True, (), ())  # noqa: FBT003  # a field
        text = "/".join(relative)
        included, include = True, above.include
        if self._include is not None:
            included, include = self._include.enter(text, above.include)
        excluded, exclude = False, above.exclude
        if self._manner.excludes is not None:
            excluded, exclude = self._manner.excludes.enter(text, above.exclude)
        return _Folder(node.entry, place, above, included and not excluded, include, exclude)

    def _may_go_on(self, relative: str) -> bool:
        """Tell whether something in a directory may be copied that is not copied itself."""
        excludes = self._manner.excludes
        return (
            self._include is not None
            or excludes is None
            or not excludes.can_skip_directory(relative)
        )

    def _make_waiting(self, folder: _Folder | None) -> None:
        waiting = []
        while folder is not None and not folder.is_made:
            waiting.append(folder)
            folder = folder.above
        for each in reversed(waiting):
            self._write(each.entry, each.place)
            each.is_made = True

    def _write(self, entry: Entry, place: Path, *, is_top: bool = False) -> None:
        there = self._target.get(place)
        if there is not None and there.is_directory != (entry.kind == DIRECTORY):
            raise InstructionError(
                f"{shown(place)} is a {there.entry.kind}, and a {entry.kind} goes there",
                hint="copy to another place",
            )
        if is_top and there is not None and entry.kind == DIRECTORY:
            return
        if is_whiteout(place):
            raise InstructionError(
                f"{shown(place)} cannot be in an image: .wh. marks what layers take away"
            )
        self._target.put(place, self._as_wanted(entry, place))
        if entry.kind != DIRECTORY:
            self.files += 1
            self.size += entry.content.size if entry.content else 0

    def _as_wanted(self, entry: Entry, place: Path) -> Entry:
        if entry.kind not in (FILE, DIRECTORY, LINK):
            raise InstructionError(
                f"{shown(place)} would be a {entry.kind}, which the embedded builder does not copy"
            )
        mode = entry.mode
        if self._manner.mode is not None and entry.kind != LINK:
            mode = self._manner.mode.apply(mode, is_directory=entry.kind == DIRECTORY)
        inode = entry.inode and self._inodes.setdefault(entry.inode, object())
        return replace(entry, mode=mode, owner=self._manner.owner or entry.owner, inode=inode)
