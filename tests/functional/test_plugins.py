"""Plugins of all origins at work in whole commands that build nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from okplug import hookimpl
from okplug.testing import FakeRegistry, HookRecorder

if TYPE_CHECKING:
    from okplug import Registry
    from okplug.testing import Workspace

JSON_READER = """\
import json
from okplug import Image, Location, Manifest, hookimpl

@hookimpl
def okplug_collect_manifest(path, config):
    if path.suffix != ".json":
        return None
    folder = path.parent.relative_to(config.root).as_posix()
    place = Location(path, 1)
    return Manifest(path, tuple(
        Image(name, folder, place, path.parent, path.parent / "Dockerfile")
        for name in json.loads(path.read_text())
    ))
"""


class RegistryPlugin:
    """Serves every host from memory."""

    @hookimpl
    def okplug_registry(self) -> Registry:
        """Return the registry."""
        return FakeRegistry()


@pytest.fixture
def shop(workspace: Workspace) -> Workspace:
    """Two images of YAML, one of JSON in a folder with a reader of its own, one without."""
    workspace.write(
        {
            "okplug.toml": "manifests = ['okteto.yaml', 'images.json']\n",
            "api/okteto.yaml": "build:\n  api: .\n",
            "api/Dockerfile": "FROM scratch\n",
            "web/okteto.yaml": "build:\n  web: .\n",
            "web/Dockerfile": "FROM scratch\n",
            "tools/okplugfile.py": JSON_READER,
            "tools/lint/images.json": '["lint"]\n',
            "tools/lint/Dockerfile": "FROM scratch\n",
        }
    )
    return workspace


def addresses(workspace: Workspace, *argv: str, plugins: tuple[object, ...] = ()) -> list[str]:
    outcome = workspace.run("list", *argv, plugins=[RegistryPlugin(), *plugins]).assert_ok()
    return [line.split()[0] for line in outcome.stdout.splitlines()]


def test_a_folder_s_plugin_reads_manifests_of_its_own(shop: Workspace) -> None:
    assert addresses(shop) == ["api:api", "tools/lint:lint", "web:web"]


def test_a_folder_s_plugin_reads_none_of_its_neighbours(shop: Workspace) -> None:
    shop.write({"web/images.json": '["web"]\n', "web/okteto.yaml": ""})
    (shop.root / "web/okteto.yaml").unlink()
    assert addresses(shop) == ["api:api", "tools/lint:lint"]


def test_a_folder_s_plugin_can_be_left_out(shop: Workspace) -> None:
    assert addresses(shop, "-p", "no:tools/okplugfile.py") == ["api:api", "web:web"]


def test_the_reader_of_yaml_is_a_plugin_too(shop: Workspace) -> None:
    assert addresses(shop, "-p", "no:okteto") == ["tools/lint:lint"]


def test_the_graph_is_changed_once_and_before_the_selection(shop: Workspace) -> None:
    recorder = HookRecorder()
    addresses(shop, "api", plugins=(recorder,))
    names = [name for name in recorder.names() if name != "okplug_registry"]
    assert names == [
        "okplug_addoption",
        "okplug_configure",
        *["okplug_collect_manifest"] * 3,
        "okplug_graph_modify",
        "okplug_unconfigure",
    ]


def test_the_root_s_plugin_may_drop_images(shop: Workspace) -> None:
    shop.write(
        {
            "okplugfile.py": """
            from okplug import hookimpl

            @hookimpl
            def okplug_graph_modify(graph):
                graph.remove_image("web:web")
            """
        }
    )
    assert addresses(shop) == ["api:api", "tools/lint:lint"]


def test_a_fault_of_a_folder_s_plugin_names_its_file(shop: Workspace) -> None:
    shop.write({"tools/lint/images.json": "{"})
    outcome = shop.run("list", plugins=[RegistryPlugin()]).assert_exit(3)
    assert outcome.stderr.startswith(
        "internal error, in plugin tools/okplugfile.py: JSONDecodeError: "
    )
