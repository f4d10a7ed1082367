"""Commits of the workspace's git repository, and their files in a folder of their own.

Nothing of the user's checkout is touched: neither its files nor its index nor its list of
worktrees.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from okplug.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

#: what branches and tags begin with, without the name of a remote
_KINDS = ("refs/heads/", "refs/tags/", "refs/remotes/")
#: files are as a fresh clone has them, whatever the user's checkout leaves out
_PLAINLY = ("-c", "core.sparseCheckout=false", "-c", "core.fsmonitor=false")


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit that branches or tags name.

    :param names: as people have them, such as ``main``; sorted.
    """

    id: str
    names: tuple[str, ...]


class GitRepository:
    """The repository that a folder is checked out of.

    :param folder: the workspace's root; it may be below the top of the checkout.
    :param environ: the user's; variables of git's in it, as hooks have them, do not count.
    :raises UsageError: if there is no git, or the folder is in no checkout.
    """

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        program = shutil.which("git", path=environ.get("PATH"))
        if program is None:
            raise UsageError("there is no git", hint="install it; it is looked for in PATH")
        self._program = program
        self._environ = {
            name: value for name, value in environ.items() if not name.startswith("GIT_")
        }
        self._folder = folder
        self._git_dir = self._run("rev-parse", "--absolute-git-dir").rstrip("\n")
        #: the path of the folder below the top, ``""`` or with a slash at its end
        self.prefix = self._run("rev-parse", "--show-prefix").rstrip("\n")

    def commits(self, patterns: Iterable[str]) -> tuple[Commit, ...]:
        """Return the commits of all branches and tags that fit, each once.

        :param patterns: of names as in ``main`` and ``release/*``, for branches here and of
            remotes, and for tags; or names of commits.
        :raises UsageError: if one fits nothing.
        """
        refs = list(self._refs())
        found: dict[str, set[str]] = {}
        for pattern in patterns:
            fitting = [(name, commit) for name, commit in refs if fnmatchcase(name, pattern)]
            for name, commit in fitting or [(pattern, self._commit(pattern))]:
                found.setdefault(commit, set()).add(name)
        commits = (Commit(commit, tuple(sorted(names))) for commit, names in found.items())
        return tuple(sorted(commits, key=lambda commit: commit.names))

    def check_out(self, commit: Commit, folder: Path) -> None:
        """Make *folder* hold the files of the commit; what another one left there is replaced.

        :param folder: an own one, which nothing but this writes to; beside it there is an index.
        """
        folder.mkdir(exist_ok=True)
        places = {
            "GIT_DIR": self._git_dir,
            "GIT_WORK_TREE": str(folder),
            "GIT_INDEX_FILE": f"{folder}.index",
        }
        self._run("read-tree", "--reset", "-u", commit.id, cwd=folder, places=places)

    def _refs(self) -> Iterator[tuple[str, str]]:
        """Yield the names of branches and tags with the commits that they stand for."""
        shown = "--format=%(refname)%09%(objectname)%09%(*objectname)"
        for line in self._run("for-each-ref", shown, *_KINDS).splitlines():
            ref, commit, tagged = line.split("\t")
            kind = next(kind for kind in _KINDS if ref.startswith(kind))
            name = ref.removeprefix(kind)
            if kind == _KINDS[2]:
                name = name.partition("/")[2]
            if name != "HEAD":
                yield name, tagged or commit

    def _commit(self, name: str) -> str:
        try:
            found = self._run("rev-parse", "--verify", "--end-of-options", f"{name}^{{commit}}")
        except UsageError as error:
            raise UsageError(
                f"no branch, tag or commit fits {name!r}",
                hint="git branch -a and git tag list them; a shallow clone has few of them",
            ) from error
        return found.strip()

    def _run(
        self, *arguments: str, cwd: Path | None = None, places: Mapping[str, str] | None = None
    ) -> str:
        import subprocess

        done = subprocess.run(  # noqa: S603  # no shell, and the arguments are ours
            [self._program, *_PLAINLY, *arguments],
            cwd=cwd or self._folder,
            env={**self._environ, **(places or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="surrogateescape",
            check=False,
        )
        if done.returncode:
            why = next(iter(done.stderr.strip().splitlines()), f"exit code {done.returncode}")
            raise UsageError(
                f"git {arguments[0]}: {why}",
                hint=f"commits are taken from the repository of {self._folder}",
            )
        return done.stdout
