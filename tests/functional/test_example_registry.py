"""The registry of ``docs/examples``: it keeps the contract, and the example is built with it."""

from __future__ import annotations

import json
import shutil
import sqlite3
import sys
from contextlib import closing
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from okplug import Reference, Registry, RegistryError
from okplug.testing import RegistryContract, Workspace, push_image

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

TOP = Path(__file__).parents[2]
SOURCE = TOP / "docs/examples/okplug_sqlite.py"


@pytest.fixture(scope="module")
def plugin() -> Iterator[ModuleType]:
    """The example as a module."""
    spec = spec_from_file_location("okplug_sqlite", SOURCE)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look for it
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


class TestContract(RegistryContract):
    """What any registry promises."""

    @pytest.fixture
    def registry(self, plugin: ModuleType, workspace: Workspace) -> Registry:
        """Return the registry as a run gets it."""
        config = workspace.config(plugins=[plugin])
        found = config.plugins.registry("sqlite:images.db", config)
        assert found is not None
        return found

    @pytest.fixture
    def lists_referrers(self) -> bool:
        """Return that it keeps no lists of what refers to images."""
        return False

    @pytest.fixture
    def written(self, workspace: Workspace) -> Callable[[], object]:
        """Return what the table holds."""

        def rows() -> object:
            if not (workspace.root / "images.db").exists():
                return []
            with closing(sqlite3.connect(workspace.root / "images.db")) as connection:
                return connection.execute("SELECT * FROM object").fetchall()

        return rows


def test_it_is_short() -> None:
    assert len([line for line in SOURCE.read_text().splitlines() if line.strip()]) <= 100


def test_other_hosts_are_left_to_other_plugins(plugin: ModuleType, workspace: Workspace) -> None:
    config = workspace.config(plugins=[plugin])
    for host in ("registry.example.com:5000", "docker.io", "layout:x", "sqlite"):
        assert config.plugins.registry(host, config) is None or host == "sqlite"


def test_damage_is_found_out(plugin: ModuleType, tmp_path: Path) -> None:
    registry = plugin.TableRegistry(tmp_path / "images.db")
    reference = Reference("localhost", "okteto/api", "1")
    pushed = push_image(registry, reference, files={"a": "1"})
    with closing(sqlite3.connect(tmp_path / "images.db")) as connection, connection:
        connection.execute("UPDATE object SET data = ? WHERE name = ?", (b"{}", pushed.digest))
    with pytest.raises(RegistryError, match="is missing or damaged in okteto/api"):
        registry.read_manifest(reference)


def test_a_file_that_cannot_be_opened(plugin: ModuleType, tmp_path: Path) -> None:
    registry = plugin.TableRegistry(tmp_path / "nowhere/images.db")
    with pytest.raises(RegistryError, match=r"nowhere/images\.db: unable to open database file"):
        registry.resolve(Reference("localhost", "okteto/api", "1"))


@pytest.fixture
def example(tmp_path: Path) -> Workspace:
    """A copy of the example monorepo."""
    root, home = tmp_path / "example-monorepo", tmp_path / "home"
    shutil.copytree(TOP / "example-monorepo", root, ignore=shutil.ignore_patterns(".okplug"))
    home.mkdir()
    environ = {
        "HOME": str(home),
        "USER": "cindy",
        "OKPLUG_PLATFORM": "linux/amd64",
        "OKPLUG_BUILDER": "embedded",
        "OKPLUG_REGISTRY": "sqlite:images.db",
    }
    return Workspace(root, home, environ)


def test_the_example_is_built_and_reused_with_it(plugin: ModuleType, example: Workspace) -> None:
    def verdicts(*arguments: str) -> list[Any]:
        outcome = example.run("build", "--json", "-", *arguments, plugins=[plugin]).assert_ok()
        return [image["verdict"] for image in json.loads(outcome.stdout)["images"]]

    assert verdicts() == ["build"] * 10
    assert verdicts() == ["reuse"] * 10
    assert verdicts("--namespace", "david", "--all-or-nothing") == ["reuse"] * 10
    registry = plugin.TableRegistry(example.root / "images.db")
    key, result = registry.tags(Reference("localhost", "okteto/api"))
    digests = {
        registry.resolve(Reference("localhost", repository, tag)).digest
        for repository, tag in (
            ("okteto/api", key),
            ("okteto/api", result),
            ("cindy/api", "okteto"),
            ("david/api", "okteto"),
        )
    }
    assert len(digests) == 1


def test_an_edit_builds_what_it_affects(plugin: ModuleType, example: Workspace) -> None:
    example.run("build", plugins=[plugin]).assert_ok()
    (example.root / "libs/settings/shop.conf").write_text("currency = EUR\n")
    outcome = example.run("plan", plugins=[plugin]).assert_ok()
    assert outcome.stdout.count("build  ") == 5
