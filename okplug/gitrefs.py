"""Commits of the workspace's git repository, and their files in a folder of their own.

Nothing of the user's checkout is touched: neither its files nor its index nor its list of
worktrees. No hook runs.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from okplug.errors import UsageError
from okplug.suggestions import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

#: what branches and tags begin with, without the name of a remote
_KINDS = ("refs/heads/", "refs/tags/", "refs/remotes/")
#: a look at the checkout writes nothing to it; no other program is started, a hook neither
_ALONE = (
    "--no-optional-locks",
    *("-c", "core.fsmonitor=false"),
    *("-c", "core.hooksPath=/dev/null"),
    *("-c", "core.splitIndex=false"),
    *("-c", "submodule.recurse=false"),
)
#: files are as a fresh clone has them, whatever the user's checkout leaves out
_WHOLE = ("-c", "core.sparseCheckout=false")
#: variables that say which repository git works on, as hooks have them
_PLACES = frozenset(
    {
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_COMMON_DIR",
        "GIT_DIR",
        "GIT_INDEX_FILE",
        "GIT_NAMESPACE",
        "GIT_OBJECT_DIRECTORY",
        "GIT_PREFIX",
        "GIT_WORK_TREE",
    }
)


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit that branches or tags name.

    :param names: as people have them, such as ``main``; sorted.
    """

    id: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Base:
    """A commit that the checkout is compared with.

    :param name: what the user called it.
    :param is_merge_base: it is where the checkout's own commit left *name*, which has gone on.
    """

    commit: Commit
    name: str
    is_merge_base: bool

    def __str__(self) -> str:
        return f"{self.name} ({'merge base ' if self.is_merge_base else ''}{self.commit.id[:12]})"


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
        self._environ = {name: value for name, value in environ.items() if name not in _PLACES}
        self._folder = folder
        self._git_dir = self.run("rev-parse", "--absolute-git-dir").rstrip("\n")
        #: the path of the folder below the top, ``""`` or with a slash at its end
        self.prefix = self.run("rev-parse", "--show-prefix").rstrip("\n")
        #: the top of the checkout
        self.top = Path(self.run("rev-parse", "--show-toplevel").rstrip("\n"))

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

    def base(self, name: str) -> Base:
        """Return the commit where the checkout's own commit left another one, as pull requests do.

        :param name: of a branch, a tag or a commit; with two dots behind it, it is that commit
            itself, and three dots are the same as none.
        :raises UsageError: if there is no such commit, or the two have none in common.
        """
        bare = name.removesuffix("...").removesuffix("..")
        if not bare or ".." in bare:
            raise UsageError(
                f"{name!r} names no commit to compare with",
                hint="name one: the files here are compared with where they left it, as in main, "
                "or with the commit itself, as in main..",
            )
        commit, head = self._found(bare), self._head()
        if name == f"{bare}..":
            return Base(Commit(commit, (bare,)), bare, is_merge_base=False)
        found = self.run("merge-base", commit, head, may_fail=True).strip()
        if not found:
            raise self._unrelated(bare)
        return Base(Commit(found, (bare,)), bare, is_merge_base=found != commit)

    def check_out(self, commit: Commit, folder: Path) -> None:
        """Make *folder* hold the files of the commit; what another one left there is replaced.

        :param folder: an own one, which nothing but this writes to; beside it there is an index.
        """
        folder.mkdir(exist_ok=True)
        self.run(*_WHOLE, "read-tree", "--reset", "-u", commit.id, elsewhere=folder)

    def is_sparse(self) -> bool:
        """Tell whether the checkout may leave files out."""
        return Path(self._git_dir, "info/sparse-checkout").exists()

    def _found(self, name: str) -> str:
        """Return the id of a commit; a branch of a remote need not be named with the remote."""
        try:
            return self._commit(name)
        except UsageError as error:
            of_remotes = {commit for ref, commit in self._refs() if ref == name}
            if len(of_remotes) == 1:
                return of_remotes.pop()
            refs = [ref for ref, _ in self._refs(remotes=True)]
            if of_remotes:
                some = ", ".join(ref for ref in refs if ref.partition("/")[2] == name)
                raise UsageError(
                    f"{name!r} may be any of {some}", hint="write the one that is meant"
                ) from error
            raise UsageError(
                f"{error.message}{did_you_mean(name, refs)}", hint=self._way_to_more()
            ) from error

    def _head(self) -> str:
        try:
            return self._commit("HEAD")
        except UsageError as error:
            raise UsageError(
                "there is no commit yet to compare with",
                hint="commit something, or leave the comparison out",
            ) from error

    def _unrelated(self, name: str) -> UsageError:
        if self._is_shallow():
            return UsageError(
                f"this clone is shallow: where its commit left {name} is not in it",
                hint=f"git fetch --unshallow gets all, in GitHub's checkout fetch-depth: 0; "
                f"{name}.. compares with the newest commit of {name}",
            )
        return UsageError(
            f"{name} and the commit that is checked out have no commit in common",
            hint=f"{name}.. compares with {name} itself",
        )

    def _way_to_more(self) -> str:
        if self._is_shallow():
            return (
                "this clone is shallow and lacks branches: git fetch --unshallow origin "
                "'+refs/heads/*:refs/remotes/origin/*' gets them, in GitHub's checkout "
                "fetch-depth: 0"
            )
        return "git branch -a and git tag list them; git fetch gets those of others"

    def _is_shallow(self) -> bool:
        return self.run("rev-parse", "--is-shallow-repository").strip() == "true"

    def _refs(self, *, remotes: bool = False) -> Iterator[tuple[str, str]]:
        """Yield the names of branches and tags with the commits that they stand for.

        :param remotes: with the names of the remotes.
        """
        shown = "--format=%(refname)%09%(objectname)%09%(*objectname)"
        for line in self.run("for-each-ref", shown, *_KINDS).splitlines():
            ref, commit, tagged = line.split("\t")
            kind = next(kind for kind in _KINDS if ref.startswith(kind))
            name = ref.removeprefix(kind)
            if kind == _KINDS[2] and not remotes:
                name = name.partition("/")[2]
            if name.rpartition("/")[2] != "HEAD":
                yield name, tagged or commit

    def _commit(self, name: str) -> str:
        try:
            found = self.run("rev-parse", "--verify", "--end-of-options", f"{name}^{{commit}}")
        except UsageError as error:
            raise UsageError(
                f"no branch, tag or commit fits {name!r}",
                hint="git branch -a and git tag list them; a shallow clone has few of them",
            ) from error
        return found.strip()

    def run(
        self,
        *arguments: str,
        elsewhere: Path | None = None,
        stdin: str = "",
        may_fail: bool = False,
    ) -> str:
        """Run git in the checkout and return what it prints; bytes that are no text are escaped.

        :param elsewhere: a folder that takes the place of the checkout, with its index beside it.
        :param may_fail: what it prints counts even then.
        :raises UsageError: with what git says, if it fails.
        """
        import subprocess

        places = {}
        if elsewhere:
            places["GIT_DIR"] = self._git_dir
            places["GIT_WORK_TREE"] = str(elsewhere)
            places["GIT_INDEX_FILE"] = f"{elsewhere}.index"
        done = subprocess.run(  # noqa: S603  # no shell, and the arguments are ours
            [self._program, *_ALONE, *arguments],
            cwd=elsewhere or self._folder,
            env={**self._environ, **places},
            input=os.fsencode(stdin),
            capture_output=True,
            check=False,
        )
        if done.returncode and not may_fail:
            command = next(word for word in arguments if word[0] != "-" and "=" not in word)
            raise self._failure(command, os.fsdecode(done.stderr).strip(), done.returncode)
        return os.fsdecode(done.stdout)

    def _failure(self, command: str, text: str, code: int) -> UsageError:
        hint = f"commits are taken from the repository of {self._folder}"
        if "dubious ownership" in text:  # git names the remedy in lines that follow
            hint = next(
                (line.strip() for line in text.splitlines() if "safe.directory" in line), hint
            )
        why = next(iter(text.splitlines()), f"exit code {code}")
        return UsageError(f"git {command}: {why}", hint=hint)
