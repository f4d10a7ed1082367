"""What refers to an image, such as a signature: entries of the index that have no tag.

An entry names the digest that its manifest is about in an annotation, so that a list of a thousand
is searched without a look at a thousand files; an entry of another tool is looked into.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from okplug.oci import read_document
from okplug_layout.contents import find_manifest
from okplug_layout.indexes import has_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from okplug import Descriptor, Reference
    from okplug.oci import Document
    from okplug_layout.blobs import Blobs
    from okplug_layout.indexes import Index

SUBJECT = "dev.okplug.subject"


def subject_of(entry: object) -> str | None:
    """Return the digest that an entry's manifest is about, None if the entry does not say."""
    annotations = entry.get("annotations") if isinstance(entry, dict) else None
    subject = annotations.get(SUBJECT) if isinstance(annotations, dict) else None
    return subject if isinstance(subject, str) else None


def with_referrer(index: Index, document: Document, descriptor: Descriptor) -> Index:
    """Return the index with an entry for a manifest that has a subject; itself if it has one."""
    assert document.subject is not None
    if any(has_digest(entry, descriptor.digest) and subject_of(entry) for entry in index.entries):
        return index
    entry: dict[str, Any] = {
        "mediaType": descriptor.media_type,
        "digest": descriptor.digest,
        "size": descriptor.size,
        "artifactType": document.artifact_type,
        "annotations": {SUBJECT: document.subject.digest},
    }
    return index.with_entry(entry)


def find_referrers(
    blobs: Blobs, index: Index, image: Reference, artifact_type: str
) -> Iterator[Descriptor]:
    """Yield the manifests whose subject is the image, those that were written first before others.

    :param image: with its digest.
    """
    for entry in index.entries:
        if subject_of(entry) not in (None, image.digest):
            continue
        digest = index.descriptor(entry).digest
        found = find_manifest(blobs, image.with_tag("").with_digest(digest))
        document = read_document(found[1]) if found else None
        if found is None or document is None or document.subject is None:
            continue
        is_wanted = artifact_type in ("", document.artifact_type)
        if is_wanted and document.subject.digest == image.digest:
            yield replace(found[0], annotations=document.annotations)


def living(
    index: Index, referred_to: Callable[[Index], set[str]], is_alive: Callable[[str], bool]
) -> tuple[Index, set[str]]:
    """Return the index without what refers to images that are gone, and what is referred to.

    :param referred_to: tells the digests of all that the entries of an index consist of.
    :param is_alive: tells of a digest that nothing refers to whether it may still become an image.
    """
    found = index.without(lambda entry: subject_of(entry) is not None)
    digests = referred_to(found)
    while True:  # what refers to something may be referred to itself
        before, found = found, _about(index, digests, is_alive)
        if len(found.entries) == len(before.entries):
            return found, digests
        digests = referred_to(found)


def _about(index: Index, digests: set[str], is_alive: Callable[[str], bool]) -> Index:
    """Return the index without what refers to other digests."""

    def is_doomed(entry: object) -> bool:
        subject = subject_of(entry)
        return not (subject is None or subject in digests or is_alive(subject))

    return index.without(is_doomed)
