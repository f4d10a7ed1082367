from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from okplug.commandline import Parser
from okplug.errors import Location, PluginError
from okplug.events import RunFinished
from okplug.hookspecs import hookimpl
from okplug.manifest.model import Image
from okplug.pluginfile import load_plugin_file
from okplug.pluginmanager import WORKSPACE, PluginInfo, PluginManager, Provenance
from okplug.testing import HookRecorder

if TYPE_CHECKING:
    from collections.abc import Mapping

HERE = Provenance("test")
NOTHING: Any = object()


def image(folder: str, name: str = "api") -> Image:
    place = Location(Path("/shop", folder, "okteto.yaml"), 2)
    return Image(name, folder, place, Path("/shop", folder), Path("/shop", folder, "Dockerfile"))


class KeyInput:
    """Gives what it has."""

    def __init__(self, given: Any) -> None:
        self.given = given

    @hookimpl
    def okplug_key_inputs(self, image: Image) -> Mapping[str, str] | None:
        """Give it."""
        assert image
        given: Mapping[str, str] | None = self.given
        return given


def manager(*plugins: object, root: Path = Path("/shop")) -> PluginManager:
    made = PluginManager(root)
    for number, plugin in enumerate(plugins, start=1):
        made.register(plugin, f"plugin-{number}", HERE)
    return made


# -------------------------------------------------------------------------------- registration


def test_a_plugin_is_known_by_its_name() -> None:
    recorder = HookRecorder()
    plugins = manager(recorder)
    assert plugins.has_plugin("plugin-1")
    assert plugins.get_plugin("plugin-1") is recorder
    assert plugins.get_plugin("nope") is None


def test_what_is_known_of_a_plugin() -> None:
    plugins = PluginManager(Path("/shop"))
    plugins.register(KeyInput({}), "key", Provenance("entry point of demo", "1.0"))
    plugins.register(SimpleNamespace(__file__="/shop/x.py"), "empty", HERE)
    assert plugins.plugins() == (
        PluginInfo("key", "1.0", "entry point of demo", "", None, ("okplug_key_inputs",)),
        PluginInfo("empty", "", "test", "/shop/x.py", None, ()),
    )
    assert [str(plugin) for plugin in plugins.plugins()] == [
        "key 1.0 (entry point of demo)\n  okplug_key_inputs",
        "empty (test, /shop/x.py)\n  no hooks",
    ]


def test_hooks_are_listed_in_the_order_of_a_run() -> None:
    (info,) = manager(HookRecorder()).plugins()
    assert info.hooks[:3] == ("okplug_addoption", "okplug_configure", "okplug_collect_manifest")
    assert info.hooks[-1] == "okplug_unconfigure"


def test_a_name_is_given_once() -> None:
    plugins = manager()
    plugins.register(KeyInput({}), "key", Provenance("entry point of a"))
    with pytest.raises(PluginError) as caught:
        plugins.register(KeyInput({}), "key", Provenance("entry point of b"))
    assert str(caught.value) == (
        "there are two plugins named key: one from entry point of a, one from entry point of b\n"
        "  hint: leave both out with -p no:key, or uninstall one"
    )


def test_a_plugin_that_breaks_a_contract_is_named_with_its_version() -> None:
    class Wrong:
        @hookimpl
        def okplug_key_inputs(self, imago: object) -> None: ...

    with pytest.raises(PluginError, match=r"demo 1\.0: okplug_key_inputs has an argument imago"):
        manager().register(Wrong(), "demo", Provenance("x", "1.0"))


def test_a_blocked_plugin_stays_out() -> None:
    plugins = manager()
    plugins.block("key")
    plugins.register(KeyInput({"a": "b"}), "key", HERE)
    assert plugins.is_blocked("key")
    assert plugins.plugins() == ()
    assert plugins.key_inputs(image("api"), NOTHING) == {}


def test_a_plugin_that_is_there_can_be_blocked() -> None:
    plugins = manager(KeyInput({"a": "b"}))
    plugins.block("plugin-1")
    assert not plugins.has_plugin("plugin-1")
    assert plugins.key_inputs(image("api"), NOTHING) == {}


def test_calls_can_be_traced() -> None:
    lines: list[str] = []
    plugins = manager(KeyInput({"a": "b"}))
    plugins.trace_calls(lines.append)
    plugins.key_inputs(image("api"), NOTHING)
    assert "okplug_key_inputs [hook]\n" in lines[0]
    assert "[{'a': 'b'}]" in "".join(lines)


