"""The plugin that reads ``okteto.yaml``; ``-p no:okteto`` leaves manifests to other plugins."""

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
    from okplug.manifest.okteto import read_manifest  # YAML is dear where nothing is read

    folder = path.parent.parent if path.parent.name == ".okteto" else path.parent
    return read_manifest(path, config.root, config.environ_of(folder))
