"""A registry in memory, which counts what it is asked and fails when it is told to."""

from __future__ import annotations

import hashlib
import io
import threading
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, BinaryIO

from okplug.backends import ROOT_ANNOTATION, Descriptor
from okplug.errors import RegistryError
from okplug.oci import read_document

if TYPE_CHECKING:
    from collections.abc import Iterator

    from okplug.oci import Document
    from okplug.reference import Reference


@dataclass(slots=True)
class FakeRepository:
    """What one repository holds, for tests to look at and to spoil.

    :param blobs: digest -> bytes, of manifests too.
    :param manifests: digest -> descriptor of each manifest and index.
    :param tags: tag -> digest.
    """

    blobs: dict[str, bytes] = field(default_factory=dict)
    manifests: dict[str, Descriptor] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


class FakeRegistry:
    """A registry for tests of what uses one.

    :param calls: how often each method was called, by its name.
    :param writes: how often something was stored, moved or removed.
    :param read_only: namespaces that nothing can be written to.
    :param failures: method name -> error that each call of it raises; take it out to heal.
    """

    is_remote = False

    def __init__(self, host: str = "registry.test", concurrency: int = 4) -> None:
        self.host = host
        self.concurrency = concurrency
        self.calls: Counter[str] = Counter()
        self.writes = 0
        self.failures: dict[str, Exception] = {}
        self.read_only: set[str] = set()
        self._repositories: dict[tuple[str, str], FakeRepository] = {}
        self._lock = threading.RLock()

    def repository(self, reference: Reference) -> FakeRepository:
        """Return the reference's repository, empty if nothing was stored in it."""
        with self._lock:
            name = (reference.registry, reference.repository)
            return self._repositories.setdefault(name, FakeRepository())

    def describe(self) -> str:
        """Return the header's line."""
        return f"memory, as {self.host}"

    def resolve(self, reference: Reference) -> Descriptor | None:
        """Return the descriptor of a manifest, None if there is none."""
        self._called("resolve")
        return self._find(reference)

    def read_manifest(self, reference: Reference) -> tuple[Descriptor, bytes] | None:
        """Return a manifest with its bytes, or None."""
        self._called("read_manifest")
        with self._lock:
            descriptor = self._find(reference)
            if descriptor is None:
                return None
            data = self.repository(reference).blobs[descriptor.digest]
        _check(descriptor.digest, data)
        return descriptor, data

    def open_blob(self, reference: Reference, digest: str) -> BinaryIO:
        """Open a blob; it is checked at once."""
        self._called("open_blob")
        data = self.repository(reference).blobs.get(digest)
        if data is None:
            raise RegistryError(f"{reference.repository_only()} has no blob {digest}")
        _check(digest, data)
        return io.BytesIO(data)

    def has_blob(self, reference: Reference, digest: str) -> bool:
        """Tell whether the repository holds the blob."""
        self._called("has_blob")
        return digest in self.repository(reference).blobs

    def write_blob(self, reference: Reference, data: BinaryIO, media_type: str) -> Descriptor:
        """Store a blob."""
        self._called("write_blob")
        self._refuse_read_only(reference)
        content = data.read()
        digest = _digest(content)
        with self._lock:
            self.writes += 1
            self.repository(reference).blobs[digest] = content
        return Descriptor(media_type, digest, len(content))

    def mount_blob(self, source: Reference, target: Reference, digest: str) -> bool:
        """Take a blob over from another repository."""
        self._called("mount_blob")
        with self._lock:
            return self._take_over(source, target, digest)

    def write_manifest(self, reference: Reference, media_type: str, data: bytes) -> Descriptor:
        """Store a manifest whose blobs are there."""
        self._called("write_manifest")
        self._refuse_read_only(reference)
        document = read_document(data, media_type)
        digest = _digest(data)
        descriptor = Descriptor(media_type, digest, len(data), _root(document))
        with self._lock:
            repository = self.repository(reference)
            for part in (*document.blobs, *document.manifests):
                if part.digest not in repository.blobs:
                    raise RegistryError(
                        f"{reference.repository_only()} has not {part.digest}, which a manifest "
                        "refers to",
                        hint="write or mount the parts of an image before its manifest",
                    )
            self.writes += 1
            repository.blobs[digest] = data
            repository.manifests[digest] = descriptor
        return descriptor

    def referrers(self, reference: Reference, artifact_type: str = "") -> tuple[Descriptor, ...]:
        """Return the manifests whose subject is the image, in the order of their digests."""
        self._called("referrers")
        with self._lock:
            image = self._find(reference)
            return () if image is None else self._referrers(reference, image.digest, artifact_type)

    def tag(self, source: Reference, target: Reference) -> Descriptor:
        """Point a tag at an image, and take over what it refers to."""
        self._called("tag")
        if not target.tag or target.digest:
            raise RegistryError(f"{target} is no tag")
        with self._lock:
            descriptor = self._find(source)
            if descriptor is None:
                raise RegistryError(f"{source} is not there")
            if self._find(target) != descriptor:
                self._refuse_read_only(target)
                self._copy(source, target, descriptor)
                self.writes += 1
                self.repository(target).tags[target.tag] = descriptor.digest
        return descriptor

    def is_writable(self, reference: Reference) -> bool:
        """Tell whether the repository is in no namespace of ``read_only``."""
        self._called("is_writable")
        return not self._is_read_only(reference)

    def tags(self, reference: Reference) -> Iterator[str]:
        """Yield the repository's tags, sorted."""
        self._called("tags")
        yield from sorted(self.repository(reference).tags)

    def delete(self, reference: Reference) -> bool:
        """Remove a tag, or a manifest with its tags and what refers to it; blobs stay."""
        self._called("delete")
        with self._lock:
            if reference.digest:
                found = self._delete_manifest(reference, reference.digest)
            else:
                found = self.repository(reference).tags.pop(reference.tag, None) is not None
            self.writes += found
        return found

    def _delete_manifest(self, reference: Reference, digest: str) -> bool:
        repository = self.repository(reference)
        for referrer in self._referrers(reference, digest, ""):
            self._delete_manifest(reference, referrer.digest)
        for tag in [t for t, d in repository.tags.items() if d == digest]:
            del repository.tags[tag]
        repository.blobs.pop(digest, None)
        return repository.manifests.pop(digest, None) is not None

    def _is_read_only(self, reference: Reference) -> bool:
        return any(reference.repository.startswith(f"{name}/") for name in self.read_only)

    def _refuse_read_only(self, reference: Reference) -> None:
        if self._is_read_only(reference):
            raise RegistryError(f"you may not write to {reference.repository_only()}")

    def _called(self, method: str) -> None:
        with self._lock:
            self.calls[method] += 1
            if method in self.failures:
                raise self.failures[method]

    def _find(self, reference: Reference) -> Descriptor | None:
        with self._lock:
            repository = self.repository(reference)
            digest = reference.digest or repository.tags.get(reference.tag, "")
            return repository.manifests.get(digest)

    def _referrers(
        self, reference: Reference, digest: str, artifact_type: str
    ) -> tuple[Descriptor, ...]:
        repository = self.repository(reference)
        found = []
        for descriptor in sorted(repository.manifests.values(), key=lambda each: each.digest):
            document = read_document(repository.blobs[descriptor.digest], descriptor.media_type)
            is_wanted = artifact_type in ("", document.artifact_type)
            if is_wanted and document.subject and document.subject.digest == digest:
                found.append(replace(descriptor, annotations=document.annotations))
        return tuple(found)

    def _copy(self, source: Reference, target: Reference, descriptor: Descriptor) -> None:
        origin = self.repository(source)
        document = read_document(origin.blobs[descriptor.digest], descriptor.media_type)
        for child in document.manifests:
            self._copy(source, target, origin.manifests[child.digest])
        for blob in document.blobs:
            self._take_over(source, target, blob.digest)
        self._take_over(source, target, descriptor.digest)
        self.repository(target).manifests[descriptor.digest] = descriptor

    def _take_over(self, source: Reference, target: Reference, digest: str) -> bool:
        origin, goal = self.repository(source), self.repository(target)
        if digest not in origin.blobs:
            return False
        if digest not in goal.blobs:
            self.writes += 1
            goal.blobs[digest] = origin.blobs[digest]
        return True


def _root(document: Document) -> dict[str, str]:
    root = document.annotations.get(ROOT_ANNOTATION)
    return {} if root is None else {ROOT_ANNOTATION: root}


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _check(digest: str, data: bytes) -> None:
    if _digest(data) != digest:
        raise RegistryError(f"the bytes of {digest} are wrong")
