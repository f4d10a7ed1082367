"""Manifests and indexes of a repository: look-up, reading, writing."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING

from okplug import ROOT_ANNOTATION, Descriptor, RegistryError
from okplug.oci import INDEX_TYPES, LARGEST_DOCUMENT, MANIFEST_TYPES, read_document
from okplug_registry.failures import StatusError
from okplug_registry.server import PUSH, Call
from okplug_registry.transport import finish
from okplug_registry.verified import digest_mismatch

if TYPE_CHECKING:
    import urllib3

    from okplug import Reference
    from okplug_registry.server import Server

_OK, _CREATED, _NOT_FOUND = 200, 201, 404
_KINDS = MANIFEST_TYPES | INDEX_TYPES
_ACCEPT = {"Accept": ", ".join(sorted(_KINDS))}
_DIGEST = "Docker-Content-Digest"
#: how registries refuse to move a tag that is not to be moved
_FIXED = frozenset({400, 403, 405, 409, 412})
_TRIES = 4  # of a manifest whose digest, which is right, is said to be wrong


def find_manifest(server: Server, reference: Reference) -> Descriptor | None:
    """Return the descriptor of a manifest or index by one HEAD, None if there is none.

    A registry that does not answer a HEAD in full is asked for the document itself.
    """
    response = server.call(_reading("HEAD", reference), _OK, _NOT_FOUND)
    finish(response)
    if response.status == _NOT_FOUND:
        return None
    media_type, digest = _media_type(response), response.headers.get(_DIGEST, "")
    size = response.headers.get("Content-Length", "")
    if media_type not in _KINDS or not digest or not size.isdecimal():
        found = read_manifest(server, reference)
        return found[0] if found else None
    if reference.digest and digest != reference.digest:
        raise digest_mismatch(_place(server, reference), reference.digest, digest)
    return Descriptor(media_type, digest, int(size))


def read_manifest(server: Server, reference: Reference) -> tuple[Descriptor, bytes] | None:
    """Return a manifest or index with its bytes, verified, or None."""
    response = server.call(_reading("GET", reference), _OK, _NOT_FOUND)
    data = finish(response)
    if response.status == _NOT_FOUND:
        return None
    place = _place(server, reference)
    if len(data) > LARGEST_DOCUMENT:
        raise RegistryError(f"{place} gave a manifest of {len(data)} bytes: expected at most 4 MiB")
    digest = _verified(
        place, data, reference.digest or response.headers.get(_DIGEST) or digest_of(data)
    )
    try:
        said = _media_type(response)
        document = read_document(data, said if said in _KINDS else "")
    except RegistryError as error:
        raise RegistryError(f"{place}: {error.message}", hint=error.hint) from error
    root = document.annotations.get(ROOT_ANNOTATION)
    annotations = {} if root is None else {ROOT_ANNOTATION: root}
    return Descriptor(document.media_type, digest, len(data), annotations), data


def write_manifest(
    server: Server, reference: Reference, media_type: str, data: bytes
) -> urllib3.BaseHTTPResponse:
    """Store a manifest or index under the reference's digest, or else its tag.

    :raises StatusError: if the registry does not take it.
    """
    expected = digest_of(data)
    response = _put(server, reference, media_type, data)
    if (stored := response.headers.get(_DIGEST) or expected) != expected:
        raise digest_mismatch(_place(server, reference), expected, stored)
    return response


def _put(
    server: Server, reference: Reference, media_type: str, data: bytes
) -> urllib3.BaseHTTPResponse:
    """Put a manifest, again where the registry stumbles over somebody who writes the same.

    One that keeps files reads half-written links to blobs then, which it takes for wrong digests.
    """
    name = reference.digest or reference.tag
    call = Call(
        "PUT",
        reference.repository,
        f"manifests/{name}",
        f"write {'the tag ' if not reference.digest else ''}{name}",
        rights=PUSH,
        headers={"Content-Type": media_type},
        body=data,
    )
    for tries_left in reversed(range(_TRIES)):
        try:
            response = server.call(call, _CREATED, _OK)
            break
        except StatusError as error:
            if "DIGEST_INVALID" not in error.codes or not tries_left:
                raise
            time.sleep(server.transport.pause)
    finish(response)
    return response


def move_tag(server: Server, tag: Reference, media_type: str, data: bytes) -> None:
    """Point a tag at a manifest or index; a tag that must not move may point there already.

    :raises RegistryError: if the registry refuses; a tag that cannot be moved is told apart.
    """
    try:
        write_manifest(server, tag, media_type, data)
    except StatusError as error:
        if error.status not in _FIXED:
            raise
        present = find_manifest(server, tag)
        if present is None:
            raise
        if present.digest == digest_of(data):
            return
        raise RegistryError(
            f"{tag} points at {present.digest}, and {server.address.host} does not let it be "
            f"moved to {digest_of(data)}: {error.message}",
            hint="if its tags are immutable, allow this one to move, or write another one",
        ) from error


def digest_of(data: bytes) -> str:
    """Return the sha256 digest of a document."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _reading(method: str, reference: Reference) -> Call:
    name = reference.digest or reference.tag
    doing = f"read {'the tag ' if not reference.digest else ''}{name}"
    return Call(method, reference.repository, f"manifests/{name}", doing, headers=_ACCEPT)


def _media_type(response: urllib3.BaseHTTPResponse) -> str:
    return response.headers.get("Content-Type", "").partition(";")[0].strip()


def _place(server: Server, reference: Reference) -> str:
    return f"{server.address.host}/{reference.repository}"


def _verified(place: str, data: bytes, digest: str) -> str:
    """Return the digest if the bytes have it."""
    algorithm = digest.partition(":")[0]
    if algorithm not in {"sha256", "sha384", "sha512"}:
        raise RegistryError(f"{place}: {digest:.80} is no digest that can be verified")
    found = f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"
    if found != digest:
        raise digest_mismatch(place, digest, found)
    return digest
