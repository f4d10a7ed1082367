"""The plugin that reads okteto's manifests and compose files; ``-p no:okteto`` leaves them out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from okplug.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from okplug.config import Config
    from okplug.manifest.decode import Field
    from okplug.manifest.imagetables import ImageTable
    from okplug.manifest.model import Manifest


@hookimpl(trylast=True)
def okplug_collect_manifest(path: Path, config: Config) -> Manifest | None:
    """Read any YAML file that no other plugin takes for its own.

    :raises ManifestError: if it is wrong.
    """
    if path.suffix not in {".yml", ".yaml"}:
        return None
    from okplug.manifest.kinds import kind_of

    if kind_of(path) != "compose":
        return read_okteto(path, config)
    from okplug.manifest.compose import Surroundings, read_compose

    return read_compose(path, Surroundings(config.root, *_surroundings(path, config)))


def read_okteto(
    path: Path, config: Config, sections: Mapping[str, Field] | None = None
) -> Manifest:
    """Read an okteto manifest.

    :param sections: what the file holds; without, it is read.
    :raises ManifestError: if it is wrong.
    """
    from okplug.manifest.okteto import read_manifest  # YAML is dear where nothing is read

    return read_manifest(path, config.root, *_surroundings(path, config), sections)


def _surroundings(
    path: Path, config: Config
) -> tuple[Mapping[str, str], str, Sequence[ImageTable]]:
    """Return the variables, the registry and the tables of the settings file for a manifest."""
    from okplug.manifest.folders import manifest_folder
    from okplug.manifest.imagetables import image_tables

    environ = config.environ_of(manifest_folder(path))
    return environ, config.text("registry"), image_tables(config)
