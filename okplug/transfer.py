"""Point a tag at an image, whichever registries the two are in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from okplug.errors import RegistryError
from okplug.oci import read_document

if TYPE_CHECKING:
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
    document = read_document(data, descriptor.media_type)
    for child in document.manifests:
        _copy(source, image.with_tag("").with_digest(child.digest), target, tag)
    for blob in document.blobs:
        if not target.has_blob(tag, blob.digest):
            with source.open_blob(image, blob.digest) as stream:
                target.write_blob(tag, stream, blob.media_type)
    return target.write_manifest(tag, descriptor.media_type, data)
