"""What an image consists of, read from the manifests in a layout."""

from __future__ import annotations

from typing import TYPE_CHECKING

from okplug import ROOT_ANNOTATION, Descriptor, RegistryError
from okplug.oci import INDEX_TYPES, LARGEST_DOCUMENT, MANIFEST_TYPES, Document, read_document

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from okplug import Reference
    from okplug_layout.blobs import Blobs


def find_manifest(blobs: Blobs, reference: Reference) -> tuple[Descriptor, bytes] | None:
    """Return the manifest that a reference's digest finds, None for no blob or another one.

    :raises RegistryError: if its bytes are wrong.
    """
    data = blobs.read(reference, reference.digest, LARGEST_DOCUMENT)
    if data is None:
        return None
    try:
        document = read_document(data)
    except RegistryError:  # a layer or a configuration, which are none of the manifests
        return None
    return descriptor_of(document, reference.digest, len(data)), data


def descriptor_of(document: Document, digest: str, size: int) -> Descriptor:
    """Return what a tag's entry says of a document: the root that it was made of as well."""
    root = document.annotations.get(ROOT_ANNOTATION)
    annotations = {} if root is None else {ROOT_ANNOTATION: root}
    return Descriptor(document.media_type, digest, size, annotations)


def parts(blobs: Blobs, reference: Reference, roots: Iterable[Descriptor]) -> Iterator[Descriptor]:
    """Yield all that images of the reference's repository consist of, each part once.

    :param roots: manifests and indexes; a missing one is yielded as the others are.
    :raises RegistryError: if a manifest is damaged or of an unknown kind.
    """
    manifests = list(roots)
    seen: set[str] = set()
    while manifests:
        manifest = manifests.pop()
        if manifest.digest in seen:
            continue
        seen.add(manifest.digest)
        yield manifest
        document = _read(blobs, reference, manifest)
        manifests.extend(document.manifests)
        for blob in document.blobs:
            if blob.digest not in seen:
                seen.add(blob.digest)
                yield blob


def _read(blobs: Blobs, reference: Reference, manifest: Descriptor) -> Document:
    if manifest.media_type not in MANIFEST_TYPES | INDEX_TYPES:
        raise RegistryError(
            f"{reference.repository_only()} has something of a kind that okplug does not know: "
            f"{manifest.media_type}, {manifest.digest}",
            hint="images that other tools manage are better kept in another folder",
        )
    data = blobs.read(reference, manifest.digest, LARGEST_DOCUMENT)
    return (
        Document(manifest.media_type) if data is None else read_document(data, manifest.media_type)
    )
