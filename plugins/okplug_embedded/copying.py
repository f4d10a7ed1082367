"""COPY and ADD: which sources there are, and where they go.

The rules are those of BuildKit's file operations: a directory's contents are copied, not itself; a
file goes into a destination that is a directory or ends with a slash; links in the destination are
followed.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from okplug.dockerfile import Matcher, compile_glob, is_glob
from okplug_embedded.archives import open_archive, unpack
from okplug_embedded.filesystem import (
    DIRECTORY,
    FILE,
    LINK,
    ROOT,
    Entry,
    FileSystem,
    FileSystemError,
    Node,
    Owner,
    Path,
    shown,
)
from okplug_embedded.layers import is_whiteout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import ExitStack


class MissingSourceError(FileSystemError):
    """A source names nothing."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How an instruction copies, by its flags.

    :param owner: None keeps the source's.
    :param mode: makes the new mode of the old one; None keeps it.
    :param unpacks: archives are unpacked; spools keeps what that needs.
    :param check: called for each file; what it raises ends the work.
    """

    owner: Owner | None
    mode: Callable[[int, bool], int] | None
    excludes: tuple[str, ...]
    parents: bool
    unpacks: bool
    spools: ExitStack
    check: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Copier:
    """Copies into one tree in one manner."""

    target: FileSystem
    manner: Manner

    def copy(self, source: FileSystem, pattern: str, destination: str) -> None:
        """Copy all that a pattern finds.

        :param destination: absolute; a slash at its end means a directory.
        :raises MissingSourceError: if a source without wildcard is not there.
        :raises FileSystemError: if it cannot be copied there.
        """
        if self.manner.parents:
            self._copy_with_parents(source, pattern, destination)
            return
        for path in _found(source, pattern):
            node = _source_node(source, path)
            name = path.rstrip("/").rpartition("/")[2]
            if node.is_directory or not self._excludes((name,)):
                self._copy_one(source, path, node, destination)

    def _copy_one(self, source: FileSystem, path: str, node: Node, destination: str) -> None:
        if self.manner.unpacks and node.entry.kind == FILE:
            archive = open_archive(node.entry, self.manner.spools)
            if archive is not None:
                place = self.target.resolve(destination)
                self.target.make_directories(place)
                unpack(archive, self.target, place, self.manner.owner)
                return
        owner = self.manner.owner or ROOT
        above = destination if destination.endswith("/") else posixpath.dirname(destination)
        self.target.make_directories(self.target.resolve(above), owner)
        place = self.target.resolve(destination)
        there = self.target.get(place)
        if node.is_directory:
            self._copy_directory(source, source.resolve(path), place)
            return
        if there is not None and there.is_directory:
            place = (*place, path.rstrip("/").rpartition("/")[2])
        self._write(place, node.entry)

    def _copy_directory(self, source: FileSystem, path: Path, place: Path) -> None:
        node = source.get(path)
        assert node is not None
        if self.target.get(place) is None:
            self.target.make_directories(place[:-1], self.manner.owner or ROOT)
            self._write(place, node.entry)
        there = self.target.get(place)
        if there is None or not there.is_directory:
            raise FileSystemError(f"{shown(place)} is no directory, and a directory goes there")
        for relative, child in source.below(path):
            if not self._excludes(relative):
                self._write_below(place, relative, child.entry)

    def _write_below(self, place: Path, relative: Path, entry: Entry) -> None:
        """Write what lies in a directory, which need not have been copied itself."""
        self.target.make_directories((*place, *relative[:-1]), self.manner.owner or ROOT)
        self._write((*place, *relative), entry)

    def _excludes(self, relative: Path) -> bool:
        excludes = self.manner.excludes
        return bool(excludes) and Matcher(excludes).matches("/".join(relative))

    def _write(self, place: Path, entry: Entry) -> None:
        self.manner.check()
        if is_whiteout(place):
            raise FileSystemError(
                f"{shown(place)}: names that begin with .wh. mean absence in layers"
            )
        there = self.target.get(place)
        if there is not None and there.is_directory and entry.kind != DIRECTORY:
            raise FileSystemError(f"{shown(place)} is a directory, and a {entry.kind} goes there")
        self.target.put(place, self._as_wanted(entry))

    def _as_wanted(self, entry: Entry) -> Entry:
        mode = entry.mode
        if self.manner.mode is not None and entry.kind != LINK:
            mode = self.manner.mode(mode, entry.kind == DIRECTORY)
        return replace(entry, mode=mode, owner=self.manner.owner or entry.owner)

    def _copy_with_parents(self, source: FileSystem, pattern: str, destination: str) -> None:
        above, pivot, below = pattern.partition("/./")
        base = source.resolve(above) if pivot else ()
        place = self.target.resolve(destination)
        for relative in _deep_matches(source, base, below if pivot else pattern):
            for length in range(1, len(relative)):
                node = source.get((*base, *relative[:length]))
                assert node is not None
                if self.target.get((*place, *relative[:length])) is None:
                    self._write_below(place, relative[:length], node.entry)
            node = _source_node(source, "/".join((*base, *relative)))
            if node.is_directory:
                self._copy_directory(source, (*base, *relative), (*place, *relative))
            elif not self._excludes(relative):
                self._write_below(place, relative, node.entry)


def _source_node(source: FileSystem, path: str) -> Node:
    node = source.get(source.resolve(path))
    if node is None:
        raise MissingSourceError(f"/{path.strip('/')} is not there")
    return node


def _found(source: FileSystem, pattern: str) -> Iterator[str]:
    """Yield the path itself, or in order what its wildcards find."""
    if not is_glob(pattern):
        yield pattern.replace("\\", "") if "\\" in pattern else pattern
        return
    parts = [part for part in pattern.split("/") if part not in ("", ".")]
    yield from sorted(_matches(source, "", parts))


def _matches(source: FileSystem, above: str, parts: list[str]) -> Iterator[str]:
    first, *rest = parts
    node = source.get(source.resolve(above))
    if node is None:
        return
    fits = compile_glob(first)
    for name, child in list(node.children.items()):
        if not fits(name):
            continue
        path = f"{above}/{name}"
        if not rest:
            yield path
        elif child.is_directory or child.entry.kind == LINK:
            yield from _matches(source, path, rest)


def _deep_matches(source: FileSystem, base: Path, pattern: str) -> Iterator[Path]:
    """Yield what a pattern of COPY --parents finds below *base*; ``**`` is any run of names."""
    parts = tuple(part for part in pattern.split("/") if part not in ("", "."))
    if not parts:
        yield from ((name,) for name in sorted(getattr(source.get(base), "children", {})))
        return
    found = [path for path, _ in source.below(base) if _fits_deep(path, parts)]
    if not found and not is_glob(pattern):
        raise MissingSourceError(f"/{'/'.join((*base, *parts))} is not there")
    tops: list[Path] = []
    for path in found:
        if not any(path[: len(top)] == top for top in tops):
            tops.append(path)
            yield path


def _fits_deep(path: Path, parts: tuple[str, ...]) -> bool:
    if not parts:
        return not path
    if parts[0] == "**":
        return any(_fits_deep(path[skip:], parts[1:]) for skip in range(len(path) + 1))
    return bool(path) and bool(compile_glob(parts[0])(path[0])) and _fits_deep(path[1:], parts[1:])