# --------------------------------------------------------------------------------------- hooks


def test_every_hook_reaches_plugins_with_its_arguments() -> None:
    recorder = HookRecorder()
    plugins = manager(recorder)
    config: Any = SimpleNamespace(root=Path("/shop"))
    step: Any = SimpleNamespace(image=image("api"))
    event = RunFinished(0.0, 0, 0.0, ())
    artifact: Any = "artifact"
    graph: Any = "graph"
    plan: Any = "plan"
    report: Any = "report"
    control: Any = "control"
    plugins.addoption(Parser())
    plugins.configure(config)
    assert plugins.collect_manifest(Path("/shop/api/okteto.yaml"), config) is None
    plugins.graph_modify(graph, config)
    assert plugins.key_inputs(step.image, config) == {}
    assert plugins.registry("host", config) is None
    assert plugins.builder(config) is None
    plugins.plan_modify(plan, config)
    assert plugins.build(step, config) is None
    plugins.publish(step, artifact, config)
    plugins.deliver(step, artifact, config, control)
    plugins.event(event)
    plugins.finish(report, config)
    plugins.unconfigure(config)
    assert [(call.hook, call.arguments) for call in recorder.calls] == [
        ("okplug_addoption", {}),
        ("okplug_configure", {}),
        ("okplug_collect_manifest", {"path": Path("/shop/api/okteto.yaml")}),
        ("okplug_graph_modify", {"graph": "graph"}),
        ("okplug_key_inputs", {"image": step.image}),
        ("okplug_registry", {"host": "host"}),
        ("okplug_builder", {}),
        ("okplug_plan_modify", {"plan": "plan"}),
        ("okplug_build", {"step": step}),
        ("okplug_publish", {"step": step, "artifact": "artifact"}),
        ("okplug_deliver", {"step": step, "artifact": "artifact", "control": "control"}),
        ("okplug_event", {"event": event}),
        ("okplug_finish", {"report": "report"}),
        ("okplug_unconfigure", {}),
    ]
    assert recorder.events() == (event,)


class Decider:
    """Answers every hook that decides, or none."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked = 0

    def _decide(self) -> Any:
        self.asked += 1
        return self.answer

    @hookimpl
    def okplug_collect_manifest(self) -> Any:
        """Answer."""
        return self._decide()

    @hookimpl
    def okplug_registry(self) -> Any:
        """Answer."""
        return self._decide()

    @hookimpl
    def okplug_builder(self) -> Any:
        """Answer."""
        return self._decide()

    @hookimpl
    def okplug_build(self) -> Any:
        """Answer."""
        return self._decide()


def test_the_first_plugin_that_decides_counts() -> None:
    """The one that is registered last is asked first."""
    core, plain, silent = Decider("core"), Decider("plain"), Decider(None)
    plugins = manager(core, plain, silent)
    config: Any = SimpleNamespace(root=Path("/shop"))
    step: Any = SimpleNamespace(image=image("api"))
    answers: list[object] = [
        plugins.collect_manifest(Path("/shop/okteto.yaml"), config),
        plugins.registry("host", config),
        plugins.builder(config),
        plugins.build(step, config),
    ]
    assert answers == ["plain"] * 4
    assert (silent.asked, plain.asked, core.asked) == (4, 4, 0)


def test_key_inputs_of_all_plugins_count_in_one_order() -> None:
    first = manager(KeyInput({"b": "1"}), KeyInput(None), KeyInput({"a": "2", "b": "1"}))
    second = manager(KeyInput({"a": "2", "b": "1"}), KeyInput({"b": "1"}))
    expected = [("a", "2"), ("b", "1")]
    assert list(first.key_inputs(image("api"), NOTHING).items()) == expected
    assert list(second.key_inputs(image("api"), NOTHING).items()) == expected


def test_key_inputs_that_contradict_are_refused() -> None:
    with pytest.raises(PluginError) as caught:
        manager(KeyInput({"a": "1"}), KeyInput({"a": "2"})).key_inputs(image("api"), NOTHING)
    assert str(caught.value) == (
        "/shop/api/okteto.yaml:2: api:api: two plugins give the key input 'a' different values\n"
        "  hint: okplug plugins tells which ones implement okplug_key_inputs"
    )


@pytest.mark.parametrize("given", ["text", {"a": 1}, {1: "a"}, [("a", "b")]])
def test_key_inputs_are_texts(given: object) -> None:
    with pytest.raises(
        PluginError, match=r"^okplug_key_inputs: expected names and values as texts"
    ):
        manager(KeyInput(given)).key_inputs(image("api"), NOTHING)


# -------------------------------------------------------------------------------------- folders

KEY_PLUGIN = """\
from okplug import hookimpl

