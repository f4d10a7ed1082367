"""The ``index.json`` of layouts: which tag finds which image."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from okplug import Descriptor, RegistryError
from okplug.oci import OCI_INDEX, listed, read_descriptor
from okplug_layout.failures import storage_error

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

_SCHEMA = 2
REF_NAME = "org.opencontainers.image.ref.name"

#: nanoseconds within which a file system may give two versions of a file the same time: clocks of
#: kernels tick at least 100 times a second, but some file systems keep whole or even seconds only
_TICK = 20_000_000
_COARSE_TICK = 2_000_000_000
_SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Index:
    """An ``index.json``, as it was decoded; what other tools wrote into it stays there.

    :param path: for messages.
    """

    path: Path
    document: Mapping[str, Any] = field(default_factory=dict)
    _by_tag: Mapping[str, object] = field(default_factory=dict)

    @property
    def tags(self) -> tuple[str, ...]:
        """All tags, sorted."""
        return tuple(sorted(self._by_tag))

    @property
    def entries(self) -> Sequence[Any]:
        """All entries as they stand there, those without a tag too."""
        manifests: Sequence[Any] = self.document.get("manifests", ())
        return manifests

    def find(self, tag: str) -> Descriptor | None:
        """Return the descriptor that a tag finds, its annotations without the tag itself.

        :raises RegistryError: if the entry is no descriptor.
        """
        entry = self._by_tag.get(tag)
        if entry is None:
            return None
        found = self.descriptor(entry)
        annotations = {key: text for key, text in found.annotations.items() if key != REF_NAME}
        return Descriptor(found.media_type, found.digest, found.size, annotations)

    def descriptor(self, entry: object) -> Descriptor:
        """Return an entry as a descriptor.

        :raises RegistryError: if it is none.
        """
        try:
            return read_descriptor(entry)
        except RegistryError as error:
            raise _unreadable(self.path, error.message) from error

    def with_tag(self, tag: str, target: Descriptor) -> bytes:
        """Return the file with a tag set, or moved."""
        entry = {
            "mediaType": target.media_type,
            "digest": target.digest,
            "size": target.size,
            "annotations": {REF_NAME: tag, **target.annotations},
        }
        others = [other for other in self.entries if _tag_of(other) != tag]
        return self._encoded([*others, entry])

    def with_entry(self, entry: Mapping[str, object]) -> Index:
        """Return the index with one entry more."""
        return Index(self.path, {**self.document, "manifests": [*self.entries, entry]})

    def without(self, is_doomed: Callable[[object], bool]) -> Index:
        """Return the index without some of its entries."""
        kept = [entry for entry in self.entries if not is_doomed(entry)]
        return Index(self.path, {**self.document, "manifests": kept})

    def encode(self) -> bytes:
        """Return the file's bytes."""
        return self._encoded(self.entries)

    def _encoded(self, entries: Sequence[object]) -> bytes:
        own = {"schemaVersion": _SCHEMA, "mediaType": OCI_INDEX}
        return json.dumps({**own, **self.document, "manifests": list(entries)}).encode()


def has_tag(entry: object, tag: str) -> bool:
    """Tell whether an entry has the tag."""
    return _tag_of(entry) == tag


def has_digest(entry: object, digest: str) -> bool:
    """Tell whether an entry is about the digest."""
    return isinstance(entry, dict) and entry.get("digest") == digest


class Indexes:
    """Reads index files, each version of a file once; usable from several threads.

    Every writer puts a new file in the place of the old one. So a file that has the inode, size and
    time of the one that was read is that one, unless both were written within one tick of the
    clock that files get their times from: a file that young is read again.
    """

    def __init__(self) -> None:
        self._known: dict[Path, tuple[tuple[int, int, int], Index]] = {}
        self._lock = threading.Lock()

    def read(self, path: Path) -> Index:
        """Return the index as the file has it now, one without entries if it is not there or empty.

        :raises RegistryError: if it cannot be read, or is no index.
        """
        try:
            known = self._known.get(path)
            if known and known[0] == _version(path.stat()):
                return known[1]
            with self._lock:
                return self._load(path)
        except FileNotFoundError:
            return Index(path)
        except OSError as error:
            raise storage_error(error, "read", path) from error

    def _load(self, path: Path) -> Index:
        stat = path.stat()
        known = self._known.get(path)
        if known and known[0] == _version(stat):  # another thread was quicker
            return known[1]
        now = time.time_ns()
        data = path.read_bytes()
        index = _parse(path, data) if data else Index(path)  # a loss of power may leave it empty
        if _is_settled(stat, now):
            self._known[path] = (_version(stat), index)
        return index


def _version(stat: os.stat_result) -> tuple[int, int, int]:
    return stat.st_ino, stat.st_mtime_ns, stat.st_size


def _is_settled(stat: os.stat_result, now: int) -> bool:
    """Tell whether a later version of the file must differ in time."""
    tick = _TICK if stat.st_mtime_ns % _SECOND else _COARSE_TICK
    return now - stat.st_mtime_ns > tick


def _parse(path: Path, data: bytes) -> Index:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise _unreadable(path, f"no JSON: {error}") from error
    entries = listed(document.get("manifests", "")) if isinstance(document, dict) else None
    if entries is None:
        raise _unreadable(path, "expected an object with a list named manifests")
    if document.get("schemaVersion", _SCHEMA) != _SCHEMA:
        raise _unreadable(path, f"expected schemaVersion 2, not {document['schemaVersion']!r:.20}")
    by_tag: dict[str, object] = {}
    for entry in entries:
        tag = _tag_of(entry)
        if tag is not None:
            by_tag.setdefault(tag, entry)  # as other tools read a tag that is there twice
    return Index(path, {**document, "manifests": entries}, by_tag)


def _tag_of(entry: object) -> str | None:
    annotations = entry.get("annotations") if isinstance(entry, dict) else None
    tag = annotations.get(REF_NAME) if isinstance(annotations, dict) else None
    return tag if isinstance(tag, str) else None


def _unreadable(path: Path, problem: str) -> RegistryError:
    return RegistryError(
        f"{path} is not the index of an OCI image layout: {problem}",
        hint=f"okplug did not write it so; move {path.parent} away and build its images again",
    )
