"""From manifests to the graph and the selection."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from okplug import hookimpl
from okplug.collect import Collection, collect
from okplug.errors import Location, ManifestError, PluginError, UsageError
from okplug.manifest import plugin as okteto_plugin
from okplug.manifest.model import Image, Manifest
from okplug.optionvalues import GivenArg
from okplug.testing import FakeRegistry, HookRecorder

if TYPE_CHECKING:
    from pathlib import Path

    from okplug import Registry
    from okplug.config import Config
    from okplug.graph import ImageGraph
    from okplug.testing import Workspace


class RegistryPlugin:
    """Serves one host."""

    @hookimpl
    def okplug_registry(self, host: str) -> Registry | None:
        """Return the registry of registry.test."""
        return FakeRegistry() if host == "registry.test" else None


@pytest.fixture
def two(workspace: Workspace) -> Workspace:
    """Base <- api, and a manifest without images."""
    workspace.write(
        {
            "base/okteto.yaml": "build: {base: .}\n",
            "base/Dockerfile": "FROM scratch\n",
            "api/okteto.yaml": "build: {api: {context: ., args: {A: '1'}, depends_on: 'base:base'}}\n",
            "api/Dockerfile": "ARG A\nFROM scratch\nARG A\nLABEL a=$A\n",
            "docs/okteto.yaml": "deploy: []\n",
        }
    )
    return workspace


def config_of(workspace: Workspace, *plugins: object, **options: object) -> Config:
    return workspace.config(
        plugins=[okteto_plugin, RegistryPlugin(), *plugins],
        settings={"registry": "registry.test", "namespace": "cindy", "names": "{folder}/{name}"},
        options=options,
    )


def collected(workspace: Workspace, *plugins: object, **options: object) -> Collection:
    return collect(config_of(workspace, *plugins, **options))


def warnings_of(config: Config) -> list[str]:
    heard: list[str] = []
    config.on_warning(lambda warned: heard.append(warned.message))
    return heard


def test_all_that_a_workspace_holds(two: Workspace) -> None:
    found = collected(two)
    assert [manifest.path.parent.name for manifest in found.manifests] == ["api", "base", "docs"]
    assert found.graph.order() == ("base:base", "api:api")
    assert found.selection.asked == {"api:api", "base:base"}
    assert found.registries.main.host == "registry.test"


def test_names_follow_the_settings(two: Workspace) -> None:
    found = collected(two)
    image = found.graph.image("api:api")
    assert [str(reference) for reference in found.naming.personal(image)] == [
        "registry.test/cindy/api/api:okteto"
    ]
    assert str(found.naming.shared(image, "0" * 32)) == f"registry.test/okteto/api/api:{'0' * 32}"


def test_the_selection_of_the_command_line(two: Workspace) -> None:
    found = collected(two, selection=["api", "base"], exclude=["base::"], keyword="a")
    assert found.selection.asked == {"api:api"}
    assert found.selection.needed == {"api:api", "base:base"}


def test_a_selection_of_nothing_known(two: Workspace) -> None:
    with pytest.raises(UsageError, match="'nobody' selects no image"):
        collected(two, selection=["nobody"])


def test_a_build_argument_wins_over_the_manifest(two: Workspace) -> None:
    found = collected(two, build_arg=[GivenArg("", "A", "2"), GivenArg("", "B", "3")])
    node = found.graph.node("api:api")
    assert node.args["A"] == "2"
    assert dict(node.resolution.args)["A"] == "2"
    assert "B" not in node.args, "the Dockerfile does not declare it"


def test_what_no_plugin_takes_for_a_manifest_is_none(two: Workspace) -> None:
    two.write({"tools/images.json": "[]"})
    config = two.config(
        plugins=[okteto_plugin, RegistryPlugin()],
        settings={"registry": "registry.test", "manifests": ["okteto.yaml", "images.json"]},
    )
    assert len(collect(config).manifests) == 3


def test_warnings_of_a_reader_are_passed_on(two: Workspace) -> None:
    class Reader:
        """Reads one folder's manifest, and has something to say about it."""

        @hookimpl(tryfirst=True)
        def okplug_collect_manifest(self, path: Path, config: Config) -> Manifest | None:
            """Read base."""
            if path.parent.name != "base":
                return None
            place = Location(path, 1, 1)
            image = Image("base", "base", place, path.parent, path.parent / "Dockerfile")
            assert config.root in path.parents
            return Manifest(path, (image,), ("it is old",))

    config = config_of(two, Reader())
    collect(config)
    assert warnings_of(config) == ["it is old"]


def test_a_folder_that_cannot_be_read_is_a_warning(
    two: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    from okplug import collect as module
    from okplug.manifest.discover import Discovery

    paths = (two.root / "base/okteto.yaml",)
    monkeypatch.setattr(
        module, "find_manifests", lambda *_: Discovery(paths, (), ("api is not searched",))
    )
    config = config_of(two)
    assert len(collect(config).manifests) == 1
    assert warnings_of(config) == ["api is not searched"]


def test_a_wrong_manifest_is_located(two: Workspace) -> None:
    two.write({"api/okteto.yaml": "build: {api: 1}\n"})
    with pytest.raises(ManifestError) as raised:
        collected(two)
    assert raised.value.location is not None
    assert str(raised.value.location).endswith("api/okteto.yaml:1:14")


def test_a_folder_s_plugin_that_cannot_be_loaded(two: Workspace) -> None:
    two.write({"api/okplugfile.py": "1/0\n"})
    with pytest.raises(PluginError, match="division by zero"):
        collected(two)


def test_the_graph_is_given_to_plugins_before_the_selection(two: Workspace) -> None:
    class Rename:
        """Replaces an image by one of another name."""

        @hookimpl
        def okplug_graph_modify(self, graph: ImageGraph) -> None:
            """Drop api."""
            graph.remove_image("api:api")

    recorder = HookRecorder()
    found = collected(two, recorder, Rename(), selection=["::"])
    assert found.selection.asked == {"base:base"}
    assert len(recorder.of("okplug_graph_modify")) == 1


def test_a_graph_that_a_plugin_changes_has_no_name_twice(two: Workspace) -> None:
    class Clash:
        """Gives two images one reference."""

        @hookimpl
        def okplug_graph_modify(self, graph: ImageGraph) -> None:
            """Rename base to api."""
            import dataclasses

            base = graph.image("base:base")
            reference = "registry.test/cindy/api/api:okteto"
            graph.replace_image(dataclasses.replace(base, reference=reference))

    with pytest.raises(ManifestError, match="would both be named"):
        collected(two, Clash())
