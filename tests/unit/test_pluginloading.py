from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from okplug.errors import PluginError
from okplug.pluginloading import INTERNAL, Wanted, load_plugins
from okplug.testing import HookRecorder

if TYPE_CHECKING:
    from pathlib import Path

    from okplug.pluginmanager import PluginManager

PLUGIN = """\
from okplug import hookimpl

@hookimpl
def okplug_registry(host):
    return host + " by " + __name__
"""
NO_CORE = tuple(f"no:{name}" for name in INTERNAL)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two distributions, and nothing else that has entry points."""
    site = tmp_path / "site"
    modules = {
        "loading_ecr": PLUGIN,
        "loading_gcr": PLUGIN + "\nclass Plugins:\n    inner = object()\n",
        "loading_broken": "import nowhere_at_all\n",
        "loading_plain": PLUGIN,
    }
    site.mkdir()
    for name, text in modules.items():
        (site / f"{name}.py").write_text(text)
    points = {
        "Okplug_ECR-1.2": "ecr = loading_ecr\n",
        "gcr-2.0": "gcr = loading_gcr:Plugins.inner\n",
    }
    for name, text in points.items():
        (site / f"{name}.dist-info").mkdir()
        (site / f"{name}.dist-info/entry_points.txt").write_text(f"[okplug]\n{text}")
    standard = [entry for entry in sys.path if "-packages" not in entry]
    monkeypatch.setattr(sys, "path", [str(site), *standard])
    for name in modules:
        monkeypatch.delitem(sys.modules, name, raising=False)
    return site


def add_entry_point(site: Path, name: str, value: str) -> None:
    (site / f"{name}-3.0.dist-info").mkdir()
    (site / f"{name}-3.0.dist-info/entry_points.txt").write_text(f"[okplug]\n{name} = {value}\n")


def load(
    root: Path, *names: str, autoload: bool = True, plugins: tuple[object, ...] = ()
) -> PluginManager:
    return load_plugins(root, Wanted((*NO_CORE, *names), plugins, autoload))


def names(manager: PluginManager) -> list[str]:
    return [info.name for info in manager.plugins()]


def refusal(root: Path, *names: str) -> str:
    with pytest.raises(PluginError) as caught:
        load(root, *names)
    return str(caught.value)


def test_the_core_s_own_plugins_are_plugins(site: Path) -> None:
    manager = load_plugins(site, Wanted(autoload=False))
    assert names(manager) == list(INTERNAL)
    assert {info.origin for info in manager.plugins()} == {"okplug"}


def test_each_of_the_core_s_plugins_can_be_left_out(site: Path) -> None:
    manager = load_plugins(site, Wanted(("no:plan",), autoload=False))
    assert names(manager) == [name for name in INTERNAL if name != "plan"]


def test_entry_points_are_loaded_with_their_version(site: Path) -> None:
    found = [(info.name, info.version, info.origin) for info in load(site).plugins()]
    assert found == [
        ("ecr", "1.2", "entry point of Okplug-ECR"),
        ("gcr", "2.0", "entry point of gcr"),
    ]


def test_entry_points_can_be_left_to_those_who_ask(site: Path) -> None:
    assert names(load(site, autoload=False)) == []
    assert names(load(site, "ecr", autoload=False)) == ["ecr"]


def test_an_entry_point_that_is_left_out_is_not_imported(site: Path) -> None:
    add_entry_point(site, "broken", "loading_broken")
    assert names(load(site, "no:broken")) == ["ecr", "gcr"]
    assert "loading_broken" not in sys.modules


def test_the_last_word_on_a_plugin_counts(site: Path) -> None:
    assert names(load(site, "no:ecr", "ecr")) == ["ecr", "gcr"]
    assert names(load(site, "ecr", "no:ecr")) == ["gcr"]


def test_a_plugin_can_be_named_by_its_module(site: Path) -> None:
    manager = load(site, "loading_plain")
    assert names(manager) == ["ecr", "gcr", "loading_plain"]
    assert manager.plugins()[-1].path == str(site / "loading_plain.py")


@pytest.mark.parametrize("autoload", [True, False])
def test_the_module_of_an_entry_point_is_that_entry_point(site: Path, *, autoload: bool) -> None:
    manager = load(site, "loading_ecr", "no:gcr", autoload=autoload)
    assert names(manager) == ["ecr"]


def test_a_plugin_that_is_nowhere_is_an_error_with_a_guess(site: Path) -> None:
    hint = "\n  hint: a plugin is named by its entry point or by its module"
    assert refusal(site, "ecrr") == f"there is no plugin ecrr, did you mean 'ecr'?{hint}"
    assert refusal(site, "x.y.z") == f"there is no plugin x.y.z{hint}"
    assert refusal(site, "") == f"there is no plugin {hint}"


def test_a_plugin_that_cannot_be_imported_can_be_left_out(site: Path) -> None:
    assert refusal(site, "loading_broken") == (
        "plugin loading_broken cannot be imported: ModuleNotFoundError: "
        "No module named 'nowhere_at_all'\n"
        "  hint: -p no:loading_broken runs without it"
    )
    add_entry_point(site, "broken", "loading_broken")
    assert refusal(site) == (
        "plugin broken 3.0 (of broken) cannot be imported: ModuleNotFoundError: "
        "No module named 'nowhere_at_all'\n"
        "  hint: -p no:broken runs without it"
    )


def test_an_attribute_that_is_not_there_is_an_error(site: Path) -> None:
    add_entry_point(site, "hollow", "loading_plain:Nope.inner")
    assert refusal(site) == (
        "plugin hollow 3.0 (of hollow): loading_plain has no Nope.inner\n"
        "  hint: -p no:hollow runs without it"
    )


def test_objects_have_names_of_their_own(site: Path) -> None:
    class Named:
        __name__ = "mine"

    plugins = (HookRecorder(), HookRecorder(), HookRecorder(), Named())
    manager = load(site, autoload=False, plugins=plugins)
    assert names(manager) == ["HookRecorder", "HookRecorder-2", "HookRecorder-3", "mine"]


@pytest.mark.usefixtures("site")
def test_the_root_s_file_is_loaded_last_and_asked_first(tmp_path: Path) -> None:
    (tmp_path / "okplugfile.py").write_text(PLUGIN)
    manager = load(tmp_path, "loading_plain")
    assert names(manager)[-1] == "okplugfile.py"
    answer: object = manager.registry("host", None)  # type: ignore[arg-type]  # no plugin reads it
    assert str(answer).startswith("host by okplugfile_")


@pytest.mark.usefixtures("site")
def test_the_root_s_file_can_be_left_out(tmp_path: Path) -> None:
    (tmp_path / "okplugfile.py").write_text("raise AssertionError('left out')\n")
    assert names(load(tmp_path, "no:okplugfile.py")) == ["ecr", "gcr"]
