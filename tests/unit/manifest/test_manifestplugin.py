from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from okplug.errors import ManifestError
from okplug.manifest.plugin import okplug_collect_manifest
from okplug.testing import make_workspace

if TYPE_CHECKING:
    from pathlib import Path

    from okplug.testing import Workspace


@pytest.fixture
def shop(tmp_path: Path) -> Workspace:
    """A workspace that has a configuration."""
    return make_workspace(tmp_path)


@pytest.mark.parametrize("name", ["okteto.yml", "okteto.yaml", "images.yaml"])
def test_yaml_is_read_with_the_environment_of_the_run(shop: Workspace, name: str) -> None:
    shop.environ["WHERE"] = "."
    shop.write({"Dockerfile": "FROM scratch\n", name: "build:\n  api: $WHERE\n"})
    manifest = okplug_collect_manifest(shop.root / name, shop.config())
    assert manifest is not None
    assert [image.address for image in manifest.images] == [":api"]


@pytest.mark.parametrize("name", ["compose.yml", "docker-compose.dev.yaml", "images.yaml"])
def test_compose_files_are_read_with_the_users_registry(shop: Workspace, name: str) -> None:
    file = "services:\n  a: {build: $WHERE, image: reg.test/a}\n  b: {build: ., image: other/b}\n"
    shop.environ["WHERE"] = "."
    shop.write({"Dockerfile": "FROM scratch\n", name: file})
    config = shop.config(settings={"registry": "reg.test"})
    manifest = okplug_collect_manifest(shop.root / name, config)
    assert manifest is not None
    assert [(image.address, image.reference) for image in manifest.images] == [
        (":a", "reg.test/a"),
        (":b", ""),
    ]


@pytest.mark.parametrize("name", ["images.toml", "okteto", "okteto.yml.orig"])
def test_files_of_other_kinds_are_left_to_other_plugins(shop: Workspace, name: str) -> None:
    shop.write({name: "["})
    assert okplug_collect_manifest(shop.root / name, shop.config()) is None


def test_a_wrong_manifest_is_an_error(shop: Workspace) -> None:
    shop.write({"okteto.yml": "["})
    with pytest.raises(ManifestError, match="this is not YAML"):
        okplug_collect_manifest(shop.root / "okteto.yml", shop.config())
