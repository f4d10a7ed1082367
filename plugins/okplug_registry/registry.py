"""The registry: what ``okplug.Registry`` promises, over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, TypeVar

from okplug import Descriptor, RegistryError
from okplug.oci import read_document
from okplug_registry.blobs import can_upload, has_blob, mount_blob, open_blob
from okplug_registry.deletion import delete
from okplug_registry.manifests import (
    digest_of,
    find_manifest,
    move_tag,
    read_manifest,
    write_manifest,
)
from okplug_registry.pages import read_pages
from okplug_registry.referrers import add_referrer, find_referrers, is_list, referring
from okplug_registry.server import Call
from okplug_registry.uploads import spooled, upload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from okplug import Reference
    from okplug_registry.server import Server

    Found = TypeVar("Found")

#: calls at once, each on a connection of its own
CONCURRENCY = 32


class HttpRegistry:
    """The repositories of one host.

    :param host: as references have it.
    :param readers: mirrors, which are asked first when something is read.
    :param roots: look-ups of tags also bring the root that an image was made of, which a HEAD
        cannot, so that verifying a hit takes no second request.
    """

    concurrency = CONCURRENCY
    is_remote = True

    def __init__(
        self, host: str, server: Server, readers: Sequence[Server] = (), *, roots: bool = True
    ) -> None:
        self.host = host
        self._server = server
        self._readers = tuple(readers)
        self._roots = roots

    def describe(self) -> str:
        """Return the header's line."""
        mirrors = ", ".join(reader.address.host for reader in self._readers)
        return f"{self.host}, read through {mirrors}" if mirrors else self.host

    # ----------------------------------------------------------------------------------- manifests

    def resolve(self, reference: Reference) -> Descriptor | None:
        """Return the descriptor of a manifest or index by one request, None if there is none."""
        if self._roots and not reference.digest:
            found = self.read_manifest(reference)
            return found[0] if found else None
        return self._first(lambda server: find_manifest(server, reference))

    def read_manifest(self, reference: Reference) -> tuple[Descriptor, bytes] | None:
        """Return a verified manifest or index with its bytes, or None."""
        return self._first(lambda server: read_manifest(server, reference))

    def write_manifest(self, reference: Reference, media_type: str, data: bytes) -> Descriptor:
        """Store a manifest or index by its digest; one with a subject is listed with that."""
        read_document(data, media_type)
        digest = digest_of(data)
        target = reference.with_tag("").with_digest(digest)
        response = write_manifest(self._server, target, media_type, data)
        add_referrer(self._server, target, data, response)
        return Descriptor(media_type, digest, len(data))

    def referrers(self, reference: Reference, artifact_type: str = "") -> tuple[Descriptor, ...]:
        """Return the descriptors of the manifests whose subject is the image.

        :param artifact_type: of the manifests, ``""`` for all of them.
        """
        image = reference.with_tag("")
        if not image.digest:
            found = self.resolve(reference)
            if found is None:
                return ()
            image = image.with_digest(found.digest)
        return find_referrers(self._server, image, artifact_type)

    # --------------------------------------------------------------------------------------- blobs

    def open_blob(self, reference: Reference, digest: str) -> BinaryIO:
        """Open a blob; the read that reaches its end verifies it."""
        *mirrors, last = self._reading
        for server in mirrors:
            try:
                return open_blob(server, reference.repository, digest)
            except RegistryError:
                continue
        return open_blob(last, reference.repository, digest)

    def has_blob(self, reference: Reference, digest: str) -> bool:
        """Tell whether the repository holds the blob, in the registry itself."""
        return has_blob(self._server, reference.repository, digest)

    def write_blob(self, reference: Reference, data: BinaryIO, media_type: str) -> Descriptor:
        """Store a blob, which is not sent if it is there."""
        with spooled(data) as content:
            upload(self._server, reference.repository, content)
        return Descriptor(media_type, content.digest, content.size)

    def mount_blob(self, source: Reference, target: Reference, digest: str) -> bool:
        """Make a blob part of another repository; False if the registry does not do that."""
        if source.registry != target.registry:
            return False
        if source.repository == target.repository:
            return self.has_blob(target, digest)
        return mount_blob(self._server, source.repository, target.repository, digest)

    # ---------------------------------------------------------------------------------------- tags

    def tag(self, source: Reference, target: Reference) -> Descriptor:
        """Point a tag at an image, and bring what it consists of into the tag's repository."""
        if not target.tag or target.digest:
            raise RegistryError(f"expected a tag to set, not {target}")
        present = find_manifest(self._server, target)
        if present and present.digest == source.digest:
            return present
        found = read_manifest(self._server, source)
        if found is None:
            raise RegistryError(f"{source} is not there", hint="build it again")
        descriptor, data = found
        if present and present.digest == descriptor.digest:
            return present
        if source.repository != target.repository:
            self._bring_parts(source, target, descriptor, data)
        move_tag(self._server, target, descriptor.media_type, data)
        return descriptor

    def _bring_parts(
        self, source: Reference, target: Reference, image: Descriptor, data: bytes
    ) -> None:
        """Bring all that a manifest or index refers to into another repository."""
        document = read_document(data, image.media_type)
        for child in document.manifests:
            self._bring_manifest(source, target, child.digest)
        for blob in document.blobs:
            if not self.mount_blob(source, target, blob.digest):
                with self.open_blob(source, blob.digest) as stream:
                    self.write_blob(target, stream, blob.media_type)

    def _bring_manifest(self, source: Reference, target: Reference, digest: str) -> None:
        wanted = target.with_tag("").with_digest(digest)
        if find_manifest(self._server, wanted):
            return
        found = read_manifest(self._server, source.with_tag("").with_digest(digest))
        if found is None:
            raise RegistryError(
                f"{source} is not whole: {digest} is not there", hint="build it again"
            )
        self._bring_parts(source, target, *found)
        write_manifest(self._server, wanted, found[0].media_type, found[1])

    def is_writable(self, reference: Reference) -> bool:
        """Tell whether an upload can be begun, and cancel it."""
        return can_upload(self._server, reference.repository)

    def tags(self, reference: Reference) -> Iterator[str]:
        """Yield the tags of the repository, sorted, without those that stand for lists."""
        call = Call("GET", reference.repository, "tags/list?n=1000", "list the tags")
        found = read_pages(self._server, call, "tags")
        yield from sorted({tag for tag in found if isinstance(tag, str) and not is_list(tag)})

    def delete(self, reference: Reference) -> bool:
        """Remove a tag, or a manifest with its tags and with what refers to it.

        :return: False if it was not there.
        """
        if not reference.digest:
            return delete(self._server, reference)
        image = reference.with_tag("")
        about = referring(self._server, image)
        is_deleted = delete(self._server, image)
        for digest in about if is_deleted else ():
            delete(self._server, image.with_digest(digest))
        return is_deleted

    # --------------------------------------------------------------------------------------- where

    @property
    def _reading(self) -> tuple[Server, ...]:
        """Where to read from, the registry itself last."""
        return (*self._readers, self._server)

    def _first(self, read: Callable[[Server], Found | None]) -> Found | None:
        """Return what the first server has; a mirror that fails counts as one that has nothing."""
        for mirror in self._readers:
            try:
                found = read(mirror)
            except RegistryError:
                continue
            if found is not None:
                return found
        return read(self._server)
