"""What images are to those that are built from them: their layers and their configuration.

Two images may have different digests and still be the same to whatever is built from them. When
each layer was made, and by which instruction, is written in an image's configuration, and nothing
that is built from it can tell.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from okplug.oci import INDEX_TYPES, read_document

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from okplug.backends import Descriptor, Registry
    from okplug.oci import Document
    from okplug.reference import Reference

#: what the digest is made over besides; whatever changes its meaning must change this
_SCHEME = "okplug-content-1"
#: bytes of the largest configuration that is looked into
_LARGEST_CONFIG = 4 * 1024 * 1024
#: fields of a configuration that only tell how the image came about
_ORIGINS = frozenset({"created", "history"})
#: how fields begin in which BuildKit keeps what it needs for its own caches
_CACHES = "moby.buildkit."
#: annotation of the entries of an index that are no images but say something of one
_ATTESTATION = "vnd.docker.reference.type"


def content_digest(registry: Registry, image: Reference) -> str | None:
    """Return sha256 over the layers and the configuration of an image, of every platform.

    Layers count by what they hold, however they are compressed. It takes two requests, and two more
    for each platform of an index.

    :param image: by digest.
    :return: None if the image is not there, or is none as the OCI image specification has it.
    :raises RegistryError: if the registry cannot be read.
    """
    found = registry.read_manifest(image)
    if found is None:
        return None
    configs = [_effective(config) for config in _configs(registry, image, found)]
    known = [config for config in configs if config is not None]
    if not known or len(known) < len(configs):
        return None
    data = json.dumps([_SCHEME, *sorted(known)]).encode()
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def read_config(
    registry: Registry, repository: Reference, document: Document
) -> dict[str, Any] | None:
    """Return the configuration of a manifest, None for an index and where there is none to read.

    :raises RegistryError: if the registry cannot be read.
    """
    if document.media_type in INDEX_TYPES:
        return None
    blob = document.blobs[0]  # of a manifest, that is its configuration
    if blob.size > _LARGEST_CONFIG:
        return None
    with registry.open_blob(repository, blob.digest) as stream:
        data = stream.read()
    try:
        config = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return config if isinstance(config, dict) else None


def _configs(
    registry: Registry, image: Reference, found: tuple[Descriptor, bytes]
) -> Iterator[dict[str, Any] | None]:
    """Yield the configuration of each platform's image."""
    document = read_document(found[1], found[0].media_type)
    if document.media_type not in INDEX_TYPES:
        yield read_config(registry, image.repository_only(), document)
    for child in document.manifests:
        if _ATTESTATION not in child.annotations:
            place = image.with_digest(child.digest)
            below = registry.read_manifest(place)
            if below is None:
                yield None
            else:
                yield from _configs(registry, place, below)


def _effective(config: Mapping[str, Any] | None) -> str | None:
    """Write down what of a configuration counts; what nobody knows does."""
    rootfs = config.get("rootfs") if config else None
    if config is None or not isinstance(rootfs, dict) or "diff_ids" not in rootfs:
        return None
    kept = {
        name: value
        for name, value in config.items()
        if name not in _ORIGINS and not name.startswith(_CACHES)
    }
    return json.dumps(kept, sort_keys=True)
