"""The plugin that reads okteto's manifests and compose files; ``-p no:okteto`` leaves them out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from okplug.hookspecs import hookimpl

if TYPE_CHECKING:
    from pathlib import Path

    from okplug.config import Config
    from okplug.manifest.model import Manifest


@hookimpl(trylast=True)
def okplug_collect_manifest(path: Path, config: Config) -> Manifest | None:
    """Read any YAML file that no other plugin takes for its own.

    :raises ManifestError: if it is wrong.
    """
    if path.suffix not in {".yml", ".yaml"}:
        return None
    from okplug.manifest.folders import manifest_folder
    from okplug.manifest.imagetables import image_tables
    from okplug.manifest.kinds import kind_of

    environ = config.environ_of(manifest_folder(path))
    registry = config.text("registry")
    tables = image_tables(config)
    if kind_of(path) == "compose":
        from okplug.manifest.compose import Surroundings, read_compose

        return read_compose(path, Surroundings(config.root, environ, registry, tables))
    from okplug.manifest.okteto import read_manifest  # YAML is dear where nothing is read

    return read_manifest(path, config.root, environ, registry, tables)
