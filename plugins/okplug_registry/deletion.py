"""Removing tags and manifests."""

from __future__ import annotations

import io
import json
import secrets
from typing import TYPE_CHECKING

from okplug import RegistryError
from okplug.oci import OCI_CONFIG, OCI_MANIFEST
from okplug_registry.failures import StatusError
from okplug_registry.manifests import digest_of, find_manifest, write_manifest
from okplug_registry.server import DELETE, Call
from okplug_registry.transport import finish
from okplug_registry.uploads import spooled, upload

if TYPE_CHECKING:
    from okplug import Reference
    from okplug_registry.server import Server

_OK, _ACCEPTED, _NO_CONTENT, _NOT_FOUND = 200, 202, 204, 404
_UNSUPPORTED = frozenset({400, 405, 501})
_OFF = "allow it there (in the distribution registry: storage.delete.enabled)"


def delete(server: Server, reference: Reference) -> bool:
    """Remove a tag, or a manifest with its tags; False if it was not there."""
    if find_manifest(server, reference) is None:
        return False
    try:
        return _delete(server, reference)
    except StatusError as error:
        if error.status not in _UNSUPPORTED:
            raise
        if reference.digest:
            raise RegistryError(
                f"{server.address.host} deletes nothing: {error.message}", hint=_OFF
            ) from error
    _delete_with_substitute(server, reference)
    return True


def _delete(server: Server, reference: Reference) -> bool:
    name = reference.digest or reference.tag
    call = Call(
        "DELETE", reference.repository, f"manifests/{name}", f"delete {name}", rights=DELETE
    )
    response = server.call(call, _OK, _ACCEPTED, _NO_CONTENT, _NOT_FOUND)
    finish(response)
    return response.status != _NOT_FOUND


def _delete_with_substitute(server: Server, tag: Reference) -> None:
    """Remove a tag where only manifests can be removed: point it at one of its own first.

    The first round shows that deleting is allowed, before the tag is touched.
    """
    for target in (tag.with_tag(""), tag):
        data = _substitute(server, tag.repository)
        by_digest = tag.with_tag("").with_digest(digest_of(data))
        write_manifest(server, target if target.tag else by_digest, OCI_MANIFEST, data)
        delete(server, by_digest)


def _substitute(server: Server, repository: str) -> bytes:
    """Return a manifest that nobody else has, of an image without content."""
    with spooled(io.BytesIO(b"{}")) as config:
        upload(server, repository, config)
    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": {"mediaType": OCI_CONFIG, "digest": config.digest, "size": config.size},
            "layers": [],
            "annotations": {"dev.okplug.deleted": secrets.token_hex(16)},
        }
    ).encode()
