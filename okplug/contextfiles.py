"""Which files of a context an image may read: the sources of COPY, ADD and bind mounts.

Sources are followed as BuildKit follows them: component by component with ``filepath.Match``; a
symbolic link on the way is added itself, and before the first wildcard and at the end the way goes
on at its target, which is taken relative to the context and never leaves it. A folder brings all
below it. With ``--parents`` a source is a pattern as in ``.dockerignore``, so that ``**`` stands
for any folders, and follows links only before ``/./``. ``--exclude`` patterns are relative to each
folder that is copied (with ``--parents``, to the context or to what stands before ``/./``). What is
not clear-cut is selected: what is not hashed must never be read.

What ``.dockerignore`` leaves out is not there, and no link that it leaves out leads anywhere.
"""

from __future__ import annotations

import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from okplug.contextcontent import changed, path_of
from okplug.contextsources import Source, Tree, Way, decode, read_sources
from okplug.dockerfile.ignore import Matcher, Results
from okplug.errors import Location, ManifestError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from okplug.contextfolders import Folder, FolderCache
    from okplug.dockerfile.model import ContextRead

MISSING, IGNORED, MALFORMED, NOWHERE = "missing", "ignored", "malformed", "nowhere"


@dataclass(frozen=True, slots=True)
class Unmatched:
    """A source that matched nothing.

    :param read: number of the instruction among those asked about.
    :param pattern: number of the source within the instruction.
    :param reason: ``missing``, ``ignored`` (it is there, but left out), ``malformed``, or
        ``nowhere``: nothing is selected from the folder that its wildcards are for.
    """

    read: int
    pattern: int
    reason: str


@dataclass(slots=True)
class Selection:
    """What a context comes to.

    :ivar directories: relative paths of the folders, those above a file included.
    :ivar files: relative path -> folder and number of what is not a folder.
    :ivar visited: the folders that were looked at, absolute.
    :ivar unmatched: the sources that led nowhere.
    :ivar is_complete: every folder that was looked at could be read.
    """

    directories: set[bytes] = field(default_factory=set)
    files: dict[bytes, tuple[Folder, int]] = field(default_factory=dict)
    visited: dict[bytes, None] = field(default_factory=dict)
    unmatched: tuple[Unmatched, ...] = ()
    is_complete: bool = True


def select_files(
    root: bytes,
    folders: FolderCache,
    reads: Sequence[ContextRead] | None,
    ignore: Sequence[str] = (),
) -> Selection:
    """Return the entries of the context *root* that *reads* may read, None for all of them.

    :param root: absolute path, no component of which is a link.
    :param ignore: patterns of ``.dockerignore``.
    :raises ManifestError: if a folder cannot be read, or a pattern of *ignore* or of ``--exclude``
        is malformed.
    :raises ContextChangedError: if a folder that was there is not.
    """
    sources = list(read_sources(reads))
    matcher = Matcher(ignore) if ignore else None
    walk = _Walk(root, folders, matcher)
    walk.follow(sources)
    lost = [source for source in sources if not source.is_matched and reads is not None]
    reasons = {source: MALFORMED if source.is_malformed else MISSING for source in lost}
    if matcher is not None and MISSING in reasons.values():
        # The same walk without .dockerignore tells what is there after all.
        probe = _Walk(root, folders, None, is_probe=True)
        probe.follow(lost)
        walk.selection.visited.update(probe.selection.visited)
        walk.selection.is_complete &= probe.selection.is_complete
        reasons.update((source, IGNORED) for source in lost if source.is_matched)
    _add_parents(walk.selection)
    there = {b"", *walk.selection.directories}
    reasons.update((s, NOWHERE) for s in lost if s.is_wild and s.base not in there)
    walk.selection.unmatched = tuple(
        Unmatched(source.read, source.pattern, reason) for source, reason in reasons.items()
    )
    return walk.selection


def _add_parents(selection: Selection) -> None:
    for relpath in [*selection.files, *selection.directories]:
        parent = relpath.rpartition(b"/")[0]
        while parent and parent not in selection.directories:
            selection.directories.add(parent)
            parent = parent.rpartition(b"/")[0]


@dataclass(frozen=True, slots=True)
class _Place:
    """A folder on the way down.

    :param ways: those that lead through it, the next component first.
    :param trees: those that it is part of.
    :param ignored: what ``.dockerignore`` said of it and the folders above.
    """

    relpath: bytes
    ways: list[Way]
    trees: list[Tree]
    ignored: Results = ()

    def steps(self, name: bytes) -> list[Way]:
        """Return the ways that lead through or end at an entry."""
        return [way.step() for way in self.ways if way.rest[0].matches(name)]

    def names(self) -> set[bytes] | None:
        """Return the names that matter, None for all."""
        if self.trees or any(way.rest[0].test is not None for way in self.ways):
            return None
        return {way.rest[0].text for way in self.ways}

    @property
    def is_plain(self) -> bool:
        """All in it is copied, for a source that has matched something before."""
        tree = self.trees[0] if len(self.trees) == 1 and not self.ways else None
        return tree is not None and tree.is_plain and tree.source.is_matched

    def without_matched(self) -> _Place:
        """Return the place with only what has matched nothing so far."""
        ways = [way for way in self.ways if not way.source.is_matched]
        trees = [tree for tree in self.trees if not tree.source.is_matched]
        return _Place(self.relpath, ways, trees, self.ignored)


