"""The images that repositories hold: what each consists of, and how old it is.

Registries keep no times. What is known of an image's age is the latest time that it says itself, in
an annotation or else its configuration, or that is said by what refers to it, such as the record of
a build. Reproducible images say 1970, which is no age.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from okplug.contents import read_config
from okplug.errors import RegistryError
from okplug.naming import RESULT_PREFIX
from okplug.oci import read_document

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from okplug.backends import Descriptor, Registry
    from okplug.oci import Document
    from okplug.reference import Reference

CREATED = "org.opencontainers.image.created"
#: no image is older: archives have 1980 at the earliest, where they have no time
_FIRST_YEAR = 1981


@dataclass(frozen=True, slots=True)
class StoredImage:
    """An image as a tag finds it.

    :param parts: digest -> bytes of all that it consists of, itself included.
    :param manifests: digests of the manifests among them, its own first.
    :param created: None if nobody knows.
    """

    tag: Reference
    parts: Mapping[str, int]
    manifests: tuple[str, ...]
    created: datetime | None

    @property
    def digest(self) -> str:
        """The digest of its manifest or index."""
        return self.manifests[0]


def read_images(registry: Registry, repositories: Sequence[Reference]) -> list[StoredImage]:
    """Return the images of all tags of the repositories, with as many calls at once as may be.

    A tag that finds nothing any more is left out, and so are those of result keys, which find what
    keys find, and go with it.

    :raises RegistryError: if the registry cannot be read.
    """
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(registry.concurrency) as pool:
        lists = pool.map(lambda repository: list(registry.tags(repository)), repositories)
        tags = [
            repository.with_tag(tag)
            for repository, found in zip(repositories, lists, strict=True)
            for tag in found
            if not tag.startswith(RESULT_PREFIX)
        ]
        return [image for image in pool.map(lambda tag: _read(registry, tag), tags) if image]


def _read(registry: Registry, tag: Reference) -> StoredImage | None:
    found = registry.read_manifest(tag)
    if found is None:
        return None
    reader = _Reader(registry, tag)
    reader.add(*found)
    times = [reader.created(), *(_told(entry.annotations) for entry in registry.referrers(tag))]
    created = max((time for time in times if time), default=None)
    return StoredImage(tag, reader.parts, tuple(reader.manifests), created)


class _Reader:
    """Goes through one image from its manifest or index down."""

    def __init__(self, registry: Registry, tag: Reference) -> None:
        self._registry = registry
        self._repository = tag.with_tag("")
        self._documents: list[Document] = []
        self.parts: dict[str, int] = {}
        self.manifests: list[str] = []

    def add(self, descriptor: Descriptor, data: bytes) -> None:
        document = read_document(data, descriptor.media_type)
        self.parts[descriptor.digest] = len(data)
        self.parts.update((blob.digest, blob.size) for blob in document.blobs)
        self.manifests.append(descriptor.digest)
        self._documents.append(document)
        for child in document.manifests:
            found = self._registry.read_manifest(self._repository.with_digest(child.digest))
            if found is not None:
                self.add(*found)

    def created(self) -> datetime | None:
        """Return what the image says of itself, the annotations first."""
        told = [_told(document.annotations) for document in self._documents]
        if not any(told):
            told = [self._configured(document) for document in self._documents]
        return max((time for time in told if time), default=None)

    def _configured(self, document: Document) -> datetime | None:
        """Return what the configuration says."""
        try:
            config = read_config(self._registry, self._repository, document)
        except RegistryError:
            return None  # how old it is cannot be told, and what else it is does not matter here
        return _time(config.get("created")) if config else None


def _told(annotations: Mapping[str, str]) -> datetime | None:
    return _time(annotations.get(CREATED))


def _time(text: object) -> datetime | None:
    """Read a time after RFC 3339; None if it is none, or says only that nobody knows."""
    if not isinstance(text, str):
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    time = time if time.tzinfo else time.replace(tzinfo=UTC)
    return time if time.year >= _FIRST_YEAR else None
