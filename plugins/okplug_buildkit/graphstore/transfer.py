"""An image on its way from an engine to a registry."""

from __future__ import annotations

import json
import tarfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from okplug import Artifact, BuildError, Descriptor
from okplug.oci import (
    DOCKER_MANIFEST,
    LARGEST_DOCUMENT,
    OCI_CONFIG,
    OCI_LAYER,
    OCI_LAYER_GZIP,
    OCI_MANIFEST,
)
from okplug_buildkit.graphstore.layers import KnownLayers, open_layer
from okplug_buildkit.graphstore.limits import refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from okplug import Reference, Registry
    from okplug_buildkit.connect.engineapi import EngineAPI
    from okplug_buildkit.solve.options import SolveOptions

_DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar"
_BLOBS = "blobs/sha256/"
_LEVEL = 6  # what gzip itself takes, and BuildKit


@dataclass(frozen=True, slots=True)
class Form:
    """What images are like in the registry.

    :param layer: media type of layers, as of *manifest* and *config*.
    :param level: of gzip, None for no compression.
    """

    manifest: str
    config: str
    layer: str
    level: int | None

    @classmethod
    def of(cls, options: SolveOptions) -> Form:
        """Return what the settings ask for."""
        level = None if options.compression == "uncompressed" else int(options.level or _LEVEL)
        if options.oci_mediatypes:
            layer = OCI_LAYER if level is None else OCI_LAYER_GZIP
            return cls(OCI_MANIFEST, OCI_CONFIG, layer, level)
        config = "application/vnd.docker.container.image.v1+json"
        layer = _DOCKER_LAYER if level is None else f"{_DOCKER_LAYER}.gzip"
        return cls(DOCKER_MANIFEST, config, layer, level)

    def known_layers(self) -> KnownLayers:
        """Return what takes note of layers that are as this has them."""
        twins = (OCI_LAYER, _DOCKER_LAYER)
        if self.level is not None:
            twins = (OCI_LAYER_GZIP, f"{_DOCKER_LAYER}.gzip")
        return KnownLayers(dict.fromkeys(twins, self.layer))


@dataclass(frozen=True, slots=True)
class Transfer:
    """Where images go, and how.

    :param target: the repository.
    """

    api: EngineAPI
    registry: Registry
    target: Reference
    form: Form
    known: KnownLayers
    is_cancelled: Callable[[], bool] = field(default=lambda: False)

    def run(self, name: str, config: str, annotations: Mapping[str, str]) -> Artifact:
        """Store an image of the engine.

        :param config: digest of its configuration.
        :raises BuildError: if the engine does not hand it out.
        :raises RegistryError: if the registry does not take it.
        :raises CancelledError: if the run is interrupted.
        """
        digests = self.api.layers(name)
        if not digests:
            raise refusal(str(self.api.endpoint), "hands out no image that has no layers")
        layers: dict[str, Descriptor] = {}
        for digest in digests:
            found = self.known.bring(self.registry, digest, self.target)
            if found:
                layers[digest] = found
        blob = self._fetch(name, config, set(digests) - layers.keys(), layers)
        missing = [digest for digest in digests if digest not in layers]
        if blob is None or missing:
            raise BuildError(
                f"the Docker engine at {self.api.endpoint} does not hand out all of what it built",
                hint="update the engine: what it saves is to be an OCI image layout",
            )
        return self._finish(blob, [layers[digest] for digest in digests], annotations)

    def _fetch(
        self, name: str, config: str, wanted: set[str], layers: dict[str, Descriptor]
    ) -> Descriptor | None:
        """Store the layers that are wanted, and the configuration, which is returned."""
        found = None
        try:
            with (
                self.api.save(name) as stream,
                tarfile.open(fileobj=stream, mode="r|") as archive,
            ):
                for member in archive:
                    digest = f"sha256:{member.name.removeprefix(_BLOBS)}"
                    if digest == config:
                        found = self._store_config(archive, member, config)
                    elif digest in wanted:
                        layers[digest] = self._store_layer(archive, member, digest)
        except tarfile.TarError as error:
            raise BuildError(
                f"the Docker engine at {self.api.endpoint} hands out a broken archive: {error}"
            ) from error
        return found

    def _store_config(
        self, archive: tarfile.TarFile, member: tarfile.TarInfo, digest: str
    ) -> Descriptor | None:
        source = archive.extractfile(member)
        if source is None or member.size > LARGEST_DOCUMENT:
            return None
        data = open_layer(source, digest, None, self.is_cancelled)
        return self.registry.write_blob(self.target, data, self.form.config)

    def _store_layer(
        self, archive: tarfile.TarFile, member: tarfile.TarInfo, digest: str
    ) -> Descriptor:
        source = archive.extractfile(member)
        if source is None:
            raise tarfile.ReadError(f"{member.name} is no file")
        data = open_layer(source, digest, self.form.level, self.is_cancelled)
        stored = self.registry.write_blob(self.target, data, self.form.layer)
        self.known.add(digest, stored, self.target)
        return stored

    def _finish(
        self, config: Descriptor, layers: list[Descriptor], annotations: Mapping[str, str]
    ) -> Artifact:
        manifest: dict[str, object] = {
            "schemaVersion": 2,
            "mediaType": self.form.manifest,
            "config": _json(config),
            "layers": [_json(layer) for layer in layers],
        }
        if annotations:
            manifest["annotations"] = dict(sorted(annotations.items()))
        data = json.dumps(manifest, separators=(",", ":")).encode()
        stored = self.registry.write_manifest(self.target, self.form.manifest, data)
        return Artifact(self.target.with_digest(stored.digest), stored)


def _json(descriptor: Descriptor) -> dict[str, object]:
    return {
        "mediaType": descriptor.media_type,
        "digest": descriptor.digest,
        "size": descriptor.size,
    }
