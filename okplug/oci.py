"""Manifests and indexes, after the OCI image specification 1.1 and Docker's schema 2.

Registries need to know little of an image: of what kind a document is, and what it refers to.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from okplug.backends import Descriptor
from okplug.errors import RegistryError

if TYPE_CHECKING:
    from collections.abc import Mapping

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
OCI_LAYER_GZIP = f"{OCI_LAYER}+gzip"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
#: of the configuration of what is no image; it is ``{}``
OCI_EMPTY = "application/vnd.oci.empty.v1+json"

MANIFEST_TYPES = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})
INDEX_TYPES = frozenset({OCI_INDEX, DOCKER_INDEX})

#: bytes of the largest document that registries are asked to take by the distribution specification
LARGEST_DOCUMENT = 4 * 1024 * 1024

_SHA256 = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Document:
    """What a manifest or index says of itself and refers to.

    :param blobs: config and layers of a manifest, without those that are fetched from elsewhere.
    :param manifests: of an index.
    :param subject: what this is about, such as the image that a signature signs.
    :param artifact_type: what kind of thing it is, ``""`` if it does not say.
    """

    media_type: str
    blobs: tuple[Descriptor, ...] = ()
    manifests: tuple[Descriptor, ...] = ()
    annotations: Mapping[str, str] = field(default_factory=dict)
    subject: Descriptor | None = None
    artifact_type: str = ""


def is_sha256(digest: str) -> bool:
    """Tell whether the text is ``sha256:`` and 64 hex digits in lower case."""
    return _SHA256.fullmatch(digest) is not None


def read_document(data: bytes, media_type: str = "") -> Document:
    """Read a manifest or index.

    :param media_type: what it is said to be; ``""`` if only the document itself can tell.
    :raises RegistryError: if it is none, or another one than it is said to be.
    """
    document = _decode(data)
    media_type = _agreed_type(document, media_type)
    return Document(
        media_type,
        () if media_type in INDEX_TYPES else tuple(_stored_blobs(document)),
        _descriptors(document, "manifests") if media_type in INDEX_TYPES else (),
        _texts(document, "annotations"),
        None if document.get("subject") is None else read_descriptor(document["subject"]),
        _artifact_type(document),
    )


def read_descriptor(value: object) -> Descriptor:
    """Read a descriptor from JSON, with its annotations.

    :raises RegistryError: if the value is none.
    """
    if not isinstance(value, dict):
        raise RegistryError(f"expected a descriptor, not {value!r:.40}")
    media_type, digest, size = (value.get(name) for name in ("mediaType", "digest", "size"))
    if not isinstance(media_type, str) or not isinstance(digest, str) or ":" not in digest:
        raise RegistryError("a descriptor lacks its mediaType or digest")
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise RegistryError(f"the descriptor of {digest:.80} lacks its size")
    return Descriptor(media_type, digest, size, _texts(value, "annotations"))


def listed(value: object) -> list[Any] | None:
    """Return a list from JSON, None if it is none; tools written in Go have null for no items."""
    if value is None:
        return []
    return value if isinstance(value, list) else None


def _decode(data: bytes) -> dict[str, Any]:
    if len(data) > LARGEST_DOCUMENT:
        raise RegistryError(f"a manifest of {len(data)} bytes: expected at most 4 MiB")
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise RegistryError(f"a manifest is no JSON: {error}") from error
    if not isinstance(document, dict):
        raise RegistryError("a manifest is no JSON object")
    return document


def _agreed_type(document: dict[str, Any], said: str) -> str:
    """Return the media type that the document and the one who brings it agree upon."""
    if "manifests" in document and "layers" in document:
        raise RegistryError("a document has the fields of both a manifest and an index")
    guess = OCI_INDEX if "manifests" in document else OCI_MANIFEST
    own = document.get("mediaType") or said or guess
    if said and own != said:
        raise RegistryError(f"a manifest says that it is {own!r:.80}, and was given as {said!r}")
    if not isinstance(own, str) or own not in MANIFEST_TYPES | INDEX_TYPES:
        raise RegistryError(
            f"expected an image's manifest or index, not {own!r:.80}",
            hint="OCI images and indexes are taken, and Docker's of schema version 2",
        )
    if ("manifests" if own in INDEX_TYPES else "layers") not in document:
        raise RegistryError(f"a document of type {own} has not the fields of one")
    return own


def _artifact_type(document: dict[str, Any]) -> str:
    """Return the kind as registries list it, after the distribution specification 1.1."""
    config = document.get("config")
    media_type = config.get("mediaType") if isinstance(config, dict) else None
    found = document.get("artifactType") or media_type
    return found if isinstance(found, str) else ""


def _stored_blobs(document: dict[str, Any]) -> list[Descriptor]:
    """Return config and layers; a layer with ``urls`` is not for registries to keep."""
    layers = listed(document["layers"])
    if layers is None:
        raise RegistryError("the layers of a manifest are no list")
    kept = [layer for layer in layers if not (isinstance(layer, dict) and layer.get("urls"))]
    return [read_descriptor(document.get("config")), *map(read_descriptor, kept)]


def _descriptors(document: dict[str, Any], name: str) -> tuple[Descriptor, ...]:
    values = listed(document[name])
    if values is None:
        raise RegistryError(f"the {name} of an index are no list")
    return tuple(map(read_descriptor, values))


def _texts(document: dict[str, Any], name: str) -> dict[str, str]:
    """Return a map of texts; anything else in its place does not count."""
    found = document.get(name)
    if not isinstance(found, dict):
        return {}
    return {key: value for key, value in found.items() if isinstance(value, str)}
