"""What there is, is documented, and what is documented is there."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from okplug import hookspecs
from okplug.coresettings import core_settings
from okplug.plugincheck import hook_names
from okplug.pluginloading import INTERNAL

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.meta.conftest import Source


@pytest.fixture(scope="module")
def reference(top: Path) -> str:
    """The page that documents all of it."""
    return (top / "docs/reference.md").read_text(encoding="utf-8")


def test_the_generated_parts_are_up_to_date(top: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(top / "docs/generate.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("hook", hook_names())
def test_a_hook_is_documented_with_its_arguments(reference: str, hook: str) -> None:
    arguments = ", ".join(inspect.signature(getattr(hookspecs, hook)).parameters)
    assert f"#### `{hook}({arguments})`\n" in reference


@pytest.mark.parametrize("hook", hook_names())
def test_a_hook_is_in_the_map_of_the_program(hook: str) -> None:
    assert re.search(rf"\b{hook}\b", hookspecs.__doc__ or "")


@pytest.mark.parametrize("hook", hook_names())
def test_a_hook_is_implemented_by_some_test(tests: list[Source], hook: str) -> None:
    assert any(re.search(rf"def {hook}\(", source.text) for source in tests)


@pytest.mark.parametrize("setting", core_settings({"HOME": "/"}), ids=lambda setting: setting.name)
def test_a_setting_is_documented_with_its_variables(reference: str, setting: object) -> None:
    name = getattr(setting, "name", "")
    assert f"| `{name}` |" in reference
    assert all(f"`{variable}`" in reference for variable in getattr(setting, "variables", ()))


def test_every_command_is_documented(reference: str, core: list[Source]) -> None:
    commands = {
        name
        for source in core
        if source.module != "okplug.testing"
        for name in re.findall(r"parser\.add_command\(\s*\"([\w-]+)\"", source.text)
    }
    assert "build" in commands
    documented = set(re.findall(r"^### `okplug ([\w-]+)`$", reference, re.MULTILINE))
    assert commands <= documented


def test_every_command_is_a_plugin_of_its_own(core: list[Source]) -> None:
    commands = {source.module for source in core if "parser.add_command(" in source.text}
    assert commands <= {*INTERNAL.values(), "okplug.commandline"}


def variables(tree: ast.Module) -> Iterator[str]:
    """Yield the names that look like environment variables in calls and look-ups of *environ*."""
    for node in ast.walk(tree):
        match node:
            case (
                ast.Call(
                    func=ast.Attribute(value=owner, attr="get"), args=[ast.Constant(value), *_]
                )
                | ast.Subscript(value=owner, slice=ast.Constant(value))
            ) if ast.unparse(owner).endswith("environ") and isinstance(value, str):
                yield value


def test_every_variable_is_documented(
    reference: str, core: list[Source], plugins: list[Source]
) -> None:
    read = {name for source in [*core, *plugins] for name in variables(source.tree)}
    assert "XDG_CACHE_HOME" in read
    assert sorted(name for name in read if f"`{name}`" not in reference) == []


def test_the_reference_names_no_variable_that_is_not_there(
    reference: str, core: list[Source], plugins: list[Source]
) -> None:
    code = "".join(source.text for source in [*core, *plugins])
    named = set(re.findall(r"`((?:OKPLUG|OKTETO|DOCKER|BUILDKIT|XDG)_[A-Z_]+)`", reference))
    own = {f"OKPLUG_{setting.name.upper()}" for setting in core_settings({"HOME": "/"})}
    declared = {f"OKPLUG_{name.upper()}" for name in re.findall(r'Setting\(\s*"(\w+)"', code)}
    unknown = [name for name in named - own - declared if f'"{name}"' not in code]
    assert sorted(unknown) == ["OKPLUG_"] or unknown == []
