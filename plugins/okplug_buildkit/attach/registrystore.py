"""An okplug registry as a store: images that a build starts from, and the image that it makes.

This is how a daemon that cannot reach the registry by itself, such as one of OCI layouts in a
folder, gets and gives images.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, BinaryIO

from okplug import Descriptor, RegistryError
from okplug.oci import LARGEST_DOCUMENT, OCI_CONFIG, OCI_LAYER_GZIP, read_document
from okplug_buildkit.attach.stores import PIECE, ReadOnly, SequentialReads, WriteOnly

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from okplug import Reference, Registry

_DOCUMENTS = ("manifest-", "index-")


class RegistryStore(ReadOnly):
    """Images of a registry, each with all that it refers to, for the daemon to read by digest.

    :param images: references with digest; they may be of several repositories.
    """

    def __init__(self, registry: Registry, images: Iterable[Reference]) -> None:
        self._registry = registry
        self._lock = threading.Lock()
        self._documents = {image.digest: image.repository_only() for image in images}
        self._images = frozenset(self._documents)
        self._blobs: dict[str, tuple[Reference, Descriptor]] = {}
        self._read: dict[str, bytes] = {}
        self._streams = SequentialReads(self._open)

    def close(self) -> None:
        """Close what the daemon has not read to its end."""
        self._streams.close()

    def size(self, digest: str) -> int | None:
        """Return the bytes of a manifest or blob of the images.

        :raises RegistryError: if a manifest cannot be read.
        """
        with self._lock:
            if digest not in self._documents and digest not in self._blobs:
                self._read_all()  # what refers to it may not have been asked for
            data = self._document(digest)
            if data is not None:
                return len(data)
            found = self._blobs.get(digest)
        return found[1].size if found else None

    def read(self, digest: str, start: int, size: int) -> Iterator[bytes]:
        """Yield bytes of a manifest or blob; the last ones when all have proved right.

        :raises RegistryError: if they are wrong, or cannot be read.
        """
        with self._lock:
            data = self._document(digest)
        if data is None:
            total = self._blobs[digest][1].size
            yield from self._streams.read(digest, start, size, total)
            return
        for position in range(start, start + size, PIECE):
            yield data[position : min(position + PIECE, start + size)]

    def _open(self, digest: str) -> BinaryIO:
        return self._registry.open_blob(self._blobs[digest][0], digest)

    def _document(self, digest: str) -> bytes | None:
        """Return a manifest or index of the images, and take note of what it refers to."""
        repository = self._documents.get(digest)
        if repository is None or digest in self._read:
            return self._read.get(digest)
        found = self._registry.read_manifest(repository.with_digest(digest))
        if found is None and digest in self._images:
            raise RegistryError(
                f"{repository.with_digest(digest)} is not there", hint="build it again"
            )
        if found is None:  # an index may have more platforms than the registry
            del self._documents[digest]
            return None
        descriptor, data = found
        document = read_document(data, descriptor.media_type)
        for part in document.manifests:
            self._documents.setdefault(part.digest, repository)
        for part in document.blobs:
            self._blobs[part.digest] = (repository, part)
        self._read[digest] = data
        return data

    def _read_all(self) -> None:
        """Read what is not yet known of the images; indexes tell of further manifests."""
        while unread := self._documents.keys() - self._read.keys():
            for digest in unread:
                self._document(digest)


class RegistrySink(WriteOnly):
    """A repository for the daemon to write an image into; a blob streams through, kept nowhere.

    :param target: of the repository.
    :param sources: repositories of the same registry from which blobs may be mounted instead.
    """

    def __init__(
        self, registry: Registry, target: Reference, sources: Iterable[Reference] = ()
    ) -> None:
        self._registry = registry
        self._target = target.repository_only()
        self._sources = [source.repository_only() for source in sources]
        #: the manifests and indexes that are there now, by digest
        self.written: dict[str, Descriptor] = {}

    def has(self, ref: str, digest: str) -> bool:
        """Tell whether the repository holds what the daemon has, after a mount if there can be one.

        :raises RegistryError: if the registry cannot be asked.
        """
        if ref.startswith(_DOCUMENTS):
            found = self._registry.resolve(self._target.with_digest(digest))
            if found is not None:
                self.written[digest] = found
            return found is not None
        return self._registry.has_blob(self._target, digest) or any(
            self._registry.mount_blob(source, self._target, digest)
            for source in self._sources
            if source != self._target
        )

    def write(self, ref: str, data: BinaryIO) -> tuple[str, int]:
        """Store a blob, manifest or index; the daemon sends parts before what refers to them.

        :raises RegistryError: if the registry does not take it.
        """
        if not ref.startswith(_DOCUMENTS):
            media_type = OCI_CONFIG if ref.startswith("config-") else OCI_LAYER_GZIP
            stored = self._registry.write_blob(self._target, data, media_type)
            return stored.digest, stored.size
        content = data.read(LARGEST_DOCUMENT + 1)
        media_type = read_document(content).media_type
        stored = self._registry.write_manifest(self._target, media_type, content)
        self.written[stored.digest] = stored
        return stored.digest, stored.size
