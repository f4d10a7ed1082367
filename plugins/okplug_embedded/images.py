"""Images that a build starts from or copies from, read from the registry."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

from okplug import Descriptor, Reference, RegistryError, UsageError
from okplug.oci import read_document
from okplug_embedded.filesystem import FileSystem, FileSystemError
from okplug_embedded.layers import apply_layer, spool

if TYPE_CHECKING:
    from contextlib import ExitStack

    from okplug import Registry


@dataclass(frozen=True, slots=True)
class StoredLayer:
    """A layer in a registry.

    :param diff_id: the digest of what it is when it is not compressed.
    """

    descriptor: Descriptor
    diff_id: str


@dataclass(slots=True)
class SourceImage:
    """An image of one platform; its files are fetched when they are first asked for.

    :param config: the whole configuration document.
    """

    registry: Registry
    reference: Reference
    config: dict[str, Any]
    layers: tuple[StoredLayer, ...]
    spools: ExitStack
    _tree: FileSystem | None = field(default=None)

    def tree(self) -> FileSystem:
        """Return the file system; do not change it.

        :raises RegistryError: if a layer cannot be read.
        :raises FileSystemError: if a layer cannot be unpacked.
        """
        if self._tree is None:
            tree = FileSystem()
            for layer in self.layers:
                apply_layer(tree, self._fetched(layer))
            self._tree = tree
        return self._tree

    def _fetched(self, layer: StoredLayer) -> IO[bytes]:
        stream = self.registry.open_blob(self.reference, layer.descriptor.digest)
        return self.spools.enter_context(spool(stream))


def open_image(
    registry: Registry, reference: Reference, platform: str, spools: ExitStack
) -> SourceImage | None:
    """Return an image of a platform, None if the registry has none of that name.

    :param spools: keeps temporary files open as long as the image is used.
    :raises RegistryError: if it cannot be read.
    :raises FileSystemError: if it has no image for the platform.
    """
    found = registry.read_manifest(reference)
    if found is None:
        return None
    descriptor, data = found
    document = read_document(data, descriptor.media_type)
    if document.manifests:
        chosen = _for_platform(json.loads(data)["manifests"], platform)
        if chosen is None:
            raise FileSystemError(f"{reference} has no image for {platform}")
        return open_image(registry, _by_digest(reference, chosen), platform, spools)
    config, *layers = document.blobs
    with registry.open_blob(reference, config.digest) as stream:
        configuration = json.loads(stream.read())
    diff_ids = configuration.get("rootfs", {}).get("diff_ids", [])
    if len(diff_ids) != len(layers):
        raise RegistryError(f"{reference} contradicts itself: its layers are not its diff_ids")
    stored = tuple(map(StoredLayer, layers, diff_ids))
    by_digest = _by_digest(reference, descriptor.digest)
    return SourceImage(registry, by_digest, configuration, stored, spools)


def named_image(text: str, images: dict[str, Reference]) -> Reference | None:
    """Return the reference that a Dockerfile's text means, None if it is none."""
    if text in images:
        return images[text]
    try:
        reference = Reference.parse(text)
    except UsageError:
        return None
    return reference if reference.tag or reference.digest else reference.with_tag("latest")


def _by_digest(reference: Reference, digest: str) -> Reference:
    return reference.with_tag("").with_digest(digest)


def _for_platform(manifests: list[dict[str, Any]], platform: str) -> str | None:
    wanted = platform.split("/")
    for manifest in manifests:
        has = manifest.get("platform", {})
        if [has.get("os"), has.get("architecture"), has.get("variant", "")][
            : len(wanted)
        ] == wanted:
            return str(manifest["digest"])
    return None