@hookimpl
def okplug_key_inputs(image):
    return {{{name!r}: image.name}}
"""


@pytest.fixture
def shop(tmp_path: Path) -> PluginManager:
    """A manager with three files: for services, services/api and libs."""
    folders = ("services", "services/api", "libs")
    for folder in folders:
        path = tmp_path / folder / "okplugfile.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(KEY_PLUGIN.format(name=folder))
    (tmp_path / "okplugfile.py").write_text("raise AssertionError('the root is loaded before')\n")
    plugins = PluginManager(tmp_path)
    plugins.load_folder_plugins(
        [tmp_path / "okplugfile.py", *(tmp_path / folder / "okplugfile.py" for folder in folders)]
    )
    return plugins


@pytest.mark.parametrize(
    ("folder", "asked"),
    [
        ("", []),
        ("services", ["services"]),
        ("services/api", ["services", "services/api"]),
        ("services/api/deep", ["services", "services/api"]),
        ("services/api2", ["services"]),
        ("services2", []),
        ("libs", ["libs"]),
    ],
)
def test_a_folder_s_plugin_is_asked_for_what_is_below_it(
    shop: PluginManager, folder: str, asked: list[str]
) -> None:
    assert list(shop.key_inputs(image(folder), NOTHING)) == asked


def test_a_folder_s_plugin_is_named_by_its_path(shop: PluginManager) -> None:
    assert [(info.name, info.folder) for info in shop.plugins()] == [
        ("services/okplugfile.py", "services"),
        ("services/api/okplugfile.py", "services/api"),
        ("libs/okplugfile.py", "libs"),
    ]


def test_a_folder_s_plugin_reads_manifests_below_it(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    path = tmp_path / "a/okplugfile.py"
    path.write_text(
        "from okplug import hookimpl\n"
        "@hookimpl\ndef okplug_collect_manifest(path):\n    return path.name\n"
    )
    plugins = PluginManager(tmp_path)
    plugins.load_folder_plugins([path])
    config: Any = SimpleNamespace(root=tmp_path)
    found: object = plugins.collect_manifest(tmp_path / "a/b/okteto.yaml", config)
    assert found == "okteto.yaml"
    assert plugins.collect_manifest(tmp_path / "okteto.yaml", config) is None


def test_a_folder_s_plugin_can_be_left_out(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/okplugfile.py").write_text("raise AssertionError('left out')\n")
    plugins = PluginManager(tmp_path)
    plugins.block("a/okplugfile.py")
    plugins.load_folder_plugins([tmp_path / "a/okplugfile.py"])
    assert plugins.plugins() == ()


def test_a_folder_s_plugin_can_go_again(shop: PluginManager) -> None:
    shop.block("services/okplugfile.py")
    assert list(shop.key_inputs(image("services/api"), NOTHING)) == ["services/api"]


def test_a_folder_s_plugin_cannot_change_the_run(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/okplugfile.py").write_text(
        "from okplug import hookimpl\n@hookimpl\ndef okplug_event(event): ...\n"
    )
    with pytest.raises(PluginError) as caught:
        PluginManager(tmp_path).load_folder_plugins([tmp_path / "a/okplugfile.py"])
    assert caught.value.message == (
        "a/okplugfile.py serves one folder and cannot implement okplug_event"
    )
    assert caught.value.location == Location(tmp_path / "a/okplugfile.py", 2)


def test_a_folder_s_plugin_publishes_the_images_below_it(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    path = tmp_path / "a/okplugfile.py"
    path.write_text(
        "from okplug import hookimpl\n"
        "@hookimpl\ndef okplug_publish(step, artifact):\n    artifact.append(step.image.folder)\n"
    )
    plugins = PluginManager(tmp_path)
    plugins.load_folder_plugins([path])
    published: Any = []
    for folder in ("a", "a/b", "b", ""):
        step: Any = SimpleNamespace(image=image(folder))
        plugins.publish(step, published, NOTHING)
    assert published == ["a", "a/b"]


def test_plugins_see_what_others_made_of_the_graph_and_the_plan() -> None:
    class Step:
        def __init__(self, name: str) -> None:
            self.name = name

        @hookimpl
        def okplug_graph_modify(self, graph: Any) -> None:
            """Note the turn."""
            graph.append(self.name)

        @hookimpl
        def okplug_plan_modify(self, plan: Any) -> None:
            """Note the turn."""
            plan.append(self.name)

    plugins = manager(Step("first"), Step("second"))
    graph: Any = []
    plan: Any = []
    plugins.graph_modify(graph, NOTHING)
    plugins.plan_modify(plan, NOTHING)
    assert graph == plan == ["second", "first"]


# --------------------------------------------------------------------------------------- faults


def test_the_plugin_that_fails_is_named() -> None:
    class Faulty:
        @hookimpl
        def okplug_configure(self) -> None:
            raise ValueError("oh")

    plugins = PluginManager(Path("/shop"))
    plugins.register(Faulty(), "faulty", Provenance("entry point of demo", "1.0"))
    plugins.register(HookRecorder(), "recorder", HERE)
    with pytest.raises(ValueError, match=r"^oh$") as caught:
        plugins.configure(NOTHING)
    assert plugins.blame(caught.value) == "faulty 1.0"


def test_no_plugin_is_named_for_a_fault_of_okplug() -> None:
    assert manager(HookRecorder()).blame(ValueError("oh")) == ""


# ---------------------------------------------------------------------------- another checkout


def plugin_file(folder: Path, salt: str) -> Path:
    """Write a plugin that tells itself from those of other checkouts."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "okplugfile.py"
    path.write_text(
        "from okplug import hookimpl\n"
        "@hookimpl\ndef okplug_configure(config):\n    config.append('configured')\n"
        "@hookimpl\ndef okplug_unconfigure(config):\n    config.append('unconfigured')\n"
        f"@hookimpl\ndef okplug_key_inputs(image):\n    return {{{salt!r}: '1'}}\n"
    )
    return path


