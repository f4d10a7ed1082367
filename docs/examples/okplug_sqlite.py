"""A registry in one file, a table of objects in SQLite: an example of a plugin.

The digest of a layer, configuration, manifest or index is the name of an object with its bytes; a
tag is the name of an object that holds the digest of what it finds.
"""
# ruff: noqa: ARG002, D102, INP001  # okplug.Registry says what methods take and do

import hashlib
import io
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from okplug import Config, Descriptor, Reference, RegistryError, hookimpl
from okplug.oci import INDEX_TYPES, MANIFEST_TYPES, read_document

TABLE = "CREATE TABLE IF NOT EXISTS object (repository, name, data, PRIMARY KEY (repository, name))"
GET = "SELECT data FROM object WHERE repository = ? AND name = ?"
PUT = "REPLACE INTO object VALUES (?, ?, ?)"
COPY = "REPLACE INTO object SELECT ?, name, data FROM object WHERE repository = ? AND name = ?"
TAGS = "SELECT name FROM object WHERE repository = ? AND name NOT LIKE '%:%' ORDER BY name"
DELETE = "DELETE FROM object WHERE repository = ? AND (name = ? OR data = ?) RETURNING name"


@hookimpl
def okplug_registry(host: str, config: Config) -> "TableRegistry | None":
    """Serve ``registry = "sqlite:FILE"``, and leave every other host to other plugins."""
    scheme, _, file = host.partition(":")
    return TableRegistry(config.root / file) if scheme == "sqlite" else None


@dataclass(frozen=True)
class TableRegistry:
    """What ``okplug.Registry`` promises; used from several threads, each call connects anew."""

    file: Path
    host: str = "localhost"  # what references begin with
    concurrency: int = 4
    is_remote: bool = False  # a builder elsewhere cannot read it, and is given what it needs

    def _run(self, statement: str, *values: str | bytes) -> list[tuple[bytes, ...]]:
        try:
            with closing(sqlite3.connect(self.file, timeout=60)) as connection, connection:
                connection.execute(TABLE)
                return connection.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise RegistryError(f"{self.file}: {error}") from error

    def _get(self, reference: Reference, name: str) -> bytes | None:
        return next((data for (data,) in self._run(GET, reference.repository, name)), None)

    def describe(self) -> str:
        return f"a table in {self.file}"

    def resolve(self, reference: Reference) -> Descriptor | None:
        found = self.read_manifest(reference)
        return found[0] if found else None

    def read_manifest(self, reference: Reference) -> tuple[Descriptor, bytes] | None:
        digest = reference.digest or (self._get(reference, reference.tag) or b"").decode()
        if not self.has_blob(reference, digest):
            return None
        data = self.open_blob(reference, digest).read()
        return Descriptor(read_document(data).media_type, digest, len(data)), data

    def open_blob(self, reference: Reference, digest: str) -> BinaryIO:
        data = self._get(reference, digest)
        if data is None or f"sha256:{hashlib.sha256(data).hexdigest()}" != digest:
            raise RegistryError(f"{digest} is missing or damaged in {reference.repository}")
        return io.BytesIO(data)

    def has_blob(self, reference: Reference, digest: str) -> bool:
        return self._get(reference, digest) is not None

    def write_blob(self, reference: Reference, data: BinaryIO, media_type: str) -> Descriptor:
        content = data.read()
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        self._run(PUT, reference.repository, digest, content)
        return Descriptor(media_type, digest, len(content))

    def mount_blob(self, source: Reference, target: Reference, digest: str) -> bool:
        self._run(COPY, target.repository, source.repository, digest)
        return self.has_blob(target, digest)

    def write_manifest(self, reference: Reference, media_type: str, data: bytes) -> Descriptor:
        document = read_document(data, media_type)
        for part in (*document.blobs, *document.manifests):
            self.open_blob(reference, part.digest)
        return self.write_blob(reference, io.BytesIO(data), media_type)

    def referrers(self, reference: Reference, artifact_type: str = "") -> tuple[Descriptor, ...]:
        return ()  # it keeps no such lists

    def is_writable(self, reference: Reference) -> bool:
        return True  # whoever may open the file

    def tag(self, source: Reference, target: Reference) -> Descriptor:
        found = self.resolve(source)
        if found is None:
            raise RegistryError(f"{source} is not there", hint="build it again")
        if self.resolve(target) != found:
            self._bring(found, source, target)
            self._run(PUT, target.repository, target.tag, found.digest.encode())
        return found

    def _bring(self, part: Descriptor, source: Reference, target: Reference) -> None:
        if part.media_type in MANIFEST_TYPES | INDEX_TYPES:
            document = read_document(self.open_blob(source, part.digest).read())
            for child in (*document.blobs, *document.manifests):
                self._bring(child, source, target)
        self.mount_blob(source, target, part.digest)

    def tags(self, reference: Reference) -> Iterator[str]:
        return (str(name) for (name,) in self._run(TAGS, reference.repository))

    def delete(self, reference: Reference) -> bool:
        digest = (reference.digest or "no tag").encode()
        name = reference.digest or reference.tag
        return bool(self._run(DELETE, reference.repository, name, digest))
