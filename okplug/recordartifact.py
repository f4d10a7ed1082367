"""The record of a key beside its image in the registry, after the OCI image specification 1.1.

It is a manifest whose ``subject`` is the image, with one layer: the record as JSON, compressed if
that is large. It also says when the image was built, which a reproducible image cannot.
"""

from __future__ import annotations

import hashlib
import io
import json
import zlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from okplug.backends import ROOT_ANNOTATION
from okplug.errors import RegistryError
from okplug.keydiff import record_from_json, record_to_json
from okplug.keys import KeyItem, KeyRecord
from okplug.oci import OCI_EMPTY, OCI_MANIFEST, read_document

if TYPE_CHECKING:
    from okplug.backends import Artifact, Descriptor, Registry
    from okplug.reference import Reference

RECORD_TYPE = "application/vnd.okplug.record.v1+json"
COMPRESSED_TYPE = f"{RECORD_TYPE}+gzip"

CREATED_ANNOTATION = "org.opencontainers.image.created"
ADDRESS_ANNOTATION = "dev.okplug.address"
KEY_ANNOTATION = "dev.okplug.key"
#: sha256 of the JSON, 64 hex digits
RECORD_ANNOTATION = "dev.okplug.record"

#: the subject of the item ``files`` in a record that does not list them
UNLISTED = "too many to list"

#: how zlib is told to write and read the headers of gzip
_GZIP = 31
#: bytes of JSON from which on it is compressed
_LARGE = 4096
#: bytes of the largest layer that is written
_LARGEST_LAYER = 4 * 1024 * 1024
#: bytes of the largest JSON that is read
_LARGEST = 64 * 1024 * 1024


def publish_record(registry: Registry, image: Artifact, address: str, record: KeyRecord) -> None:
    """Store a record beside the image that was built of it.

    :param record: with an item for each file; they are left out if there are too many.
    :raises RegistryError: if the registry does not take it.
    """
    packed = _packed(record) or _packed(without_files(record))
    if packed is None:
        return
    text, layer, media_type = packed
    place = image.reference.repository_only()
    config = registry.write_blob(place, io.BytesIO(b"{}"), OCI_EMPTY)
    written = registry.write_blob(place, io.BytesIO(layer), media_type)
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": RECORD_TYPE,
        "config": _plain(config),
        "layers": [_plain(written)],
        "subject": _plain(image.descriptor),
        "annotations": {
            CREATED_ANNOTATION: datetime.now(UTC).isoformat(timespec="seconds"),
            ADDRESS_ANNOTATION: address,
            KEY_ANNOTATION: record.key,
            RECORD_ANNOTATION: hashlib.sha256(text).hexdigest(),
            ROOT_ANNOTATION: record.root,
        },
    }
    data = json.dumps(manifest, sort_keys=True, separators=(",", ":")).encode()
    registry.write_manifest(place, OCI_MANIFEST, data)


def read_record(registry: Registry, image: Reference) -> KeyRecord | None:
    """Return the record of an image, None if there is none that can be understood.

    :raises RegistryError: if the registry cannot be read.
    """
    for listed in registry.referrers(image, RECORD_TYPE):
        found = registry.read_manifest(image.with_tag("").with_digest(listed.digest))
        blobs = read_document(found[1], found[0].media_type).blobs if found else ()
        record = _read_layer(registry, image, blobs[-1]) if blobs else None
        if record is not None:
            return record
    return None


def without_files(record: KeyRecord) -> KeyRecord:
    """Return a record that does not list the files, and says so."""
    items = (
        KeyItem(item.kind, item.name, item.value, item.proof, UNLISTED)
        if item.kind == "files"
        else item
        for item in record.items
        if item.kind != "file"
    )
    return KeyRecord(record.key, record.root, tuple(items))


def lists_files(record: KeyRecord) -> bool:
    """Tell whether a record has an item for each file."""
    return not any(item.kind == "files" and item.subject == UNLISTED for item in record.items)


def _packed(record: KeyRecord) -> tuple[bytes, bytes, str] | None:
    """Return the record as JSON and as a layer, and the layer's type; None if it is too large."""
    text = record_to_json(KeyRecord(record.key, record.root, tuple(sorted(record.items))))
    if len(text) < _LARGE:
        return text, text, RECORD_TYPE
    layer = zlib.compress(text, wbits=_GZIP)  # without a time
    return (text, layer, COMPRESSED_TYPE) if len(layer) <= _LARGEST_LAYER else None


def _read_layer(registry: Registry, image: Reference, layer: Descriptor) -> KeyRecord | None:
    if layer.media_type not in {RECORD_TYPE, COMPRESSED_TYPE} or layer.size > _LARGEST_LAYER:
        return None
    with registry.open_blob(image, layer.digest) as stream:
        data = stream.read(layer.size)
        if stream.read(1):  # and its end is where the bytes are verified
            raise RegistryError(f"{image}: the record of its key is larger than it should be")
    if layer.media_type == COMPRESSED_TYPE:
        try:
            data = zlib.decompressobj(wbits=_GZIP).decompress(data, _LARGEST)
        except zlib.error:
            return None
    return record_from_json(data)


def _plain(descriptor: Descriptor) -> dict[str, object]:
    """Return a descriptor for a manifest, without what the registry said besides."""
    return {
        "mediaType": descriptor.media_type,
        "digest": descriptor.digest,
        "size": descriptor.size,
    }
