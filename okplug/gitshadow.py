"""A folder that looks as the checkout would with another commit in it, at little cost.

What git ignores stays where it is when somebody checks out another commit, and so does what the two
commits have in common: both are links to the checkout, a single one for a whole folder. Only files
that differ are written, as git would, with its filters for line ends and large files; the checkout
with all that is not committed counts as one side. Untracked ``.env`` files are the user's own, and
no part of either side.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from okplug.errors import UsageError
from okplug.gitrefs import Commit, GitRepository

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_OWN: Final = ".env"
#: never part of a commit, and not to be found through another folder
_HIDDEN: Final = frozenset({".git", ".okplug"})
#: modes of git's
_SUBMODULE: Final = "160000"
_LINK: Final = "120000"
#: how git marks an untracked file, and one that a sparse checkout leaves out
_UNTRACKED: Final = "??"
_LEFT_OUT: Final = "S"


@dataclass(frozen=True, slots=True)
class Shadow:
    """The folder, and what of it is a link to the checkout.

    :param folder: stands for *checkout*, the top of the repository.
    :param links: absolute path of each link -> of what it stands for.
    """

    folder: Path
    checkout: Path
    links: dict[str, str] = field(default_factory=dict)


def make_shadow(
    repository: GitRepository, commit: Commit, folder: Path, environ: Mapping[str, str]
) -> Shadow:
    """Make *folder* look as the checkout would with a commit in it.

    :param folder: an empty one, on a path without links; beside it there is an index.
    :param environ: the user's.
    :raises UsageError: if git cannot have the files, those of a submodule included.
    """
    shadow = Shadow(folder, repository.top)
    _Maker(repository, commit, shadow, environ).make(repository.prefix)
    return shadow


class _Maker:
    """Makes the part of a shadow that one repository has; submodules are others."""

    def __init__(
        self, repository: GitRepository, commit: Commit, shadow: Shadow, environ: Mapping[str, str]
    ) -> None:
        self._git = repository
        self._commit = commit
        self._shadow = shadow
        self._environ = environ

    def make(self, prefix: str) -> None:
        """Write what differs, and link all else.

        :param prefix: a folder that must be there itself, with a slash at its end.
        """
        differing = self._differing()
        folder = self._shadow.folder
        folder.mkdir(exist_ok=True)
        links = self._write(differing) if differing else ()
        (folder / prefix).mkdir(parents=True, exist_ok=True)
        above = frozenset(
            parent for path in (*differing, *links, prefix) for parent in _parents(path)
        )
        self._link("", differing, above)

    def _differing(self) -> frozenset[str]:
        """Return the paths below the top that differ, submodules as a whole."""
        options = ("--no-renames", "--ignore-submodules=none", "-z")
        compared = ("diff-tree", "-r", "--name-only", *options, self._commit.id, "HEAD")
        paths = set(_entries(self._git.run(*compared)))
        for entry in _entries(
            self._git.run("status", "--porcelain", "--untracked-files=all", *options)
        ):
            path = entry[3:].rstrip("/")  # another repository ends with a slash
            if entry[:2] != _UNTRACKED or path.rpartition("/")[2] != _OWN:
                paths.add(path)
        return frozenset(paths)

    def _write(self, differing: frozenset[str]) -> list[str]:
        """Have git write the files that the commit has of what differs; return its links.

        What a sparse checkout leaves out stays out.
        """
        folder = self._shadow.folder
        self._git.run("read-tree", self._commit.id, elsewhere=folder)
        if self._git.is_sparse():  # marks what is left out, and writes nothing
            self._git.run("read-tree", "-m", "-u", self._commit.id, elsewhere=folder)
        modules, files, links = {}, [], []
        for entry in _entries(self._git.run("ls-files", "-s", "-t", "-z", elsewhere=folder)):
            about, _, path = entry.partition("\t")
            tag, mode, id_, _ = about.split(" ")
            if mode == _LINK:
                links.append(path)
            if path not in differing or tag == _LEFT_OUT:
                continue
            if mode == _SUBMODULE:
                modules[path] = id_
            else:
                files.append(path)
        if files:
            stdin = "\0".join(files)
            self._git.run("checkout-index", "-z", "--stdin", elsewhere=folder, stdin=stdin)
        for path, id_ in modules.items():
            self._add_module(path, id_)
        return links

    def _add_module(self, path: str, id_: str) -> None:
        """Do for a submodule what is done for the whole; one that is not there stays empty."""
        place, checkout = self._shadow.folder / path, self._shadow.checkout / path
        place.mkdir(parents=True, exist_ok=True)
        if not (checkout / ".git").exists():
            return
        repository = GitRepository(checkout, self._environ)
        try:
            (commit,) = repository.commits([id_])
        except UsageError as error:
            raise UsageError(
                f"the submodule {path} is at {id_[:12]} in {self._commit.names[0]}, and that is "
                "not here",
                hint=f"git -C {path} fetch gets it",
            ) from error
        shadow = Shadow(place, checkout, self._shadow.links)
        _Maker(repository, commit, shadow, self._environ).make("")

    def _link(self, relpath: str, differing: frozenset[str], above: frozenset[str]) -> None:
        """Link what a folder and the checkout have in common, an entry at a time.

        Links of the checkout are made again: they may lead to something that differs.
        """
        with os.scandir(self._shadow.checkout / relpath) as entries:
            for entry in entries:
                path = f"{relpath}/{entry.name}" if relpath else entry.name
                if entry.name in _HIDDEN or path in differing:
                    continue
                if path not in above:
                    self._add(path, entry)
                elif entry.is_dir(follow_symlinks=False):
                    self._link(path, differing, above)

    def _add(self, path: str, entry: os.DirEntry[str]) -> None:
        link = self._shadow.folder / path
        link.parent.mkdir(parents=True, exist_ok=True)
        if entry.is_symlink():
            link.symlink_to(Path(entry.path).readlink())
        else:
            link.symlink_to(entry.path)
            self._shadow.links[str(link)] = entry.path


def _entries(text: str) -> Iterator[str]:
    """Yield what git separates with NULs."""
    return filter(None, text.split("\0"))


def _parents(path: str) -> Iterator[str]:
    while path:
        path = path.rpartition("/")[0]
        yield path
