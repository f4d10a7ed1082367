"""From finished stages to an image in the registry: configuration, manifest and index."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from okplug.oci import OCI_CONFIG, OCI_INDEX, OCI_MANIFEST

if TYPE_CHECKING:
    from collections.abc import Mapping

    from okplug import BuildRequest, Descriptor, Registry
    from okplug_embedded.stage import Stage


def store_image(
    stage: Stage, platform: str, request: BuildRequest, registry: Registry
) -> Descriptor:
    """Store a stage as an image of one platform; its own layers are there already.

    :raises RegistryError: if it cannot be stored.
    """
    repository = request.repository
    for layer in stage.layers:
        digest = layer.descriptor.digest
        source = stage.sources.get(digest)
        if source is None or registry.has_blob(repository, digest):
            continue
        if not registry.mount_blob(source.reference, repository, digest):
            with registry.open_blob(source.reference, digest) as stream:
                registry.write_blob(repository, stream, layer.descriptor.media_type)
    config = _document(_configuration(stage, platform, request))
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": _plain(registry.write_blob(repository, io.BytesIO(config), OCI_CONFIG)),
        "layers": [_plain(layer.descriptor) for layer in stage.layers],
    }
    if len(request.platforms) == 1:
        manifest["annotations"] = dict(request.annotations)
    return registry.write_manifest(repository, OCI_MANIFEST, _document(manifest))


def store_index(
    images: Mapping[str, Descriptor], request: BuildRequest, registry: Registry
) -> Descriptor:
    """Store the index of an image's platforms.

    :raises RegistryError: if it cannot be stored.
    """
    index = {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [
            {**_plain(image), "platform": _platform(platform)} for platform, image in images.items()
        ],
        "annotations": dict(request.annotations),
    }
    return registry.write_manifest(request.repository, OCI_INDEX, _document(index))


def _configuration(stage: Stage, platform: str, request: BuildRequest) -> dict[str, Any]:
    seconds = request.source_date_epoch or 0
    created = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    config = dict(stage.config)
    config["Env"] = [f"{name}={value}" for name, value in stage.environment.passed_on(()).env]
    if request.image.labels:
        config["Labels"] = {**config.get("Labels", {}), **dict(request.image.labels)}
    return {
        **_platform(platform),
        "created": created,
        **({"author": stage.author} if stage.author else {}),
        "config": config,
        "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in stage.layers]},
        "history": [{"created": created, **entry} for entry in stage.history],
    }


def _platform(text: str) -> dict[str, str]:
    names = ("os", "architecture", "variant")
    return dict(zip(names, text.split("/"), strict=False))


def _plain(descriptor: Descriptor) -> dict[str, Any]:
    return {
        "mediaType": descriptor.media_type,
        "digest": descriptor.digest,
        "size": descriptor.size,
    }


def _document(value: Mapping[str, Any]) -> bytes:
    """Write JSON in the one form that equal values have."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()
