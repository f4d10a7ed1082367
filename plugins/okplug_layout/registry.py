"""The registry: what ``okplug.Registry`` promises, over layouts in a folder."""

from __future__ import annotations

import io
import json
import os
from typing import TYPE_CHECKING, BinaryIO

from okplug import Descriptor, RegistryError
from okplug.oci import LARGEST_DOCUMENT, is_sha256, read_document
from okplug_layout.blobs import Blobs
from okplug_layout.contents import descriptor_of, find_manifest, parts
from okplug_layout.failures import storage_errors
from okplug_layout.files import write_whole
from okplug_layout.garbage import GRACE, is_recent, remove_blob, remove_garbage
from okplug_layout.indexes import Index, Indexes, has_digest, has_tag
from okplug_layout.locks import exclusive
from okplug_layout.places import Places
from okplug_layout.referrers import find_referrers, living, with_referrer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from okplug import Reference

_VERSION_FILE = json.dumps({"imageLayoutVersion": "1.0.0"}).encode()


class LayoutRegistry:
    """Repositories as OCI image layouts of version 1.0.0, below one folder.

    Threads and processes may use the folder at once. Readers take no lock: an index is one file
    that is replaced as a whole, and blobs never change.

    :param folder: absolute; it is made when something is stored.
    :param grace: seconds for which blobs that nothing refers to are kept.
    """

    #: names images of this machine, as other tools do
    host = "localhost"
    #: a look-up is two calls of the operating system, which more threads would only make slower
    concurrency = 1
    is_remote = False

    def __init__(self, folder: Path, grace: float = GRACE) -> None:
        self._places = Places(folder)
        self._blobs = Blobs(self._places)
        self._indexes = Indexes()
        self._grace = grace

    def describe(self) -> str:
        """Return the header's line."""
        return f"OCI layouts in {self._places.root}"

    # ----------------------------------------------------------------------------------- manifests

    def resolve(self, reference: Reference) -> Descriptor | None:
        """Return the descriptor of a manifest or index, None if there is none.

        A tag whose manifest was removed, or cut short, by somebody else finds nothing, so that the
        image is built again.
        """
        if reference.digest:
            found = find_manifest(self._blobs, reference)
            return found[0] if found else None
        tagged = self._index(reference).find(reference.tag)
        if tagged is None or self._blobs.size(reference, tagged.digest) != tagged.size:
            return None
        return tagged

    def read_manifest(self, reference: Reference) -> tuple[Descriptor, bytes] | None:
        """Return a verified manifest or index with its bytes, or None."""
        if reference.digest:
            return find_manifest(self._blobs, reference)
        tagged = self._index(reference).find(reference.tag)
        if tagged is None:
            return None
        data = self._blobs.read(reference, tagged.digest, LARGEST_DOCUMENT)
        return None if data is None else (tagged, data)

    def write_manifest(self, reference: Reference, media_type: str, data: bytes) -> Descriptor:
        """Store a manifest or index whose parts are there.

        A tag makes an entry in ``index.json`` of it, and so does a subject.
        """
        document = read_document(data, media_type)
        if read_document(data).media_type != media_type:
            raise RegistryError(f"a document without mediaType cannot be a {media_type}")
        for part in (*document.blobs, *document.manifests):
            self._blobs.require(reference, part)
        self._prepare(reference)
        digest, size = self._blobs.write(reference, io.BytesIO(data))
        descriptor = descriptor_of(document, digest, size)
        if document.subject:
            with exclusive(self._places.lock(reference)):
                index = self._index(reference)
                listing = with_referrer(index, document, descriptor)
                if listing is not index:
                    self._write_index(listing.encode(), reference)
        return descriptor

    def referrers(self, reference: Reference, artifact_type: str = "") -> tuple[Descriptor, ...]:
        """Return the manifests whose subject is the image, in the order of their writing."""
        image = self.resolve(reference)
        if image is None:
            return ()
        subject = reference.with_tag("").with_digest(image.digest)
        index = self._index(reference)
        return tuple(find_referrers(self._blobs, index, subject, artifact_type))

    # --------------------------------------------------------------------------------------- blobs

    def open_blob(self, reference: Reference, digest: str) -> BinaryIO:
        """Open a blob; the read that reaches its end verifies it."""
        return self._blobs.open(reference, digest)

    def has_blob(self, reference: Reference, digest: str) -> bool:
        """Tell whether the repository holds the blob, and have it kept for a while if so."""
        return self._blobs.claim(reference, digest)

    def write_blob(self, reference: Reference, data: BinaryIO, media_type: str) -> Descriptor:
        """Store a blob; one that is there is kept if its bytes are the same, else replaced."""
        self._prepare(reference)
        digest, size = self._blobs.write(reference, data)
        return Descriptor(media_type, digest, size)

    def mount_blob(self, source: Reference, target: Reference, digest: str) -> bool:
        """Link a blob into another repository; False if the first has none."""
        if not self._blobs.claim(source, digest):
            return False
        self._prepare(target)
        return self._blobs.bring(source, target, digest)

    # ---------------------------------------------------------------------------------------- tags

    def tag(self, source: Reference, target: Reference) -> Descriptor:
        """Point a tag at an image, and link what it consists of into the tag's repository."""
        if not target.tag or target.digest:
            raise RegistryError(f"expected a tag to set, not {target}")
        present = self.resolve(target)
        if present and present.digest == source.digest:
            return present
        found = self.resolve(source)
        if found is None:
            raise RegistryError(f"{source} is not there", hint="build it again")
        if present and present.digest == found.digest:
            return present
        self._prepare(target)
        with exclusive(self._places.lock(target)):
            self._bring_image(source, target, found)
            self._write_index(self._index(target).with_tag(target.tag, found), target)
        return found

    def _bring_image(self, source: Reference, target: Reference, image: Descriptor) -> None:
        """Link all parts of an image, and refuse to tag it if one is missing."""
        for part in parts(self._blobs, source, [image]):
            self._blobs.bring(source, target, part.digest)
            self._blobs.require(target, part)

    def is_writable(self, reference: Reference) -> bool:
        """Tell whether the user may write to the repository's folder, or to where it would be."""
        folder = self._places.layout(reference)
        while not folder.exists() and folder != folder.parent:
            folder = folder.parent
        return os.access(folder, os.W_OK | os.X_OK)

    def tags(self, reference: Reference) -> Iterator[str]:
        """Yield the tags of the repository, sorted."""
        yield from self._index(reference).tags

    # -------------------------------------------------------------------------------------- delete

    def delete(self, reference: Reference) -> bool:
        """Remove a tag, or a manifest with its tags and with what refers to it.

        Old blobs that nothing refers to then are removed, too.

        :raises RegistryError: if the manifest is part of an index.
        """
        if self.resolve(reference) is None and not self._has_entry(reference):
            return False
        with exclusive(self._places.lock(reference)):
            index = self._index(reference)
            remaining = index.without(
                lambda entry: (
                    has_digest(entry, reference.digest)
                    if reference.digest
                    else has_tag(entry, reference.tag)
                )
            )
            remaining, kept = living(
                remaining,
                lambda some: self._referred_to(reference, some),
                lambda digest: self._is_alive(reference, digest),
            )
            if reference.digest in kept:
                raise RegistryError(
                    f"{reference} is part of an index",
                    hint="delete the index, which takes its parts along",
                )
            if len(remaining.entries) < len(index.entries):
                self._write_index(remaining.encode(), reference)
            self._remove(reference, kept)
        return True

    def _has_entry(self, reference: Reference) -> bool:
        """Tell whether the index knows what is to be deleted, though its blob may be gone."""
        index = self._index(reference)
        if reference.digest:
            return any(has_digest(entry, reference.digest) for entry in index.entries)
        return reference.tag in index.tags

    def _referred_to(self, reference: Reference, index: Index) -> set[str]:
        roots = [index.descriptor(entry) for entry in index.entries]
        return {part.digest for part in parts(self._blobs, reference, roots)}

    def _is_alive(self, reference: Reference, digest: str) -> bool:
        """Tell whether a manifest is young enough to get a tag yet."""
        return (
            is_sha256(digest)
            and digest != reference.digest
            and is_recent(self._places.blob(reference, digest), self._grace)
        )

    def _remove(self, reference: Reference, kept: set[str]) -> None:
        blobs = self._places.blobs(reference)
        with storage_errors("clean", blobs):
            if is_sha256(reference.digest):
                remove_blob(self._places.blob(reference, reference.digest), self._places.pool)
            remove_garbage(blobs, self._places.pool, kept, self._grace)

    # -------------------------------------------------------------------------------------- layout

    def _index(self, reference: Reference) -> Index:
        return self._indexes.read(self._places.index(reference))

    def _write_index(self, data: bytes, reference: Reference) -> None:
        path = self._places.index(reference)
        with storage_errors("write", path):
            write_whole(path, data, self._places.incoming)

    def _prepare(self, reference: Reference) -> None:
        """Make the repository a layout if it is none; ``oci-layout`` is what is written last.

        What is in a new layout need not be durable: an empty file is as good as none.
        """
        layout = self._places.layout(reference)
        version = layout / "oci-layout"
        with storage_errors("write", layout):
            if _has_bytes(version):
                return
            with exclusive(self._places.lock(reference)):
                self._places.blobs(reference).mkdir(parents=True, exist_ok=True)
                index = self._places.index(reference)
                for path, data in ((index, Index(index).encode()), (version, _VERSION_FILE)):
                    if not _has_bytes(path):
                        write_whole(path, data, self._places.incoming, durable=False)


def _has_bytes(path: Path) -> bool:
    try:
        return path.stat().st_size > 0
    except FileNotFoundError:
        return False
