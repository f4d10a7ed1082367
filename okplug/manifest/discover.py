"""Find the manifests of a workspace and its ``okplugfile.py`` files."""

from __future__ import annotations

import os
import posixpath
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from okplug.dockerfile.ignore import Matcher

PLUGIN_FILE: Final = "okplugfile.py"

#: folders that hold no manifest of the workspace: history, what tools keep, what was installed.
#: ``.okteto`` belongs to the folder that it lies in, and is looked into from there.
SKIPPED_FOLDERS: Final = frozenset(
    {
        ".git",
        ".hg",
        ".okplug",
        ".okteto",
        ".svn",
        ".tox",
        ".venv",
        "__pycache__",
        "node_modules",
        "venv",
    }
)


@dataclass(frozen=True, slots=True)
class Discovery:
    """What a walk over the workspace found, each part sorted by folder.

    :param manifests: absolute paths, at most one per folder.
    :param plugin_files: absolute paths of the ``okplugfile.py`` files.
    :param warnings: folders that could not be read, sorted.
    """

    manifests: tuple[Path, ...]
    plugin_files: tuple[Path, ...] = ()
    warnings: tuple[str, ...] = ()


def list_names(folder: str, links: Collection[str] = frozenset()) -> tuple[set[str], list[str]]:
    """Return the names of the files and of the folders in a folder.

    :param links: absolute paths of links to folders that count as folders.
    :raises OSError: if it cannot be read.
    """
    folders: list[str] = []
    files: set[str] = set()
    with os.scandir(folder) as entries:
        for entry in entries:  # the kernel tells them apart unasked
            if entry.is_dir(follow_symlinks=False) or (
                links and entry.path in links and entry.is_dir()
            ):
                folders.append(entry.name)
            else:
                files.add(entry.name)
    return files, folders


def find_manifests(
    root: Path,
    names: Sequence[str],
    exclude: Sequence[str] = (),
    list_folder: Callable[[str], tuple[set[str], list[str]]] = list_names,
) -> Discovery:
    """Walk the workspace; links to folders are not followed.

    :param names: what a manifest is called; a name such as ``.okteto/okteto.yml`` counts for the
        folder that ``.okteto`` lies in. Where a folder has several, the first name wins.
    :param exclude: folders and files to leave out, as lines of a ``.dockerignore``.
    :param list_folder: returns what is in a folder as ``list_names`` does.
    :raises ManifestError: if a pattern of *exclude* is malformed.
    """
    return _Walk(str(root), _Names.of(names), exclusions(exclude), list_folder).run()


def exclusions(exclude: Sequence[str]) -> Matcher | None:
    """Return what tells which paths below the root are left out, None if none is.

    :param exclude: lines of a ``.dockerignore``.
    :raises ManifestError: if a pattern is malformed.
    """
    if not exclude:
        return None
    from okplug.dockerfile.ignore import Matcher, read_patterns  # most workspaces exclude nothing

    return Matcher(read_patterns(os.fsencode("\n".join(exclude))))


@dataclass(frozen=True, slots=True)
class _Names:
    """What manifests are called, so that a folder costs nothing where none of it is there.

    :param ranks: each name with its place among them; the first one counts.
    :param plain: those that are files of the folder itself.
    :param heads: the first folders on the way to the others.
    :param inner: all folders on the way to them.
    """

    ranks: dict[str, int]
    plain: frozenset[str]
    heads: frozenset[str]
    inner: frozenset[str]

    @classmethod
    def of(cls, names: Sequence[str]) -> _Names:
        return cls(
            {name: rank for rank, name in reversed(list(enumerate(names)))},
            frozenset(name for name in names if "/" not in name),
            frozenset(name.partition("/")[0] for name in names if "/" in name),
            frozenset(str(folder) for name in names for folder in PurePosixPath(name).parents)
            - {"."},
        )

    def candidates(self, files: set[str], folders: list[str]) -> list[str]:
        """Return the names that may be there, the first one first."""
        found = list(self.plain & files)
        heads = self.heads.intersection(folders)
        if heads:
            found += [name for name in self.ranks if name.partition("/")[0] in heads]
        return sorted(found, key=self.ranks.__getitem__)


@dataclass(slots=True)
class _Walk:
    """One walk; paths are strings, for a Path for each would cost more than the walk."""

    root: str
    names: _Names
    exclude: Matcher | None
    list_folder: Callable[[str], tuple[set[str], list[str]]]
    manifests: list[str] = field(default_factory=list)
    plugin_files: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def run(self) -> Discovery:
        """Visit each folder once and return what was found."""
        pending = [""]
        skipped = SKIPPED_FOLDERS | self.names.heads
        while pending:
            relpath = pending.pop()
            files, folders = self._list(relpath)
            prefix = f"{relpath}/" if relpath else ""
            self._collect(prefix, files, folders)
            pending.extend(
                prefix + name
                for name in folders
                if name not in skipped and not self._prunes(prefix + name)
            )
        return Discovery(
            self._sorted(self.manifests),
            self._sorted(self.plugin_files),
            tuple(sorted(self.warnings)),
        )

    def _list(self, relpath: str) -> tuple[set[str], list[str]]:
        path = posixpath.join(self.root, relpath) if relpath else self.root
        try:
            return self.list_folder(path)
        except OSError as error:
            self.warnings.append(f"{path} is not searched for manifests: {error.strerror}")
            return set(), []

    def _collect(self, prefix: str, files: set[str], folders: list[str]) -> None:
        if self.names.heads.intersection(folders):
            for inner in self.names.inner:
                with suppress(OSError):  # only to be seen: what changes in it may be a manifest
                    self.list_folder(posixpath.join(self.root, prefix + inner))
        for name in self.names.candidates(files, folders):
            if self._is_wanted(prefix + name):
                self.manifests.append(prefix + name)
                break
        if PLUGIN_FILE in files and self._is_wanted(prefix + PLUGIN_FILE):
            self.plugin_files.append(prefix + PLUGIN_FILE)

    def _is_wanted(self, relpath: str) -> bool:
        """Say whether a path is a file, itself or through a link, and not excluded."""
        if self.exclude and self.exclude.matches(relpath):
            return False
        return posixpath.isfile(posixpath.join(self.root, relpath))

    def _prunes(self, relpath: str) -> bool:
        """Say whether a folder is excluded, with all below it."""
        matcher = self.exclude
        return (
            matcher is not None and matcher.matches(relpath) and matcher.can_skip_directory(relpath)
        )

    def _sorted(self, relpaths: list[str]) -> tuple[Path, ...]:
        root = Path(self.root)
        return tuple(root / relpath for relpath in sorted(relpaths, key=_by_folder))


def _by_folder(relpath: str) -> list[str]:
    return relpath.split("/")
