"""From finished stages to an image in the registry: layers, configuration, manifest and index."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from okplug.oci import OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_LAYER_GZIP, OCI_MANIFEST
from okplug_embedded.baselayers import StoredLayer
from okplug_embedded.epoch import image_time, written
from okplug_embedded.layers import write_layer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from okplug import BuildRequest, Descriptor, Registry
    from okplug_embedded.filesystem import Changes
    from okplug_embedded.stage import Stage

_DOCKER_LAYERS = {
    "application/vnd.docker.image.rootfs.diff.tar": OCI_LAYER,
    "application/vnd.docker.image.rootfs.diff.tar.gzip": OCI_LAYER_GZIP,
}


class Assembly:
    """Stores the images of one request.

    :param check: called again and again; what it raises ends the work.
    """

    def __init__(
        self, request: BuildRequest, registry: Registry, check: Callable[[], None]
    ) -> None:
        self._request = request
        self._registry = registry
        self._check = check
        self._time = image_time(request)

    def store_image(
        self, stage: Stage, platform: str, annotations: Mapping[str, str]
    ) -> Descriptor:
        """Store a stage as an image of one platform.

        :raises ContextChangedError: if a file of the context is not what was hashed.
        :raises RegistryError: if the image cannot be stored.
        """
        layers = [
            self._take_over(layer) if isinstance(layer, StoredLayer) else self._store(layer)
            for layer in stage.layers
        ]
        diff_ids = [diff_id for _, diff_id in layers]
        configuration = _json(self._configuration(stage, platform, diff_ids))
        config = self._registry.write_blob(
            self._request.repository, io.BytesIO(configuration), OCI_CONFIG
        )
        return self._write(
            OCI_MANIFEST,
            {"config": _plain(config), "layers": [layer for layer, _ in layers]},
            annotations,
        )

    def store_index(self, images: Mapping[str, Descriptor]) -> Descriptor:
        """Store an index of images that are stored, by platform.

        :raises RegistryError: if it cannot be stored.
        """
        manifests = [
            {**_plain(image), "platform": _platform(platform)} for platform, image in images.items()
        ]
        return self._write(OCI_INDEX, {"manifests": manifests}, self._request.annotations)

    def _write(
        self, media_type: str, fields: Mapping[str, Any], annotations: Mapping[str, str]
    ) -> Descriptor:
        document = {"schemaVersion": 2, "mediaType": media_type, **fields}
        if annotations:
            document["annotations"] = dict(annotations)
        return self._registry.write_manifest(self._request.repository, media_type, _json(document))

    def _store(self, changes: Changes) -> tuple[dict[str, Any], str]:
        """Store a layer that was built; return its descriptor and what it is uncompressed."""
        layer = write_layer(changes, self._time, self._check)
        with layer.file:
            size = layer.file.seek(0, io.SEEK_END)
            layer.file.seek(0)
            repository = self._request.repository
            if not self._registry.has_blob(repository, layer.digest):
                self._registry.write_blob(repository, cast("BinaryIO", layer.file), OCI_LAYER)
        return {"mediaType": OCI_LAYER, "digest": layer.digest, "size": size}, layer.digest

    def _take_over(self, layer: StoredLayer) -> tuple[dict[str, Any], str]:
        """See that a layer of the base is in the repository of the image."""
        self._check()
        repository, descriptor = self._request.repository, layer.descriptor
        media_type = _DOCKER_LAYERS.get(descriptor.media_type, descriptor.media_type)
        if not self._registry.has_blob(repository, descriptor.digest) and (
            not self._registry.mount_blob(layer.reference, repository, descriptor.digest)
        ):
            with self._registry.open_blob(layer.reference, descriptor.digest) as stream:
                self._registry.write_blob(repository, stream, media_type)
        return {**_plain(descriptor), "mediaType": media_type}, layer.diff_id

    def _configuration(self, stage: Stage, platform: str, diff_ids: list[str]) -> dict[str, Any]:
        created = written(self._time)
        config = dict(stage.config)
        config["Env"] = [f"{name}={value}" for name, value in stage.environment.passed_on(()).env]
        config["Labels"] = {**(config.get("Labels") or {}), **dict(self._request.image.labels)}
        return {
            **_platform(platform),
            "created": created,
            **({"author": stage.author} if stage.author else {}),
            "config": {name: value for name, value in config.items() if value},
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
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


def _json(value: Mapping[str, Any]) -> bytes:
    """Write JSON in the one form that equal values have; bytes that are no text become U+FFFD."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace").encode()
