"""Commits by the names that people have for them, and their files without touching a checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from okplug.errors import UsageError
from okplug.gitrefs import Commit, GitRepository

if TYPE_CHECKING:
    from pathlib import Path

ENVIRON = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_DIR": "/nonexistent"}
AUTHOR = ("-c", "user.name=cindy", "-c", "user.email=cindy@example.com")


def git(folder: Path, *arguments: str) -> str:
    """Run git as a user without settings of their own."""
    environ = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(
        ["git", *AUTHOR, *arguments],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def commit(folder: Path, files: dict[str, str | None]) -> str:
    """Write files, or remove them, and commit that."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if text is None:
            path.unlink()
        else:
            path.write_text(text)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "--allow-empty", "-m", "change")
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """An empty repository on the branch main."""
    folder = tmp_path / "top"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    return folder


@pytest.fixture
def history(top: Path) -> dict[str, str]:
    """Three commits: release/1.0 with a tag of its own, release/2.0, and main."""
    ids = {}
    for name in ("release/1.0", "release/2.0", "main"):
        ids[name] = commit(top, {"shop/file": name})
        if name != "main":
            git(top, "branch", name)
    git(top, "tag", "-a", "v1", "-m", "one", ids["release/1.0"])
    git(top, "update-ref", "refs/remotes/origin/main", ids["release/2.0"])
    git(top, "update-ref", "refs/remotes/origin/far/away", ids["main"])
    git(top, "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")
    return ids


@pytest.fixture
def repository(top: Path, history: dict[str, str]) -> GitRepository:
    """The repository as seen from the folder ``shop``."""
    assert history
    return GitRepository(top / "shop", ENVIRON)


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        (["release/*"], {"release/1.0": ("release/1.0",), "release/2.0": ("release/2.0",)}),
        (["v1"], {"release/1.0": ("v1",)}),
        (["v1", "release/1.0"], {"release/1.0": ("release/1.0", "v1")}),
        (["main"], {"main": ("main",), "release/2.0": ("main",)}),
        (["far/*"], {"main": ("far/away",)}),
        (["main~1"], {"release/2.0": ("main~1",)}),
        ([], {}),
    ],
)
def test_what_names_stand_for(
    repository: GitRepository,
    history: dict[str, str],
    patterns: list[str],
    expected: dict[str, tuple[str, ...]],
) -> None:
    found = {commit.id: commit.names for commit in repository.commits(patterns)}
    assert found == {history[name]: names for name, names in expected.items()}


def test_a_commit_is_named_by_its_id(repository: GitRepository, history: dict[str, str]) -> None:
    (found,) = repository.commits([history["main"][:12]])
    assert found.id == history["main"]


@pytest.mark.parametrize("pattern", ["mian", "release/9*", "--all", "", "HEAD:shop"])
def test_what_fits_nothing_is_an_error(repository: GitRepository, pattern: str) -> None:
    with pytest.raises(UsageError) as raised:
        repository.commits(["main", pattern])
    assert raised.value.message == f"no branch, tag or commit fits {pattern!r}"
    assert "shallow clone" in raised.value.hint


def names(folder: Path) -> list[str]:
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    )


def test_a_commit_s_files_replace_another_s(top: Path, tmp_path: Path) -> None:
    first = commit(top, {"a": "1", "gone": "x", "shop/link": "y"})
    (top / "shop/link").unlink()
    (top / "shop/link").symlink_to("../a")
    second = commit(top, {"a": "2", "gone": None, "shop/new": "z"})
    (top / "shop/new").chmod(0o755)
    third = commit(top, {})
    repository = GitRepository(top, ENVIRON)
    place = tmp_path / "place"
    repository.check_out(Commit(first, ("x",)), place)
    assert names(place) == ["a", "gone", "shop/link"]
    unchanged = (place / "a").stat()
    repository.check_out(Commit(second, ("x",)), place)
    assert names(place) == ["a", "shop/link", "shop/new"]
    assert (place / "a").read_text() == "2"
    assert (place / "shop/link").is_symlink()
    unchanged = (place / "a").stat()
    repository.check_out(Commit(third, ("x",)), place)
    assert (place / "a").stat() == unchanged, "a file that is the same is not written again"
    assert (place / "shop/new").stat().st_mode & 0o100


def test_the_user_s_checkout_is_not_touched(top: Path, tmp_path: Path) -> None:
    first = commit(top, {"a": "1"})
    commit(top, {"a": "2"})
    (top / "a").write_text("mine")
    (top / "untracked").touch()
    (top / "staged").touch()
    git(top, "add", "staged")
    hook = top / ".git/hooks/post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/hooked\n")
    hook.chmod(0o755)
    before = git(top, "status", "--porcelain"), (top / ".git/index").read_bytes()
    GitRepository(top, ENVIRON).check_out(Commit(first, ("x",)), tmp_path / "place")
    assert (git(top, "status", "--porcelain"), (top / ".git/index").read_bytes()) == before
    assert len(git(top, "worktree", "list").splitlines()) == 1
    assert not (tmp_path / "hooked").exists()


def test_a_sparse_checkout_leaves_nothing_out(top: Path, tmp_path: Path) -> None:
    commit(top, {"here/a": "1", "there/b": "2"})
    git(top, "sparse-checkout", "set", "here")
    assert not (top / "there").exists()
    repository = GitRepository(top, ENVIRON)
    repository.check_out(repository.commits(["main"])[0], tmp_path / "place")
    assert names(tmp_path / "place") == ["here/a", "there/b"]


