"""Layers on their way from an engine, which hands them out without compression, to a registry."""

from __future__ import annotations

import hashlib
import io
import json
import threading
import zlib
from typing import IO, TYPE_CHECKING, BinaryIO, cast

from okplug import CancelledError, RegistryError
from okplug.oci import LARGEST_DOCUMENT, read_document

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from _typeshed import WriteableBuffer

    from okplug import Descriptor, Reference, Registry

_PIECE = 1024 * 1024
#: of zlib: a gzip stream, whose header has no time and no name
_GZIP = 31


def open_layer(
    source: IO[bytes], digest: str, level: int | None, is_cancelled: Callable[[], bool]
) -> BinaryIO:
    """Return a stream of a layer as the registry is to have it.

    It raises ``RegistryError`` at its end if the layer is not what it should be, and
    ``CancelledError`` if the run is interrupted.

    :param source: the layer without compression.
    :param digest: of it.
    :param level: of gzip, 1 to 9, None for no compression.
    """
    pieces = _checked(source, digest, is_cancelled)
    if level is not None:
        pieces = _compressed(pieces, level)
    return cast("BinaryIO", io.BufferedReader(_Pieces(pieces), _PIECE))


def _checked(source: IO[bytes], digest: str, is_cancelled: Callable[[], bool]) -> Iterator[bytes]:
    found = hashlib.sha256()
    while data := source.read(_PIECE):
        if is_cancelled():
            raise CancelledError
        found.update(data)
        yield data
    if f"sha256:{found.hexdigest()}" != digest:
        raise RegistryError(f"the Docker engine hands out wrong bytes for the layer {digest}")


def _compressed(pieces: Iterator[bytes], level: int) -> Iterator[bytes]:
    compressor = zlib.compressobj(level, wbits=_GZIP)
    for data in pieces:
        yield compressor.compress(data)
    yield compressor.flush()


class _Pieces(io.RawIOBase):
    """Bytes that come in pieces."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        super().__init__()
        self._pieces = pieces
        self._left = memoryview(b"")

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Read as much as there is at once."""
        while not self._left:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._left = memoryview(piece)
        target = memoryview(buffer)
        count = min(len(target), len(self._left))
        target[:count] = self._left[:count]
        self._left = self._left[count:]
        return count


class KnownLayers:
    """Layers that are in the registry already, so that they need not be stored again.

    :param media_types: what the layers that count are, and what they become in a manifest.
    """

    def __init__(self, media_types: dict[str, str]) -> None:
        self._media_types = media_types
        self._lock = threading.Lock()
        self._layers: dict[str, tuple[Descriptor, list[Reference]]] = {}
        self._read: set[Reference] = set()

    def add(self, digest: str, layer: Descriptor, repository: Reference) -> None:
        """Note that a repository has a layer.

        :param digest: of it without compression.
        """
        if layer.media_type not in self._media_types:
            return
        with self._lock:
            _, repositories = self._layers.setdefault(digest, (layer, []))
            if repository not in repositories:
                repositories.append(repository)

    def learn(self, registry: Registry, image: Reference) -> None:
        """Note the layers of an image; an index tells of none.

        :raises RegistryError: if the image cannot be read.
        """
        if image in self._read:
            return
        found = registry.read_manifest(image)
        blobs = read_document(found[1], found[0].media_type).blobs if found else ()
        if blobs:
            with registry.open_blob(image, blobs[0].digest) as stream:
                config = stream.read(LARGEST_DOCUMENT + 1)
            repository = image.repository_only()
            for digest, layer in zip(_diff_ids(config), blobs[1:], strict=False):
                self.add(digest, layer, repository)
        self._read.add(image)

    def bring(self, registry: Registry, digest: str, target: Reference) -> Descriptor | None:
        """Have a repository hold a layer that another one has; None if that cannot be.

        :param digest: of it without compression.
        :raises RegistryError: if the registry cannot be asked.
        """
        with self._lock:
            layer, repositories = self._layers.get(digest, (None, []))
            sources = tuple(repositories)
        if layer is None or not _is_there(registry, layer.digest, sources, target):
            return None
        return type(layer)(self._media_types[layer.media_type], layer.digest, layer.size)


def _is_there(
    registry: Registry, digest: str, sources: Sequence[Reference], target: Reference
) -> bool:
    return registry.has_blob(target, digest) or any(
        registry.mount_blob(source, target, digest) for source in sources if source != target
    )


def _diff_ids(config: bytes) -> list[str]:
    try:
        return [str(digest) for digest in json.loads(config)["rootfs"]["diff_ids"]]
    except (ValueError, KeyError, TypeError):
        return []  # of no image that an engine could have layers of
