"""A checkout as it would be with another commit in it: what is linked, what is written.

The oracle is a folder with the files of the commit and with what git ignores.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from okplug import contextfolders
from okplug.contextcontent import read_content
from okplug.contextfiles import Selection, select_files
from okplug.contextshadow import ShadowIndex
from okplug.errors import UsageError
from okplug.fingerprint import ContextIndex
from okplug.gitrefs import Commit, GitRepository
from okplug.gitshadow import Shadow, make_shadow
from tests.unit.test_gitrefs import ENVIRON, commit, git

#: path -> text, with ``x`` before it of what is executable and ``->`` before the target of a link
Tree = dict[str, str]


def write(folder: Path, tree: Tree) -> None:
    for name, text in tree.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if text.startswith("->"):
            path.symlink_to(text[2:])
        else:
            path.write_text(text)
            path.chmod(0o755 if text.startswith("x") else 0o644)


def clear(folder: Path) -> None:
    for path in folder.iterdir():
        if path.name != ".git":
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


@dataclass
class Bench:
    """A repository on the branch main, and the places where shadows and their oracles are made."""

    top: Path
    number: int = 0

    def commit(self, tree: Tree) -> str:
        """Commit these files and no others."""
        clear(self.top)
        write(self.top, tree)
        return commit(self.top, {})

    def shadow(self, id_: str, folder: str = "") -> Shadow:
        """Make the shadow with a commit in it."""
        self.number += 1
        place = self.top.with_name(f"place{self.number}")
        repository = GitRepository(self.top / folder, ENVIRON)
        return make_shadow(repository, Commit(id_, ("old",)), place, ENVIRON)

    def oracle(self, tree: Tree) -> Path:
        """Return a folder with these files."""
        folder = self.top.with_name(f"oracle{self.number}")
        folder.mkdir()
        write(folder, tree)
        return folder


@pytest.fixture
def bench(top: Path) -> Bench:
    """A repository without a commit."""
    return Bench(top)


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """Its folder."""
    folder = tmp_path / "top"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    return folder


def listed(index: ContextIndex, folder: Path) -> dict[str, tuple[str, bool, str]]:
    files = index.snapshot(folder, None).files
    return {f.relpath: (f.kind, f.executable, f.fingerprint or f.target) for f in files}


def seen(bench: Bench, shadow: Shadow) -> ContextIndex:
    return ShadowIndex(shadow.folder, shadow.links, ContextIndex(bench.top, None))


def assert_same(bench: Bench, shadow: Shadow, tree: Tree) -> None:
    """Fail unless the shadow holds these files, for those who open them and as a context."""
    oracle = bench.oracle(tree)
    index, expected = seen(bench, shadow), ContextIndex(oracle, None)
    folders = {os.path.dirname(name) for name in tree} | {""}  # noqa: PTH120  # of a text
    for folder in sorted(folders):
        assert listed(index, shadow.folder / folder) == listed(expected, oracle / folder)
        old = expected.snapshot(oracle / folder, None)
        new = index.snapshot(shadow.folder / folder, None)
        assert (new.digest, new.proof) == (old.digest, old.proof)
    for name, text in tree.items():
        if not text.startswith("->"):
            assert (shadow.folder / name).read_text() == text


# ------------------------------------------------------------------------------------ any two trees

_NAMES = st.sampled_from(
    [
        "a",
        "b",
        "-c",
        "d e",
        "é",
        "f\ng",
        "h\ri",
        "sub/a",
        "sub/b",
        "sub/deep/a",
        "b/a",
        "other/a",
        "a/b/c",
    ]
)
_TEXTS = st.sampled_from(["one", "two", "xone", "", "->a", "->sub/a", "->../other", "->nowhere"])
_TREES = st.dictionaries(_NAMES, _TEXTS, max_size=7)
_IGNORED = st.dictionaries(
    st.sampled_from(["i.log", "sub/i.log", "sub/deep/i.log", "build/x/y", "build/z"]), _TEXTS
)


def possible(tree: Tree) -> Tree:
    """Leave out what lies below a file."""
    return {
        name: text
        for name, text in tree.items()
        if not any(name.startswith(f"{other}/") for other in tree)
    }


@settings(max_examples=20)
@given(old=_TREES, middle=_TREES, new=_TREES, ignored=_IGNORED, staged=st.booleans())
def test_any_two_trees(
    tmp_path_factory: pytest.TempPathFactory,
    *,
    old: Tree,
    middle: Tree,
    new: Tree,
    ignored: Tree,
    staged: bool,
) -> None:
    top = tmp_path_factory.mktemp("trees") / "top"
    top.mkdir()
    git(top, "init", "-q", "-b", "main")
    bench = Bench(top)
    (top / ".git/info").mkdir(exist_ok=True)
    (top / ".git/info/exclude").write_text("*.log\n/build\n")
    old, middle, new = map(possible, (old, middle, new))
    id_ = bench.commit(old)
    bench.commit(middle)
    clear(top)
    write(top, new)
    if staged:
        git(top, "add", "-A")
    ignored = _beside(ignored, new)
    write(top, ignored)
    expected = {**_beside(ignored, old), **old}
    assert_same(bench, bench.shadow(id_), expected)


def _beside(ignored: Tree, tree: Tree) -> Tree:
    """Leave out of what is ignored what cannot lie beside the files of a tree."""
    return {
        name: text
        for name, text in ignored.items()
        if not any(name.startswith(f"{other}/") for other in tree)
    }


# ------------------------------------------------------------------------------------- what it costs


def test_only_what_differs_is_written(bench: Bench) -> None:
    tree = {f"{folder}/{name}": "one" for folder in ("a", "b", "c/d", "c/e") for name in "xyz"}
    old = bench.commit(tree)
    bench.commit({**tree, "c/d/x": "two"})
    shadow = bench.shadow(old)
    written = {path for path in shadow.folder.rglob("*") if not path.is_symlink()}
    names = {path.relative_to(shadow.folder).as_posix() for path in written}
    assert names == {"c", "c/d", "c/d/x"}
    links = {os.path.relpath(link, shadow.folder): target for link, target in shadow.links.items()}
    assert links == {name: str(bench.top / name) for name in ("a", "b", "c/e", "c/d/y", "c/d/z")}
    assert_same(bench, shadow, tree)


def test_nothing_is_read_that_the_checkout_s_index_knows(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = {"a/x": "one", "a/y": "one", "b/x": "one"}
    old = bench.commit(tree)
    (bench.top / "a/x").write_text("two")
    shadow = bench.shadow(old)
    here = ContextIndex(bench.top, None)
    assert listed(here, bench.top)
    names = []

    def noted(path: bytes, mode: int, size: int) -> bytes:
        names.append(os.fsdecode(path))
        return read_content(path, mode, size)

    monkeypatch.setattr(contextfolders, "read_content", noted)
    index = ShadowIndex(shadow.folder, shadow.links, here)
    assert listed(index, shadow.folder).keys() == {"a", "a/x", "a/y", "b", "b/x"}
    assert listed(index, shadow.folder / "b").keys() == {"x"}
    assert names == [str(shadow.folder / "a/x")]


def test_contexts_that_are_linked_are_taken_as_the_checkout_has_them(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = bench.commit({"a/x": "one", "b/x": "one"})
    (bench.top / "a/x").write_text("two")
    shadow = bench.shadow(old)
    here = ContextIndex(bench.top, None)
    known = here.snapshot(bench.top / "b", None)
    index = ShadowIndex(shadow.folder, shadow.links, here)
    selected = []

    def noted(root: bytes, *args: Any) -> Selection:  # passed on
        selected.append(os.fsdecode(root))
        return select_files(root, *args)

    monkeypatch.setattr("okplug.fingerprint.select_files", noted)
    index.take((shadow.folder / name, None, ()) for name in ("a", "b"))
    assert index.snapshot(shadow.folder / "b", None).digest == known.digest
    assert selected == [str(shadow.folder / "a")]


def test_a_checkout_without_differences_is_linked_as_it_is(bench: Bench) -> None:
    old = bench.commit({"a/x": "one", "b": "one"})
    shadow = bench.shadow(old)
    assert sorted(path.name for path in shadow.folder.iterdir()) == ["a", "b"]
    assert not shadow.folder.with_name(f"{shadow.folder.name}.index").exists()


def test_the_workspace_s_own_folder_is_there_itself(bench: Bench) -> None:
    old = bench.commit({"shop/web/x": "one", "other/x": "one"})
    shadow = bench.shadow(old, "shop")
    assert not (shadow.folder / "shop").is_symlink()
    assert (shadow.folder / "shop/web").is_symlink()


def test_a_workspace_that_was_not_there_is_an_empty_folder(bench: Bench) -> None:
    old = bench.commit({"x": "one"})
    bench.commit({"x": "one", "shop/x": "two"})
    shadow = bench.shadow(old, "shop")
    assert list((shadow.folder / "shop").iterdir()) == []


# ------------------------------------------------------------------------------- states of a checkout


def test_history_and_state_are_not_found_through_it(bench: Bench) -> None:
    old = bench.commit({"x": "one", "sub/.okplug/state": "mine", ".okplug/state": "mine"})
    (bench.top / "x").write_text("two")
    shadow = bench.shadow(old)
    assert not (shadow.folder / ".git").exists()
    assert not (shadow.folder / ".okplug").exists()


def test_variables_that_nobody_commits_are_there(bench: Bench) -> None:
    old = bench.commit({"x": "one", "shop/x": "one"})
    write(bench.top, {".env": "A=1", "shop/.env": "B=2", "shop/new": "new"})
    shadow = bench.shadow(old)
    assert (shadow.folder / ".env").read_text() == "A=1"
    assert (shadow.folder / "shop/.env").read_text() == "B=2"
    assert not (shadow.folder / "shop/new").exists()


def test_a_merge_that_is_under_way(bench: Bench) -> None:
    old = bench.commit({"x": "one\n", "y": "one"})
    git(bench.top, "checkout", "-q", "-b", "other")
    bench.commit({"x": "other\n", "y": "one"})
    git(bench.top, "checkout", "-q", "main")
    bench.commit({"x": "main\n", "y": "one"})
    with pytest.raises(AssertionError):
        git(bench.top, "merge", "other")
    assert "<<<<" in (bench.top / "x").read_text()
    assert_same(bench, bench.shadow(old), {"x": "one\n", "y": "one"})


def test_a_sparse_checkout_leaves_out_what_it_leaves_out(bench: Bench) -> None:
    old = bench.commit({"here/x": "one", "there/x": "one", "there/gone": "one"})
    bench.commit({"here/x": "two", "there/x": "two"})
    git(bench.top, "sparse-checkout", "set", "here")
    assert not (bench.top / "there").exists()
    assert_same(bench, bench.shadow(old), {"here/x": "one"})


def test_a_linked_worktree(bench: Bench, tmp_path: Path) -> None:
    old = bench.commit({"x": "one", "y": "one"})
    new = bench.commit({"x": "two", "y": "one"})
    git(bench.top, "worktree", "add", "-q", "--detach", str(tmp_path / "linked"), new)
    linked = Bench(tmp_path / "linked")
    assert_same(linked, linked.shadow(old), {"x": "one", "y": "one"})


def test_a_repository_within_that_nobody_added(bench: Bench) -> None:
    old = bench.commit({"x": "one"})
    inner = bench.top / "inner"
    write(inner, {"x": "one"})
    git(inner, "init", "-q")
    commit(inner, {})
    assert_same(bench, bench.shadow(old), {"x": "one"})


def test_filters_are_git_s(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "smudge").write_text("#!/bin/sh\nsed s/pointer/content/\n")
    (tmp_path / "smudge").chmod(0o755)
    git(bench.top, "config", "filter.large.smudge", str(tmp_path / "smudge"))
    git(bench.top, "config", "filter.large.clean", "sed s/content/pointer/")
    attributes = "*.bin filter=large\n*.bat text eol=crlf\n"
    old = bench.commit(
        {
            ".gitattributes": attributes,
            "a.bin": "content 1",
            "same.bin": "content 0",
            "b.bat": "1\n",
        }
    )
    write(bench.top, {"a.bin": "content 2", "b.bat": "2\n"})
    commit(bench.top, {})
    shadow = bench.shadow(old)
    assert (shadow.folder / "a.bin").read_text() == "content 1"
    assert (shadow.folder / "b.bat").read_bytes() == b"1\r\n"
    assert (shadow.folder / "same.bin").is_symlink()


def test_a_filter_that_fails_is_told(bench: Bench) -> None:
    old = bench.commit({".gitattributes": "*.bin filter=large\n", "a.bin": "1"})
    (bench.top / "a.bin").write_text("2")
    commit(bench.top, {})
    git(bench.top, "config", "filter.large.clean", "cat")
    git(bench.top, "config", "filter.large.smudge", "false")
    git(bench.top, "config", "filter.large.required", "true")
    with pytest.raises(UsageError, match=r"^git checkout-index: .*filter") as raised:
        bench.shadow(old)
    assert raised.value.hint == f"commits are taken from the repository of {bench.top}"


# ----------------------------------------------------------------------------------------- submodules


@pytest.fixture
def module(bench: Bench, tmp_path: Path) -> Path:
    """The checkout of a submodule, at its second commit; the first commit of top has the first."""
    origin = tmp_path / "origin"
    origin.mkdir()
    git(origin, "init", "-q", "-b", "main")
    first = commit(origin, {"file": "first", "sub/file": "same"})
    commit(origin, {"file": "second"})
    bench.commit({"x": "one"})
    allowed = ("-c", "protocol.file.allow=always")
    git(bench.top, *allowed, "submodule", "add", "-q", str(origin), "lib")
    git(bench.top / "lib", "checkout", "-q", first)
    commit(bench.top, {})
    git(bench.top, "branch", "old")
    return bench.top / "lib"


def contents(folder: Path) -> dict[str, str]:
    return {
        (Path(parent) / name).relative_to(folder).as_posix(): (Path(parent) / name).read_text()
        for parent, _, names in os.walk(folder, followlinks=True)
        for name in names
        if name != ".git"
    }


def test_a_submodule_that_is_the_same_is_linked(bench: Bench, module: Path) -> None:
    (bench.top / "x").write_text("two")
    shadow = bench.shadow("old")
    assert shadow.links[str(shadow.folder / "lib")] == str(module)


def test_a_submodule_that_has_moved(bench: Bench, module: Path) -> None:
    git(module, "checkout", "-q", "main")
    for _ in range(2):  # first as it is on disk, then committed
        shadow = bench.shadow("old")
        assert contents(shadow.folder / "lib") == {"file": "first", "sub/file": "same"}
        assert str(shadow.folder / "lib/sub") in shadow.links
        commit(bench.top, {})


def test_a_submodule_with_changes_of_its_own(bench: Bench, module: Path) -> None:
    (module / "file").write_text("mine")
    (module / "new").write_text("mine")
    shadow = bench.shadow("old")
    assert contents(shadow.folder / "lib") == {"file": "first", "sub/file": "same"}


def test_a_submodule_that_was_not_there(bench: Bench, module: Path) -> None:
    assert module
    shadow = bench.shadow("old~1")
    assert not (shadow.folder / "lib").exists()


def test_a_submodule_that_is_not_here(bench: Bench, module: Path) -> None:
    git(module, "checkout", "-q", "main")
    commit(bench.top, {})
    git(bench.top, "submodule", "deinit", "-q", "-f", "lib")
    shadow = bench.shadow("old")
    assert list((shadow.folder / "lib").iterdir()) == []


def test_a_submodule_s_commit_that_is_not_here(bench: Bench, module: Path) -> None:
    git(bench.top, "update-index", "--cacheinfo", f"160000,{'1' * 40},lib")
    git(bench.top, "commit", "-q", "-m", "a commit of nobody's")
    lost = git(bench.top, "rev-parse", "HEAD")
    git(bench.top, "add", str(module))
    git(bench.top, "commit", "-q", "-m", "back")
    with pytest.raises(UsageError) as raised:
        bench.shadow(lost)
    assert raised.value.message == (
        "the submodule lib is at 111111111111 in old, and that is not here"
    )
    assert raised.value.hint == "git -C lib fetch gets it"
