"""What refers to an image, such as signatures: by the registry's list, or by a tag in its place.

A registry that does not know of referrers gets an index under the tag ``sha256-<hex>``, after the
distribution specification 1.1, "Referrers Tag Schema".
"""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

from okplug import RegistryError
from okplug.oci import OCI_INDEX, OCI_MANIFEST, is_sha256, read_descriptor
from okplug_registry.failures import StatusError
from okplug_registry.manifests import digest_of, find_manifest, read_manifest, write_manifest
from okplug_registry.pages import read_pages
from okplug_registry.server import Call

if TYPE_CHECKING:
    import urllib3

    from okplug import Descriptor, Reference
    from okplug_registry.server import Server

_MOST_TRIES = 5
#: how registries refuse what they do not know, besides the 404 that the specification wants
_UNSUPPORTED = frozenset({400, 405, 501})
#: one writer of this process at a time; those of others are found out afterwards
_WRITING = threading.Lock()


def find_referrers(server: Server, image: Reference, artifact_type: str) -> tuple[Descriptor, ...]:
    """Return the descriptors of the manifests whose subject is the image.

    :param image: with its digest.
    :param artifact_type: of the manifests, ``""`` for all of them.
    """
    call = Call(
        "GET",
        image.repository,
        f"referrers/{image.digest}",
        f"list what refers to {image.digest}",
        headers={"Accept": OCI_INDEX},
    )
    entries = _listed(server, call) or _tagged(server, image)
    return tuple(
        read_descriptor(entry)
        for entry in entries
        if not artifact_type
        or (isinstance(entry, dict) and entry.get("artifactType") == artifact_type)
    )


def referring(server: Server, image: Reference) -> tuple[str, ...]:
    """Return the digests of all that is only there for an image: what refers to it, and the list.

    :param image: with its digest.
    """
    found = [descriptor.digest for descriptor in find_referrers(server, image, "")]
    listing = find_manifest(server, _fallback(image))
    return (*found, *([listing.digest] if listing else ()))


def is_list(tag: str) -> bool:
    """Tell whether a tag stands for the list of what refers to an image."""
    return is_sha256(tag.replace("-", ":", 1))


def add_referrer(
    server: Server, written: Reference, data: bytes, response: urllib3.BaseHTTPResponse
) -> None:
    """List a manifest that has a subject, if the registry did not do so when it was written.

    :param written: where it was written to.
    :param response: the registry's answer to that.
    """
    if response.headers.get("OCI-Subject"):
        return
    document = json.loads(data)
    subject = document.get("subject")
    if subject is None:
        return
    image = written.with_tag("").with_digest(read_descriptor(subject).digest)
    entry = _entry(document, data)
    with _WRITING:
        for _ in range(_MOST_TRIES):
            entries = _tagged(server, image)
            if any(other.get("digest") == entry["digest"] for other in entries):
                return
            index = {
                "schemaVersion": 2,
                "mediaType": OCI_INDEX,
                "manifests": [*entries, entry],
            }
            write_manifest(server, _fallback(image), OCI_INDEX, json.dumps(index).encode())
    raise RegistryError(
        f"{image}: too many write to the list of what refers to it", hint="run again"
    )


def _listed(server: Server, call: Call) -> list[Any]:
    """Return the entries of the registry's list, none if it does not know of such lists."""
    try:
        return list(read_pages(server, call, "manifests"))
    except StatusError as error:
        if error.status in _UNSUPPORTED:
            return []
        raise


def _tagged(server: Server, image: Reference) -> list[dict[str, Any]]:
    """Return the entries of the index that stands for the list."""
    found = read_manifest(server, _fallback(image))
    if found is None or found[0].media_type != OCI_INDEX:
        return []
    return [entry for entry in json.loads(found[1])["manifests"] or () if isinstance(entry, dict)]


def _fallback(image: Reference) -> Reference:
    return image.with_digest("").with_tag(image.digest.replace(":", "-"))


def _entry(document: dict[str, Any], data: bytes) -> dict[str, Any]:
    """Return what the list says of a manifest."""
    entry: dict[str, Any] = {
        "mediaType": document.get("mediaType") or OCI_MANIFEST,
        "digest": digest_of(data),
        "size": len(data),
    }
    config = document.get("config")
    kind = document.get("artifactType") or (
        config.get("mediaType") if isinstance(config, dict) else None
    )
    if kind:
        entry["artifactType"] = kind
    if document.get("annotations"):
        entry["annotations"] = document["annotations"]
    return entry
