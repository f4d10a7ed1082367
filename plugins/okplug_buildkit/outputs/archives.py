"""An image of a registry as one archive, which Docker and tools for OCI layouts read alike.

It is an OCI image layout (image specification 1.1, "Image Layout") with the ``manifest.json`` that
``docker save`` writes beside it, for engines that know no layouts. The digest stays what it is.
"""

from __future__ import annotations

import io
import json
import tarfile
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, BinaryIO, cast

from okplug import CancelledError, RegistryError
from okplug.oci import OCI_INDEX, read_document

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from okplug import Artifact, Descriptor, Reference, Registry

_LAYOUT = b'{"imageLayoutVersion":"1.0.0"}'
_NAME = "io.containerd.image.name"
_TAG = "org.opencontainers.image.ref.name"


@dataclass(frozen=True, slots=True)
class _Part:
    """A manifest, index or blob, and where it is read."""

    descriptor: Descriptor
    data: bytes | None = None


def write_archive(
    registry: Registry,
    artifact: Artifact,
    names: Sequence[Reference],
    target: IO[bytes],
    is_cancelled: Callable[[], bool] = lambda: False,
) -> None:
    """Write an image, with every platform that the registry has of it.

    :param names: what the image is called where it is loaded.
    :param is_cancelled: looked at again and again; nothing more is written once it says so.
    :raises RegistryError: if a part of it cannot be read.
    :raises CancelledError: if the run is interrupted.
    """
    parts = {part.descriptor.digest: part for part in _parts(registry, artifact.reference)}
    with tarfile.open(fileobj=target, mode="w|", format=tarfile.PAX_FORMAT) as archive:
        _add(archive, "oci-layout", io.BytesIO(_LAYOUT), len(_LAYOUT))
        _add_document(archive, "index.json", _index(artifact, names))
        _add_document(archive, "manifest.json", _docker_manifest(artifact, parts, names))
        for digest, part in parts.items():
            with _open(registry, artifact.reference, part) as stream:
                watched = cast("BinaryIO", _Watched(stream, is_cancelled))
                _add(archive, _path(digest), watched, part.descriptor.size)


@dataclass(frozen=True, slots=True)
class _Watched:
    """A stream that ends with an exception when the run is interrupted; it can only be read."""

    stream: BinaryIO
    is_cancelled: Callable[[], bool]

    def read(self, size: int) -> bytes:
        if self.is_cancelled():
            raise CancelledError
        return self.stream.read(size)


def _parts(registry: Registry, reference: Reference) -> Iterator[_Part]:
    """Yield what an image consists of, itself first."""
    found = registry.read_manifest(reference)
    if found is None:
        raise RegistryError(f"{reference} is not there any more", hint="build it again")
    descriptor, data = found
    document = read_document(data, descriptor.media_type)
    yield _Part(descriptor, data)
    for child in document.manifests:
        yield from _parts(registry, reference.with_digest(child.digest))
    for blob in document.blobs:
        yield _Part(blob)


def _open(registry: Registry, reference: Reference, part: _Part) -> BinaryIO:
    if part.data is not None:
        return io.BytesIO(part.data)
    return registry.open_blob(reference, part.descriptor.digest)


def _index(artifact: Artifact, names: Sequence[Reference]) -> dict[str, object]:
    descriptor = artifact.descriptor
    entries = [
        {
            "mediaType": descriptor.media_type,
            "digest": descriptor.digest,
            "size": descriptor.size,
            "annotations": {_NAME: str(name), _TAG: name.tag},
        }
        for name in names
    ]
    return {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}


def _docker_manifest(
    artifact: Artifact, parts: dict[str, _Part], names: Sequence[Reference]
) -> list[dict[str, object]]:
    """Return what engines read that know no layouts: one platform, the first."""
    digest = artifact.descriptor.digest
    while True:
        part = parts[digest]
        assert part.data is not None
        document = read_document(part.data, part.descriptor.media_type)
        if not document.manifests:
            break
        digest = document.manifests[0].digest
    config, *layers = (_path(blob.digest) for blob in document.blobs)
    return [{"Config": config, "RepoTags": [str(name) for name in names], "Layers": layers}]


def _path(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/')}"


def _add_document(archive: tarfile.TarFile, name: str, document: object) -> None:
    data = json.dumps(document).encode()
    _add(archive, name, io.BytesIO(data), len(data))


def _add(archive: tarfile.TarFile, name: str, stream: BinaryIO, size: int) -> None:
    member = tarfile.TarInfo(name)
    member.size = size
    archive.addfile(member, stream)
    stream.read(1)  # a blob's stream tells at its end whether the bytes were right