def test_a_linked_worktree_is_a_checkout_too(
    top: Path, history: dict[str, str], tmp_path: Path
) -> None:
    git(top, "worktree", "add", "-q", "--detach", str(tmp_path / "linked"), history["main"])
    repository = GitRepository(tmp_path / "linked", ENVIRON)
    (found,) = repository.commits(["release/1.0"])
    repository.check_out(found, tmp_path / "place")
    assert (tmp_path / "place/shop/file").read_text() == "release/1.0"


def test_the_workspace_may_be_below_the_top(top: Path, repository: GitRepository) -> None:
    assert repository.prefix == "shop/"
    assert GitRepository(top, ENVIRON).prefix == ""


def test_a_folder_without_a_repository(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="git rev-parse: fatal: not a git repository") as raised:
        GitRepository(tmp_path, ENVIRON)
    assert raised.value.hint == f"commits are taken from the repository of {tmp_path}"


def test_a_machine_without_git(top: Path) -> None:
    with pytest.raises(UsageError, match="there is no git"):
        GitRepository(top, {"PATH": "/nonexistent"})


def test_a_repository_that_is_broken(
    top: Path, repository: GitRepository, history: dict[str, str], tmp_path: Path
) -> None:
    shutil.rmtree(top / ".git/objects")
    (top / ".git/objects").mkdir()
    with pytest.raises(UsageError, match="git read-tree: "):
        repository.check_out(Commit(history["main"], ("main",)), tmp_path / "place")


# ------------------------------------------------------------------------------- what is compared with


@pytest.fixture
def left(top: Path) -> dict[str, str]:
    """Where topic, which is checked out, and main left each other, and where they are now."""
    ids = {"base": commit(top, {"file": "base"})}
    git(top, "checkout", "-q", "-b", "topic")
    ids["topic"] = commit(top, {"file": "topic"})
    git(top, "checkout", "-q", "main")
    ids["main"] = commit(top, {"other": "main"})
    git(top, "tag", "-a", "v1", "-m", "one")
    git(top, "checkout", "-q", "topic")
    return ids


@pytest.mark.parametrize(
    ("name", "expected", "is_merge_base", "text"),
    [
        ("main", "base", True, "main (merge base ID)"),
        ("main...", "base", True, "main (merge base ID)"),
        ("main..", "main", False, "main (ID)"),
        ("v1", "base", True, "v1 (merge base ID)"),
        ("v1..", "main", False, "v1 (ID)"),
        ("main~1", "base", False, "main~1 (ID)"),
        ("HEAD~1..", "base", False, "HEAD~1 (ID)"),
        ("topic", "topic", False, "topic (ID)"),
    ],
)
def test_the_base(
    top: Path, left: dict[str, str], name: str, expected: str, *, is_merge_base: bool, text: str
) -> None:
    base = GitRepository(top, ENVIRON).base(name)
    assert (base.commit.id, base.is_merge_base) == (left[expected], is_merge_base)
    assert str(base) == text.replace("ID", left[expected][:12])


def test_the_base_of_a_commit_by_its_id(top: Path, left: dict[str, str]) -> None:
    base = GitRepository(top, ENVIRON).base(left["main"][:10])
    assert (base.commit.id, base.name) == (left["base"], left["main"][:10])


def test_a_branch_of_a_remote_needs_no_remote_unless_several_have_it(
    top: Path, left: dict[str, str]
) -> None:
    for remote in ("origin", "fork"):
        git(top, "update-ref", f"refs/remotes/{remote}/release/1", left["main"])
    repository = GitRepository(top, ENVIRON)
    assert repository.base("release/1..").commit.id == left["main"]
    git(top, "update-ref", "refs/remotes/fork/release/1", left["base"])
    with pytest.raises(UsageError) as raised:
        repository.base("release/1")
    assert raised.value.message == ("'release/1' may be any of fork/release/1, origin/release/1")
    assert repository.base("origin/release/1..").commit.id == left["main"]
    with pytest.raises(UsageError, match="did you mean 'origin/release/1'"):
        repository.base("origin/releas/1")


def test_a_branch_without_a_commit(top: Path, left: dict[str, str]) -> None:
    assert left
    git(top, "checkout", "-q", "--orphan", "nothing")
    with pytest.raises(UsageError, match="there is no commit yet to compare with"):
        GitRepository(top, ENVIRON).base("main..")


def test_variables_of_git_s_that_name_no_repository_count(top: Path) -> None:
    environ = {
        **ENVIRON,
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "user.name",
        "GIT_CONFIG_VALUE_0": "david",
        "GIT_INDEX_FILE": "/nonexistent",
    }
    assert GitRepository(top, environ).run("config", "user.name") == "david\n"


def test_a_checkout_of_somebody_else_s(top: Path) -> None:
    environ = {**ENVIRON, "GIT_TEST_ASSUME_DIFFERENT_OWNER": "1"}
    with pytest.raises(UsageError, match="git rev-parse: fatal: detected dubious owner") as raised:
        GitRepository(top, environ)
    assert raised.value.hint == f"git config --global --add safe.directory {top}"


def test_nothing_is_written_beside_the_history(
    top: Path, left: dict[str, str], tmp_path: Path
) -> None:
    git(top, "config", "core.splitIndex", "true")
    before = sorted(path.name for path in (top / ".git").iterdir())
    repository = GitRepository(top, ENVIRON)
    repository.check_out(Commit(left["base"], ("x",)), tmp_path / "place")
    assert sorted(path.name for path in (top / ".git").iterdir()) == before
