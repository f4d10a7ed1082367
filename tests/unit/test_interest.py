"""Which files may change a key: none is missed, and those that nobody reads are left alone."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from okplug import hookimpl
from okplug.collect import collect
from okplug.dockerfile.ignore import Matcher
from okplug.fingerprint import ContextIndex
from okplug.interest import (
    Context,
    Interest,
    anything_below,
    interest_of,
    is_own,
    searched_folders,
)
from okplug.keyring import Keyring
from okplug.manifest import plugin as okteto_plugin
from okplug.testing import FakeRegistry

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from okplug import Registry
    from okplug.testing import Workspace


class Registries:
    """Serves a registry."""

    @hookimpl
    def okplug_registry(self) -> Registry:
        """Return a registry."""
        return FakeRegistry()


FILES = {
    "api/okteto.yaml": """\
        build:
          api: {context: ., contexts: {shared: ../shared}}
        """,
    "api/Dockerfile": "FROM scratch\nCOPY src /src\nCOPY --from=shared . /shared\n",
    "api/.dockerignore": "**/*.log\ndist\n!src/dist/keep\n.dockerignore\n",
    "api/src/main": "main\n",
    "api/src/dist/keep": "kept\n",
    "api/docs/text": "not copied\n",
    "shared/data": "data\n",
    "shared/.dockerignore": "tmp\n.dockerignore\n",
    "web/okteto.yaml": "build: {web: .}\n",
    "web/Dockerfile": "FROM scratch\nCOPY page /\n",
    "web/page": "page\n",
    "docs/text": "text\n",
    "old/okteto.yaml": "build: {web: .}\n",
    "node_modules/a/b/c": "c\n",
}


@pytest.fixture
def look(workspace: Workspace) -> Callable[..., Interest]:
    """Return the interest in what is selected."""
    workspace.write(FILES)

    def make(*selection: str, plugins: tuple[object, ...] = (), **settings: object) -> Interest:
        config = workspace.config(
            plugins=[okteto_plugin, Registries()],
            settings={"registry": "registry.test", "exclude": ["old"], **settings},
            options={"selection": selection},
        )
        for plugin in plugins:
            from okplug.pluginmanager import Provenance

            config.plugins.register(plugin, type(plugin).__name__, Provenance("-p"))
        index = ContextIndex(config.root, None)
        collection = collect(config, index)
        interest = interest_of(config, collection, Keyring(config, collection.graph, index))
        # of the plugins above nobody can say that they read no file but manifests
        return interest if plugins else _closed(interest)

    return make


def _closed(interest: Interest) -> Interest:
    return Interest(
        interest.searched,
        interest.names,
        files=interest.files,
        contexts=interest.contexts,
        folders=interest.folders,
    )


@pytest.mark.parametrize(
    "path",
    [
        "api/src/main",
        "api/src/new",
        "api/src/dist/keep",
        "api/src/dist",
        "api/src",
        "api/Dockerfile",
        "api/Dockerfile.dockerignore",
        "api/.dockerignore",
        "shared/data",
        "shared/.dockerignore",
        "api/okteto.yaml",
        "api/okteto.yml",
        "docs/compose.yaml",
        "docs/okteto.yml",
        "docs/.env",
        ".env",
        "okplug.toml",
        "pyproject.toml",
        "docs/okplugfile.py",
        "web/Dockerfile",
        "",
        "docs",
    ],
)
def test_what_may_change_a_key(
    look: Callable[..., Interest], workspace: Workspace, path: str
) -> None:
    assert look("api").concerns(str(workspace.root / path))


@pytest.mark.parametrize(
    "path",
    [
        "api/src/debug.log",
        "api/docs/new",
        "shared/tmp",
        "web/page",
        "docs/new",
        "node_modules/a/b/c",
        "old/okteto.yaml",
        "old/deep/okteto.yaml",
    ],
)
def test_what_cannot(look: Callable[..., Interest], workspace: Workspace, path: str) -> None:
    assert not look("api").concerns(str(workspace.root / path))


def test_a_new_folder_may_hold_anything(
    look: Callable[..., Interest], workspace: Workspace
) -> None:
    interest = look("api")
    for name in ("docs/new", "docs/node_modules", "api/dist"):
        (workspace.root / name).mkdir()
    assert interest.concerns(str(workspace.root / "docs/new")), "a manifest"
    assert not interest.concerns(str(workspace.root / "docs/node_modules"))


def test_all_folders_are_watched_that_matter_and_no_others(
    look: Callable[..., Interest], workspace: Workspace
) -> None:
    root = workspace.root
    (root / "node_modules/ctx/deep").mkdir(parents=True)
    (root / "node_modules/ctx/deep/file").touch()
    (root / "outside").symlink_to(root.parent / "elsewhere")
    (root.parent / "elsewhere").mkdir()
    workspace.write(
        {
            "far/okteto.yaml": """\
                build:
                  far: {context: ../outside}
                  modules: {context: ../node_modules/ctx, dockerfile: ../../far/Dockerfile}
                """,
            "far/Dockerfile": "FROM scratch\nCOPY . /\n",
            "outside/Dockerfile": "FROM scratch\nCOPY . /\n",
        }
    )
    folders = {os.path.relpath(path, root) for path in look("far").folders}
    assert folders == {
        ".",
        "api",
        "api/docs",
        "api/src",
        "api/src/dist",
        "docs",
        "far",
        "node_modules",
        "node_modules/ctx",
        "node_modules/ctx/deep",
        "shared",
        "web",
        "../elsewhere",
    }


def test_a_file_that_is_a_link_is_two_files(
    look: Callable[..., Interest], workspace: Workspace
) -> None:
    (workspace.root / "api/Dockerfile").rename(workspace.root / "docs/api.dockerfile")
    (workspace.root / "api/Dockerfile").symlink_to("../docs/api.dockerfile")
    interest = look("api")
    assert interest.concerns(str(workspace.root / "docs/api.dockerfile"))
    assert interest.concerns(str(workspace.root / "api/Dockerfile"))


def test_a_context_without_patterns_is_read_as_a_whole(
    look: Callable[..., Interest], workspace: Workspace
) -> None:
    (workspace.root / "api/.dockerignore").unlink()
    assert look("api").concerns(str(workspace.root / "api/src/debug.log"))


def test_whatever_a_manifest_takes_a_value_from(
    look: Callable[..., Interest], workspace: Workspace
) -> None:
    workspace.write(
        {
            "stack/compose.yaml": """\
                services:
                  one: {extends: {file: ../node_modules/base.conf, service: base}}
                """,
            "node_modules/base.conf": "services: {base: {build: {context: ., args: {A: '1'}}}}\n",
            "node_modules/Dockerfile": "FROM scratch\nARG A\n",
        }
    )
    interest = look("stack")
    assert interest.concerns(str(workspace.root / "node_modules/base.conf"))
    assert str(workspace.root / "node_modules") in interest.folders


def test_names_of_manifests_are_a_setting(
    look: Callable[..., Interest], workspace: Workspace
) -> None:
    interest = look(manifests=["okteto.yaml", ".images/build.json"])
    assert interest.concerns(str(workspace.root / "docs/build.json"))
    (workspace.root / "docs/.images").mkdir()
    folders = look(manifests=["okteto.yaml", ".images/build.json"]).folders
    assert str(workspace.root / "docs/.images") in folders


def test_a_plugin_may_read_anything(look: Callable[..., Interest], workspace: Workspace) -> None:
    class Reader:
        @hookimpl
        def okplug_key_inputs(self) -> Mapping[str, str]:
            return {}

    interest = look("api", plugins=(Reader(),))
    assert interest.is_open
    assert interest.concerns(str(workspace.root / "docs/new"))
    assert not interest.concerns(str(workspace.root / "node_modules/a/b/c"))


def test_nobody_knows_what_counts(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "node_modules/c").mkdir(parents=True)
    interest = anything_below(str(tmp_path), ["/elsewhere"])
    assert interest.folders == {
        str(tmp_path),
        str(tmp_path / "a"),
        str(tmp_path / "a/b"),
        "/elsewhere",
    }
    assert interest.concerns(str(tmp_path / "a/b/file"))
    assert interest.concerns("/elsewhere/file")
    assert not interest.concerns(str(tmp_path / "node_modules/c/file"))


@pytest.mark.parametrize(
    ("patterns", "path", "reads"),
    [
        ((), "a", True),
        (("*.log",), "a.log", False),
        (("*.log",), "b/a.log", True),
        (("b",), "b/c/d", False),
        (("b", "!b/keep"), "b/keep", True),
        (("b", "!b/keep"), "b/other", False),
        (("a/b", "!a"), "a/b", False),  # though a look at the path alone would find it
        (("*", "!src"), "src/x/y", True),
        (("*", "!src"), "doc/x", False),
    ],
)
def test_patterns_count_as_in_a_walk(patterns: tuple[str, ...], path: str, reads: bool) -> None:  # noqa: FBT001  # a parameter
    context = Context("/src/api", Matcher(patterns) if patterns else None)
    assert context.reads(f"/src/api/{path}") == reads
    assert context.reads("/src/api")


def test_a_new_folder_with_an_exception_below_it_is_read(tmp_path: Path) -> None:
    (tmp_path / "dist").mkdir()
    (tmp_path / "tmp").mkdir()
    context = Context(str(tmp_path), Matcher(("dist", "tmp", "!dist/keep")))
    assert context.reads(str(tmp_path / "dist"))
    assert not context.reads(str(tmp_path / "tmp"))


def test_the_folders_that_are_searched(tmp_path: Path) -> None:
    for name in ("a/b", ".git/objects", "node_modules/x", ".okteto", "old/deep", "old/keep"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "link").symlink_to("a")
    (tmp_path / "file").touch()

    def found(*exclude: str, names: tuple[str, ...] = ()) -> set[str]:
        return {
            os.path.relpath(path, tmp_path)
            for path in searched_folders(str(tmp_path), names, exclude)
        }

    everything = {".", "a", "a/b", "old", "old/deep", "old/keep"}
    assert found() == everything
    assert found("old") == {".", "a", "a/b"}
    assert found("old", "!old/keep") == everything - {"old/deep"}
    assert found(names=(".okteto/okteto.yml",)) == everything | {".okteto"}


def test_a_folder_that_cannot_be_listed_is_passed_over(tmp_path: Path) -> None:
    assert list(searched_folders(str(tmp_path / "gone"))) == [str(tmp_path / "gone")]


@pytest.mark.parametrize(
    ("path", "own"),
    [
        ("/src/.git/index", True),
        ("/src/a/.git/index", True),
        ("/src/.okplug/index", True),
        ("/src/.okplug-1f2e/README.md", True),
        ("/src/a/.okplug-x1", True),
        ("/src/out/meta.json", True),
        ("/src/out/.meta.json.x1y2", True),
        ("/src/out/.meta.json.lock", True),
        ("/src/out/other.json", False),
        ("/src/out", False),
        ("/src/images/index.json", True),
        ("/src/images", True),
        ("/src/images-old/index.json", False),
        ("/src/.gitignore", False),
        ("/src/meta.json", False),
        ("/elsewhere/file", False),
    ],
)
def test_what_is_written_by_a_run_itself(path: str, own: bool) -> None:  # noqa: FBT001  # a parameter
    assert is_own(path, "/src", ["/src/out/meta.json", "/src/images"]) == own


def test_a_workspace_may_lie_in_any_folder() -> None:
    assert not is_own("/home/.git/shop/file", "/home/.git/shop", [])
