"""Administrator's variables as an artifact in a registry, after the OCI image specification 1.1.

It is a manifest with one layer, a JSON object of names and values, under one tag of the global
namespace. Equal variables make equal bytes, whoever writes them.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from okplug.errors import RegistryError
from okplug.oci import OCI_MANIFEST
from okplug.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Mapping

    from okplug.backends import Registry

ARTIFACT_TYPE = "application/vnd.okplug.admin.v1"
LAYER_TYPE = f"{ARTIFACT_TYPE}+json"
EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
_EMPTY = b"{}"
_LARGEST = 1024 * 1024  # bytes of the layer
#: how often to begin again when somebody else writes at the same time
_TRIES = 8


@dataclass(frozen=True, slots=True)
class Published:
    """What a registry has.

    :param digest: of the artifact, ``""`` if there is none.
    """

    digest: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)


def variables_reference(registry: Registry, global_namespace: str) -> Reference:
    """Return where a registry keeps the variables."""
    return Reference(registry.host, f"{global_namespace}/okplug-admin", "variables")


def read_published(registry: Registry, reference: Reference, known: Published) -> Published:
    """Return the variables by one request if they are those that are known, else by two.

    :raises RegistryError: if they cannot be read, or something else is under the tag.
    """
    found = registry.read_manifest(reference)
    if found is None:
        return Published()
    descriptor, data = found
    if descriptor.digest == known.digest:
        return known
    digest = _layer(reference, json.loads(data))
    with registry.open_blob(reference, digest) as stream:
        text = stream.read(_LARGEST + 1)
        if len(text) <= _LARGEST:
            stream.read()  # the end of the stream is where its bytes are verified
    return Published(descriptor.digest, _decode(reference, text))


def publish(
    registry: Registry, reference: Reference, changes: Mapping[str, str | None]
) -> Published:
    """Change variables in the registry, and leave all others as they are at that time.

    Registries have no way to write only what nobody else has changed. So what is there is read
    right before the tag moves and after it, and if somebody else was at work all is done again.
    Only two who move the tag within the same moment could still hide this from each other.

    :param changes: name -> value, None to remove it.
    :raises RegistryError: if that cannot be, or others write all the time.
    """
    found = read_published(registry, reference, Published())
    for _ in range(_TRIES):
        wanted = _changed(found.variables, changes)
        if wanted == found.variables:
            return found
        target = _write(registry, reference, wanted)
        meanwhile = read_published(registry, reference, found)
        if meanwhile.digest == found.digest:
            registry.tag(target, reference)
            meanwhile = read_published(registry, reference, Published(target.digest, wanted))
        found = meanwhile
    if _changed(found.variables, changes) == found.variables:
        return found
    raise RegistryError(
        f"somebody else changes {reference} all the time", hint="try it again a little later"
    )


def _changed(variables: Mapping[str, str], changes: Mapping[str, str | None]) -> dict[str, str]:
    merged = {**variables, **changes}
    return {name: value for name, value in merged.items() if value is not None}


def _write(registry: Registry, reference: Reference, variables: Mapping[str, str]) -> Reference:
    """Store the artifact by its digest, without a tag."""
    text = json.dumps({"variables": variables}, sort_keys=True, separators=(",", ":")).encode()
    if len(text) > _LARGEST:
        raise RegistryError("the variables are too large: together at most 1 MiB")
    registry.write_blob(reference, io.BytesIO(_EMPTY), EMPTY_TYPE)
    registry.write_blob(reference, io.BytesIO(text), LAYER_TYPE)
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": ARTIFACT_TYPE,
        "config": _descriptor(EMPTY_TYPE, _EMPTY),
        "layers": [_descriptor(LAYER_TYPE, text)],
    }
    data = json.dumps(manifest, separators=(",", ":")).encode()
    written = registry.write_manifest(reference.with_tag(""), OCI_MANIFEST, data)
    return reference.with_tag("").with_digest(written.digest)


def _descriptor(media_type: str, data: bytes) -> dict[str, object]:
    import hashlib

    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    return {"mediaType": media_type, "digest": digest, "size": len(data)}


def _layer(reference: Reference, manifest: Mapping[str, Any]) -> str:
    """Return the digest of the layer with the variables; the registry has checked the manifest."""
    layers = manifest.get("layers")
    if manifest.get("artifactType") != ARTIFACT_TYPE or not layers:
        raise _foreign(reference, f"expected an artifact of type {ARTIFACT_TYPE}")
    return str(layers[0]["digest"])


def _decode(reference: Reference, data: bytes) -> dict[str, str]:
    try:
        found = json.loads(data)["variables"]
        pairs = sorted(found.items())
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        pairs = [("", None)]
    if not all(isinstance(name, str) and isinstance(value, str) for name, value in pairs):
        raise _foreign(reference, "expected a JSON object of names and texts")
    return dict(pairs)


def _foreign(reference: Reference, expected: str) -> RegistryError:
    return RegistryError(
        f"{reference} holds no administrator's variables: {expected}",
        hint="somebody stored something else there; delete that tag",
    )
