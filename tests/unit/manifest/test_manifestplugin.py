from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, cast

import pytest

from okplug.errors import ManifestError
from okplug.manifest.plugin import okplug_collect_manifest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from okplug.config import Config


def config(root: Path, environ: Mapping[str, str]) -> Config:
    """Return what the plugin asks a configuration for."""
    return cast("Config", argparse.Namespace(root=root, environ=environ))


@pytest.mark.parametrize("name", ["okteto.yml", "okteto.yaml", "images.yaml"])
def test_yaml_is_read_with_the_environment_of_the_run(tmp_path: Path, name: str) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    path = tmp_path / name
    path.write_text("build:\n  api: $WHERE\n")
    manifest = okplug_collect_manifest(path, config(tmp_path, {"WHERE": "."}))
    assert manifest is not None
    assert [image.address for image in manifest.images] == [":api"]


@pytest.mark.parametrize("name", ["images.toml", "okteto", "okteto.yml.orig"])
def test_files_of_other_kinds_are_left_to_other_plugins(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("[")
    assert okplug_collect_manifest(tmp_path / name, config(tmp_path, {})) is None


def test_a_wrong_manifest_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "okteto.yml").write_text("[")
    with pytest.raises(ManifestError, match="this is not YAML"):
        okplug_collect_manifest(tmp_path / "okteto.yml", config(tmp_path, {}))