def test_another_checkout_has_its_own_files_and_all_other_plugins(tmp_path: Path) -> None:
    here = PluginManager(tmp_path / "here")
    shared = KeyInput({"shared": "1"})
    here.register(shared, "shared", HERE)
    path = plugin_file(tmp_path / "here", "here")
    here.register(load_plugin_file(path), "okplugfile.py", Provenance(WORKSPACE))
    here.register(KeyInput({"folder": "1"}), "a/okplugfile.py", Provenance(WORKSPACE, folder="a"))
    plugin_file(tmp_path / "there", "there")
    there = here.at(tmp_path / "there")
    assert there.key_inputs(image("a"), NOTHING) == {"shared": "1", "there": "1"}
    assert here.key_inputs(image("a"), NOTHING) == {"folder": "1", "here": "1", "shared": "1"}
    assert there.get_plugin("shared") is shared


def test_another_checkout_without_a_file(tmp_path: Path) -> None:
    here = manager(KeyInput({"shared": "1"}), root=tmp_path)
    there = here.at(tmp_path / "empty")
    assert there.key_inputs(image("a"), NOTHING) == {"shared": "1"}
    said: Any = []
    there.configure_workspace(said)
    there.unconfigure_workspace(said)
    assert said == []


def test_what_is_left_out_here_is_left_out_there(tmp_path: Path) -> None:
    here = PluginManager(tmp_path / "here")
    for name in ("okplugfile.py", "a/okplugfile.py"):
        here.block(name)
    plugin_file(tmp_path / "there", "there")
    there = here.at(tmp_path / "there")
    there.load_folder_plugins([plugin_file(tmp_path / "there/a", "folder")])
    assert there.key_inputs(image("a"), NOTHING) == {}


def test_only_the_root_s_file_sets_up_again(tmp_path: Path) -> None:
    class Loud:
        """Must not be set up twice."""

        @hookimpl
        def okplug_configure(self) -> None:
            raise AssertionError

        @hookimpl
        def okplug_unconfigure(self) -> None:
            raise AssertionError

    plugin_file(tmp_path / "there", "there")
    there = manager(Loud(), root=tmp_path).at(tmp_path / "there")
    said: Any = []
    there.configure_workspace(said)
    there.unconfigure_workspace(said)
    assert said == ["configured", "unconfigured"]
