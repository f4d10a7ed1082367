"""Point a tag at an image, whichever registries the two are in."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from okplug.errors import RegistryError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from okplug.backends import Descriptor, Registry
    from okplug.reference import Reference


def point(source: Registry, image: Reference, target: Registry, tag: Reference) -> Descriptor:
    """Make *tag* of the target registry the image of the source registry, every platform of it.

    :raises RegistryError: if the image is not there, or a registry cannot be read or written.
    """
    if source is target:
        return target.tag(image, tag)
    descriptor = _copy(source, image, target, tag)
    return target.tag(tag.with_tag("").with_digest(descriptor.digest), tag)


def _copy(source: Registry, image: Reference, target: Registry, tag: Reference) -> Descriptor:
    """Copy a manifest or index with all that it refers to; blobs first, so that nothing dangles."""
    found = source.read_manifest(image)
    if found is None:
        raise RegistryError(f"{image} is not there any more", hint="build it again")
    descriptor, data = found
    document = json.loads(data)
    for child in document.get("manifests", ()):
        _copy(source, image.with_tag("").with_digest(child["digest"]), target, tag)
    for blob in _blobs(document):
        if not target.has_blob(tag, blob["digest"]):
            with source.open_blob(image, blob["digest"]) as stream:
                target.write_blob(tag, stream, blob["mediaType"])
    return target.write_manifest(tag, descriptor.media_type, data)


def _blobs(manifest: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "config" in manifest:
        yield manifest["config"]
    yield from manifest.get("layers", ())
