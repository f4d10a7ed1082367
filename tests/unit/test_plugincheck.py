from __future__ import annotations

import inspect
import textwrap
from typing import TYPE_CHECKING, Any

import pytest

from okplug import hookspecs
from okplug.errors import PluginError
from okplug.plugincheck import FOLDER_HOOKS, check_folder_plugin, check_plugin, hook_names
from okplug.pluginfile import load_plugin_file

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType


@pytest.fixture
def load(tmp_path: Path) -> Any:
    """What makes a module of a text."""

    def load(text: str) -> ModuleType:
        path = tmp_path / "plugin.py"
        path.write_text("from okplug import hookimpl\n" + textwrap.dedent(text))
        return load_plugin_file(path)

    return load


def refusal(plugin: object) -> str:
    with pytest.raises(PluginError) as caught:
        check_plugin(plugin, "demo 1.0")
    return str(caught.value)


def test_hooks_come_in_the_order_of_a_run() -> None:
    names = hook_names()
    assert names[0] == "okplug_addoption"
    assert names[-1] == "okplug_unconfigure"
    assert len(names) == 14
    assert all(hasattr(getattr(hookspecs, name), "okplug_spec") for name in names)


def test_folder_hooks_are_those_of_one_image_or_manifest() -> None:
    for name in hook_names():
        about = set(inspect.signature(getattr(hookspecs, name)).parameters)
        assert (name in FOLDER_HOOKS) == bool(about & {"image", "step", "path"})


@pytest.mark.parametrize(
    "text",
    [
        "@hookimpl\ndef okplug_build(step, config): ...",
        "@hookimpl\ndef okplug_build(): ...",
        "@hookimpl(wrapper=True)\ndef okplug_build(step):\n    return (yield)",
        "@hookimpl(specname='okplug_build')\ndef sign(step): ...",
        "@hookimpl(optionalhook=True)\ndef okplug_of_next_year(x): ...",
        "def helper(x, y=1): ...",
        "from okplug.hookspecs import okplug_event",
        "okplug_event = 3",
    ],
)
def test_what_keeps_the_contract_passes(load: Any, text: str) -> None:
    check_plugin(load(text), "demo")


def test_an_unknown_argument_is_refused(load: Any, tmp_path: Path) -> None:
    plugin = load("""
        @hookimpl
        def okplug_build(step, cfg): ...
    """)
    assert refusal(plugin) == (
        f"{tmp_path}/plugin.py:3: demo 1.0: okplug_build has an argument cfg, "
        "which okplug does not pass\n"
        "  hint: it may take step, config, all without a default"
    )


def test_an_argument_with_a_default_is_refused(load: Any, tmp_path: Path) -> None:
    """Such an argument is never passed, which nobody would notice."""
    plugin = load("""
        @hookimpl
        def okplug_build(step, config=None): ...
    """)
    assert refusal(plugin) == (
        f"{tmp_path}/plugin.py:3: demo 1.0: okplug_build gives the argument config a default, "
        "so that it is never passed\n"
        "  hint: it may take step, config, all without a default"
    )


def test_an_unknown_hook_is_refused(load: Any, tmp_path: Path) -> None:
    plugin = load("""
        @hookimpl
        def okplug_biuld(step): ...
    """)
    assert refusal(plugin) == (
        f"{tmp_path}/plugin.py:3: demo 1.0: there is no hook okplug_biuld, "
        "did you mean 'okplug_build'?\n"
        "  hint: okplug plugins --hooks lists the hooks"
    )


def test_a_function_without_marker_is_refused(load: Any, tmp_path: Path) -> None:
    plugin = load("def okplug_event(event): ...")
    assert refusal(plugin) == (
        f"{tmp_path}/plugin.py:2: demo 1.0: okplug_event is not marked as the implementation "
        "of a hook\n"
        "  hint: put @okplug.hookimpl above it, or rename it"
    )


def test_objects_are_held_to_the_same_rules() -> None:
    class Plugin:
        @hookspecs.hookimpl
        def okplug_event(self, evnt: object) -> None: ...

    assert ": okplug_event has an argument evnt, which okplug does not pass" in refusal(Plugin())


def test_properties_of_objects_are_not_asked_for_nothing() -> None:
    class Plugin:
        @property
        def okplug_late(self) -> str:
            raise AttributeError("not yet")

    check_plugin(Plugin(), "demo")


@pytest.mark.parametrize("hook", FOLDER_HOOKS)
def test_a_folder_may_implement_what_is_asked_per_image(load: Any, hook: str) -> None:
    check_folder_plugin(load(f"@hookimpl\ndef {hook}(config): ..."), "api/okplugfile.py")


@pytest.mark.parametrize("hook", sorted(set(hook_names()) - set(FOLDER_HOOKS)))
def test_a_folder_may_not_implement_what_is_asked_once(
    load: Any, hook: str, tmp_path: Path
) -> None:
    plugin = load(f"@hookimpl\ndef {hook}(): ...")
    with pytest.raises(PluginError) as caught:
        check_folder_plugin(plugin, "api/okplugfile.py")
    assert str(caught.value) == (
        f"{tmp_path}/plugin.py:2: api/okplugfile.py serves one folder and cannot implement {hook}\n"
        "  hint: it may implement okplug_collect_manifest, okplug_key_inputs, okplug_build, "
        "okplug_publish, okplug_deliver; the others belong into the okplugfile.py at the root"
    )
