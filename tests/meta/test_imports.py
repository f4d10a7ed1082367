"""What an import costs, and what it needs."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import okplug

if TYPE_CHECKING:
    from pathlib import Path

    from tests.meta.conftest import Source

IMPORT_ALONE = """
import importlib, json, os, sys

before = set(sys.modules)
wrong = {}
for name in json.loads(sys.argv[1]):
    for loaded in set(sys.modules) - before:
        if loaded.partition(".")[0].startswith("okplug"):
            del sys.modules[loaded]
    try:
        importlib.import_module(name)
    except Exception as error:
        wrong[name] = repr(error)
print(json.dumps(wrong))
"""

MODULES_AFTER = """
import json, sys
from okplug.cli import main
main(sys.argv[1:], environ={"HOME": "/", "OKPLUG_DISABLE_PLUGIN_AUTOLOAD": "1"})
print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""


def run(top: Path, code: str, *argv: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(top), str(top / "plugins")])
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *argv],
        cwd=cwd,
        env={"PYTHONPATH": path, "HOME": str(cwd), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )


def modules_after(top: Path, *argv: str, cwd: Path) -> set[str]:
    (cwd / "okplug.toml").touch()
    return set(json.loads(run(top, MODULES_AFTER, *argv, cwd=cwd).stderr.splitlines()[-1]))


def test_every_module_can_be_imported_first(
    top: Path, core: list[Source], plugins: list[Source], tmp_path: Path
) -> None:
    names = [source.module for source in [*core, *plugins]]
    done = run(top, IMPORT_ALONE, json.dumps(names), cwd=tmp_path)
    assert json.loads(done.stdout) == {}


def test_the_version_costs_next_to_nothing(top: Path, tmp_path: Path) -> None:
    loaded = modules_after(top, "--version", cwd=tmp_path)
    own = {name for name in loaded if name.startswith("okplug")}
    assert own == {"okplug", "okplug.cli"}
    assert not loaded & {"argparse", "dataclasses", "importlib.metadata", "pluggy", "yaml"}


@pytest.mark.parametrize("argv", [("--help",), ("build", "--help"), ("config",)])
def test_what_reads_no_manifest_loads_nothing_heavy(
    top: Path, tmp_path: Path, argv: tuple[str, ...]
) -> None:
    heavy = {
        "asyncio",
        "concurrent.futures",
        "google.protobuf",
        "grpc",
        "http.client",
        "importlib.metadata",
        "networkx",
        "rich",
        "sqlite3",
        "subprocess",
        "tarfile",
        "urllib3",
        "yaml",
    }
    assert modules_after(top, *argv, cwd=tmp_path) & heavy == set()


def test_public_names_are_pinned() -> None:
    assert sorted(okplug.__all__) == [
        "Artifact",
        "BuildArg",
        "BuildControl",
        "BuildError",
        "BuildOutline",
        "BuildRequest",
        "Builder",
        "CancelledError",
        "Cause",
        "Collected",
        "Config",
        "ContextChangedError",
        "ContextFile",
        "ContextSnapshot",
        "Descriptor",
        "Event",
        "ExitCode",
        "Image",
        "ImageGraph",
        "Located",
        "Location",
        "LookUpStarted",
        "Manifest",
        "ManifestError",
        "OkplugError",
        "Parser",
        "Plan",
        "Planned",
        "PluginError",
        "Provenance",
        "Pushed",
        "ROOT_ANNOTATION",
        "Reference",
        "Registry",
        "RegistryError",
        "Report",
        "RunFinished",
        "RunStarted",
        "SCREEN",
        "Secret",
        "Setting",
        "StashKey",
        "Step",
        "StepFinished",
        "StepLog",
        "StepPlanned",
        "StepProgress",
        "StepStarted",
        "UsageError",
        "WarningRaised",
        "event_line",
        "hookimpl",
        "visible",
    ]


@pytest.mark.parametrize("name", okplug.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(okplug, name) is not None


def test_other_names_are_not() -> None:
    with pytest.raises(AttributeError, match=r"^module 'okplug' has no attribute 'nope'$"):
        okplug.nope  # noqa: B018  # the access is what is tested


def test_type_checkers_and_programs_see_the_same_public_names(top: Path) -> None:
    tree = ast.parse((top / "okplug/__init__.py").read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    seen = {
        f"{node.module}.{alias.name}"
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen == {f"{okplug._MODULE_OF[name]}.{name}" for name in okplug.__all__}


def test_the_environment_is_read_in_one_place(core: list[Source], plugins: list[Source]) -> None:
    readers = {
        source.module
        for source in [*core, *plugins]
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Attribute)
        and ast.unparse(node) in {"os.environ", "os.getenv", "os.environb"}
    }
    assert readers == {"okplug.cli"}
