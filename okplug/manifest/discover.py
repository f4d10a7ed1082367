"""Find the manifests of a workspace and its ``okplugfile.py`` files."""

from __future__ import annotations

import os
import posixpath
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

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


def find_manifests(
    root: Path,
    names: Sequence[str],
    exclude: Sequence[str] = (),
    links: Collection[str] = frozenset(),
) -> Discovery:
    """Walk the workspace; links to folders are not followed.

    :param names: what a manifest is called; a name such as ``.okteto/okteto.yml`` counts for the
        folder that ``.okteto`` lies in. Where a folder has several, the first name wins.
    :param exclude: folders and files to leave out, as lines of a ``.dockerignore``.
    :param links: absolute paths of links that are followed all the same.
    :raises ManifestError: if a pattern of *exclude* is malformed.
    """
    return _Walk(str(root), _Names.of(names), exclusions(exclude), links).run()


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
    :param heads: the folders in which the others are.
    """

    ranks: dict[str, int]
    plain: frozenset[str]
    heads: frozenset[str]

    @classmethod
    def of(cls, names: Sequence[str]) -> _Names:
        return cls(
            {name: rank for rank, name in reversed(list(enumerate(names)))},
            frozenset(name for name in names if "/" not in name),
            frozenset(name.partition("/")[0] for name in names if "/" in name),
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
    links: Collection[str]
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
        """Return the names of the files and of the folders; the kernel tells them apart unasked."""
        folders: list[str] = []
        files: set[str] = set()
        path = posixpath.join(self.root, relpath) if relpath else self.root
        try:
            with os.scandir(path) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False) or (
                        self.links and entry.path in self.links and entry.is_dir()
                    ):
                        folders.append(entry.name)
                    else:
                        files.add(entry.name)
        except OSError as error:
            self.warnings.append(f"{path} is not searched for manifests: {error.strerror}")
        return files, folders

    def _collect(self, prefix: str, files: set[str], folders: list[str]) -> None:
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