class _Walk:
    """Goes down one context, as far as any source wants it.

    :param is_probe: only find out whether sources match; what cannot be read does not count.
    """

    def __init__(
        self, root: bytes, folders: FolderCache, ignore: Matcher | None, *, is_probe: bool = False
    ) -> None:
        self._root = root
        self._folders = folders
        self._ignore = ignore
        self._is_probe = is_probe
        self._detours: list[Way] = []
        self.selection = Selection()

    def follow(self, sources: Iterable[Source]) -> None:
        """Follow sources from the root, and the links that they lead to from there again."""
        ways = [source.way() for source in sources if not source.is_malformed]
        seen = set(ways)
        while ways:
            _note_bases(ways, b"")
            trees = [tree for way in ways if (tree := way.tree(0)) is not None]
            for tree in trees:
                tree.source.is_matched |= tree.include is None
            self._enter(_Place(b"", [way for way in ways if way.rest], trees), is_needed=True)
            ways = [way for way in dict.fromkeys(self._detours) if way not in seen]
            seen.update(ways)
            self._detours = []

    def _enter(self, place: _Place, *, is_needed: bool) -> None:
        """Select from what lies in a folder."""
        folder = self._visit(place.relpath, is_needed=is_needed)
        prefix = place.relpath + b"/" if place.relpath else b""
        wanted = place.names()
        if place.is_plain:
            self._all_files(folder, prefix, place.ignored)
        else:
            for number, name in enumerate(folder.files):
                if wanted is None or name in wanted:
                    self._file(folder, number, prefix + name, place)
        for name in folder.folders:
            if wanted is None or name in wanted:
                self._directory(name, prefix + name, place)

    def _visit(self, relpath: bytes, *, is_needed: bool) -> Folder:
        path = self._root + b"/" + relpath if relpath else self._root
        folder = self._folders.folder(path)
        self.selection.visited[path] = None
        if folder.error is not None:
            self.selection.is_complete = False
            if is_needed and not self._is_probe:
                if relpath and isinstance(folder.error, FileNotFoundError | NotADirectoryError):
                    raise changed(path, "it is no folder any more")
                raise ManifestError(
                    f"this folder of a build context cannot be read: {folder.error.strerror}",
                    location=Location(path_of(path)),
                    hint="make it readable, or leave it out with a line in .dockerignore",
                )
        return folder

    def _all_files(self, folder: Folder, prefix: bytes, ignored: Results) -> None:
        """Do what ``_file`` does for each file where all are copied anyway."""
        files = self.selection.files
        for number, name in enumerate(folder.files):
            relpath = prefix + name
            if self._ignore is None or not self._ignore.leaves_out(decode(relpath), ignored):
                files[relpath] = (folder, number)

    def _file(self, folder: Folder, number: int, relpath: bytes, place: _Place) -> None:
        text = decode(relpath)
        ways = place.steps(folder.files[number]) if place.ways else []
        is_link = stat.S_ISLNK(folder.stats[number][0])
        copied = [tree.source for tree in place.trees if tree.enter(text)[0]]
        if is_link:
            ways = [way for way in ways if not way.is_in_pattern]
            ways += [way for tree in place.trees for way in tree.end(text)]
        else:
            copied += [way.source for way in ways if way.is_end or way.is_pivot]
        if not copied and not (is_link and ways):
            return
        if self._ignore is not None and self._ignore.leaves_out(text, place.ignored):
            return
        for source in copied:
            source.is_matched = True
        self.selection.files[relpath] = (folder, number)
        if is_link and ways:
            target = folder.content(number)
            leading = [way for way in ways if way.may_follow]
            self._detours += [way for step in leading for way in step.detour(relpath, target)]

    def _directory(self, name: bytes, relpath: bytes, place: _Place) -> None:
        text = decode(relpath)
        is_ignored, ignored = False, place.ignored
        if self._ignore is not None:
            is_ignored, ignored = self._ignore.enter(text, ignored)
            if is_ignored and self._ignore.can_skip_directory(text):
                return
        ways = place.steps(name)
        _note_bases(ways, relpath)
        entered = [tree.enter(text) for tree in place.trees]
        begun = [tree for way in ways if (tree := way.tree(len(text) + 1)) is not None]
        copied = [tree.source for is_copied, tree in entered if is_copied]
        copied += [tree.source for tree in begun if tree.include is None]
        if copied and not is_ignored:
            self.selection.directories.add(relpath)
            for source in copied:
                source.is_matched = True
        below = [tree for is_copied, tree in entered if is_copied or tree.may_go_on(text)]
        inner = _Place(relpath, [w for w in ways if w.rest], _prune(below + begun), ignored)
        if self._is_probe:
            inner = inner.without_matched()
        if inner.ways or inner.trees:
            self._enter(inner, is_needed=not is_ignored and bool(copied or inner.ways))


def _note_bases(ways: Iterable[Way], relpath: bytes) -> None:
    for way in ways:
        if 0 < way.wild == len(way.rest):
            way.source.base = relpath


def _prune(trees: list[Tree]) -> list[Tree]:
    """Drop trees that add nothing: one that copies all, and has matched already, is enough."""
    if len(trees) < 2:  # noqa: PLR2004 - one is none too many
        return trees
    plain = [tree for tree in trees if tree.is_plain and tree.source.is_matched]
    return plain[:1] + [tree for tree in trees if not tree.source.is_matched] if plain else trees
