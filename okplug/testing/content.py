"""Blobs and manifests for tests of registries, smaller than images."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
from typing import TYPE_CHECKING, Any

from okplug.oci import OCI_EMPTY, OCI_LAYER, OCI_MANIFEST

if TYPE_CHECKING:
    from collections.abc import Mapping

    from okplug.backends import Descriptor, Registry
    from okplug.reference import Reference

ABSENT = f"sha256:{hashlib.sha256(b'what nobody stores').hexdigest()}"


def digest_of(data: bytes) -> str:
    """Return the sha256 digest of bytes."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def by_digest(reference: Reference, descriptor: Descriptor) -> Reference:
    """Return the reference that finds content of the reference's repository by its digest."""
    return reference.with_tag("").with_digest(descriptor.digest)


def write_bytes(registry: Registry, reference: Reference, data: bytes) -> Descriptor:
    """Store bytes as a layer."""
    return registry.write_blob(reference, io.BytesIO(data), OCI_LAYER)


def read_bytes(registry: Registry, reference: Reference, digest: str) -> bytes:
    """Return a whole blob."""
    with registry.open_blob(reference, digest) as stream:
        return stream.read()


def push_artifact(
    registry: Registry,
    reference: Reference,
    subject: Descriptor,
    data: bytes,
    artifact_type: str = "application/x.note",
) -> Descriptor:
    """Write a manifest about an image, of something that is no image."""
    config = registry.write_blob(reference, io.BytesIO(b"{}"), OCI_EMPTY)
    layer = write_bytes(registry, reference, data)
    document = {
        **manifest_of(config, annotations={"about": "a"}),
        "artifactType": artifact_type,
        "layers": [_plain(layer)],
        "subject": _plain(subject),
    }
    return registry.write_manifest(
        reference.with_tag(""), OCI_MANIFEST, json.dumps(document).encode()
    )


def identity(descriptor: Descriptor | None) -> Descriptor | None:
    """Return what is equal for all descriptors of one thing: annotations are optional."""
    return None if descriptor is None else dataclasses.replace(descriptor, annotations={})


def manifest_of(
    config: Descriptor,
    *,
    media_type: str = OCI_MANIFEST,
    annotations: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return an image manifest without layers."""
    return {
        "schemaVersion": 2,
        "mediaType": media_type,
        "config": _plain(config),
        "layers": [],
        **({"annotations": dict(annotations)} if annotations else {}),
    }


def _plain(descriptor: Descriptor) -> dict[str, object]:
    return {
        "mediaType": descriptor.media_type,
        "digest": descriptor.digest,
        "size": descriptor.size,
    }
