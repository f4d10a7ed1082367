"""The manifests of a workspace together: which are read, and which images count."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from okplug.config import Config
    from okplug.manifest.model import Image, Manifest


def read_manifests(paths: Iterable[Path], config: Config) -> list[Manifest]:
    """Have the plugins read files; those that no plugin takes, or another file claims, are left.

    :raises ManifestError: if one is wrong.
    """
    found = [config.plugins.collect_manifest(path, config) for path in paths]
    claimed = {path for manifest in found if manifest for path in manifest.claims}
    manifests = [manifest for manifest in found if manifest and manifest.path not in claimed]
    for manifest in manifests:
        for warning in manifest.warnings:
            config.warn(warning)
    return manifests


def all_images(manifests: Iterable[Manifest]) -> list[Image]:
    """Return the images of all manifests, and those that some include and none has for its own."""
    manifests = tuple(manifests)
    images = [image for manifest in manifests for image in manifest.images]
    taken = {image.address for image in images}
    for manifest in manifests:
        for image in manifest.included:
            if image.address not in taken:
                taken.add(image.address)
                images.append(image)
    return images
