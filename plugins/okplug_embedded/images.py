"""Images that a build starts from or copies from, read from the registry."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from okplug import Reference, RegistryError, UsageError
from okplug.oci import read_document
from okplug_embedded.baselayers import StoredLayer, apply_layer
from okplug_embedded.failures import NEEDS_BUILDKIT, InstructionError
from okplug_embedded.filesystem import FileSystem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from okplug import Descriptor, Registry

_KEPT_TREES = 16
#: the variant of an architecture that names none
_PLAIN_VARIANTS = {"amd64": 1, "arm": 7, "arm64": 8}


@dataclass(frozen=True, slots=True, eq=False)
class SourceImage:
    """An image of one platform.

    :param config: the whole configuration document.
    """

    reference: Reference
    config: Mapping[str, Any]
    layers: tuple[StoredLayer, ...]

    @property
    def runtime(self) -> dict[str, Any]:
        """What containers start with."""
        return dict(self.config.get("config") or {})

    @property
    def platform(self) -> str:
        """``os/arch[/variant]``."""
        names = ("os", "architecture", "variant")
        return "/".join(str(self.config[name]) for name in names if self.config.get(name))


class Images:
    """Opens images, and keeps the trees of those that were read last; for several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._trees: OrderedDict[Reference, FileSystem] = OrderedDict()

    def tree(self, image: SourceImage, check: Callable[[], None]) -> FileSystem:
        """Return the file system of an image, which the caller may change.

        :param check: called again and again; what it raises ends the work.
        :raises RegistryError: if a layer cannot be read.
        :raises InstructionError: if a layer cannot be unpacked.
        """
        with self._lock:
            tree = self._trees.get(image.reference)
        if tree is None:
            tree = FileSystem()
            for layer in image.layers:
                apply_layer(tree, layer, check)
            tree.forget_changes()
        with self._lock:
            self._trees[image.reference] = tree
            self._trees.move_to_end(image.reference)
            while len(self._trees) > _KEPT_TREES:
                self._trees.popitem(last=False)
            return tree.copy()


def parse_name(text: str, images: Mapping[str, Reference]) -> Reference:
    """Return the reference that a Dockerfile's text means.

    :param images: those that are known by digest, by text.
    :raises InstructionError: if it is no reference.
    """
    if text in images:
        return images[text]
    try:
        reference = Reference.parse(text)
    except UsageError as error:
        raise InstructionError(error.message, hint=error.hint, near=text) from error
    return reference if reference.tag or reference.digest else reference.with_tag("latest")


def open_image(registry: Registry, reference: Reference, platform: str) -> SourceImage:
    """Return an image of a platform.

    :raises RegistryError: if the registry cannot be read.
    :raises InstructionError: if it has no such image, or none for the platform.
    """
    found = registry.read_manifest(reference)
    if found is None:
        raise InstructionError(
            f"the registry has no image {reference}",
            hint=f"it is {registry.describe()}; copy the image there, or name a BuildKit, "
            "which fetches it, with --builder or BUILDKIT_HOST",
        )
    descriptor, data = found
    reference = _by_digest(reference, descriptor.digest)
    document = read_document(data, descriptor.media_type)
    if document.manifests:
        chosen = _choose(reference, json.loads(data)["manifests"], platform)
        return open_image(registry, _by_digest(reference, chosen), platform)
    if len(document.blobs) != 1 + len(json.loads(data).get("layers") or ()):
        raise InstructionError(
            f"the image {reference} has layers that are kept elsewhere", hint=NEEDS_BUILDKIT
        )
    return _read_image(registry, reference, document.blobs)


def _read_image(
    registry: Registry, reference: Reference, blobs: Sequence[Descriptor]
) -> SourceImage:
    config, *layers = blobs
    with registry.open_blob(reference, config.digest) as stream:
        data = stream.read()
    try:
        document = json.loads(data)
        diff_ids = document["rootfs"]["diff_ids"] or []
    except (ValueError, TypeError, LookupError) as error:
        raise RegistryError(f"the configuration of {reference} is no image's") from error
    if len(diff_ids) != len(layers):
        raise RegistryError(
            f"{reference} contradicts itself: {len(layers)} layers and {len(diff_ids)} diff_ids"
        )
    stored = (
        StoredLayer(registry, reference, layer, diff_id)
        for layer, diff_id in zip(layers, diff_ids, strict=True)
    )
    return SourceImage(reference, document, tuple(stored))


def _by_digest(reference: Reference, digest: str) -> Reference:
    return reference.with_tag("").with_digest(digest)


def _choose(reference: Reference, manifests: list[dict[str, Any]], platform: str) -> str:
    """Return the digest of the image that suits a platform best.

    A machine runs what is made for a lower variant of its architecture.
    """
    system, architecture, wanted = _parts(*platform.split("/"))
    best, digest = -1.0, ""
    for manifest in manifests:
        its = manifest.get("platform") or {}
        names = (its.get("os", ""), its.get("architecture", ""), its.get("variant") or "")
        other_system, other, variant = _parts(*names)
        if (other_system, other) == (system, architecture) and best < variant <= wanted:
            best, digest = variant, str(manifest["digest"])
    if not digest:
        known = sorted({_name(manifest.get("platform") or {}) for manifest in manifests} - {""})
        raise InstructionError(
            f"the image {reference} has nothing for {platform}",
            hint=f"it is for {', '.join(known)}" if known else "its index names no platform",
        )
    return digest


def _parts(system: str, architecture: str = "", variant: str = "") -> tuple[str, str, float]:
    try:
        number = float(variant.removeprefix("v") or _PLAIN_VARIANTS.get(architecture, 0))
    except ValueError:
        return system, f"{architecture}/{variant}", 0
    return system, architecture, number


def _name(platform: dict[str, str]) -> str:
    if platform.get("os") == "unknown":  # what attests to an image is none itself
        return ""
    return "/".join(
        platform[name] for name in ("os", "architecture", "variant") if name in platform
    )
