"""A folder that is an OCI image layout, which keeps a local cache between builds."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from okplug import BuildError
from okplug.oci import OCI_INDEX, is_sha256, listed
from okplug_buildkit.attach.stores import PIECE
from okplug_buildkit.rpc import Code, RpcError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_TAG = "org.opencontainers.image.ref.name"
_NAME = "io.containerd.image.name"
_LAYOUT_VERSION = '{"imageLayoutVersion":"1.0.0"}'


class FolderStore:
    """A store in a folder, which need not be there until something is written.

    Blobs are the daemon's; ``index.json`` is for this side to read before a build and to write
    after it.

    :param folder: absolute.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._blobs = folder / "blobs" / "sha256"

    def size(self, digest: str) -> int | None:
        """Return the bytes of a blob, None if it is not there."""
        with self._failures():
            try:
                return self._path(digest).stat().st_size
            except FileNotFoundError:
                return None

    def read(self, digest: str, start: int, size: int) -> Iterator[bytes]:
        """Yield bytes of a blob; the daemon checks them."""
        with self._failures(), self._path(digest).open("rb") as file:
            file.seek(start)
            while size > 0 and (data := file.read(min(PIECE, size))):
                size -= len(data)
                yield data

    def has(self, ref: str, digest: str) -> bool:
        """Tell whether the blob is there."""
        del ref
        return self.size(digest) is not None

    def write(self, ref: str, data: BinaryIO) -> tuple[str, int]:
        """Store a blob in one step.

        :raises BuildError: if it cannot be written.
        """
        del ref
        with self._failures():
            self._blobs.mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(prefix=".incoming-", dir=self._folder)
        temporary = Path(name)
        try:
            with self._failures(), os.fdopen(descriptor, "wb") as file:
                digest, size = _copy(data, file)
                temporary.chmod(0o644)
                temporary.replace(self._path(digest))
        finally:
            temporary.unlink(missing_ok=True)
        return digest, size

    def find(self, tag: str = "latest") -> str | None:
        """Return the digest of what has the tag, None if it is not there.

        :param tag: or the full name of an image.
        :raises BuildError: if the index cannot be read.
        """
        entries = self._entries()
        for key in (_NAME, _TAG):
            for entry in entries:
                digest = entry.get("digest")
                if _annotation(entry, key) == tag and isinstance(digest, str):
                    return digest if self.has("", digest) else None
        return None

    def point(self, descriptor: Mapping[str, Any], tag: str = "latest", name: str = "") -> None:
        """Have a tag find a manifest or index that has been written.

        :param descriptor: as it was decoded from JSON.
        :param name: of the image in full, if it has one.
        :raises BuildError: if the index cannot be read or written.
        """
        names = {_TAG: tag, **({_NAME: name} if name else {})}
        annotations = {**(descriptor.get("annotations") or {}), **names}
        with self._failures():
            self._folder.mkdir(parents=True, exist_ok=True)
            with _locked(self._folder / "index.json.lock"):
                others = [
                    entry
                    for entry in self._entries()
                    if (_annotation(entry, _TAG), _annotation(entry, _NAME) or "") != (tag, name)
                ]
                entry = {**descriptor, "annotations": annotations}
                index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [*others, entry]}
                self._replace("index.json", json.dumps(index))
                self._replace("oci-layout", _LAYOUT_VERSION)

    def _path(self, digest: str) -> Path:
        if not is_sha256(digest):  # it comes from the daemon, and becomes a path
            raise RpcError(Code.INVALID_ARGUMENT, f"expected a sha256, not {digest!r:.80}")
        return self._blobs / digest.removeprefix("sha256:")

    def _entries(self) -> list[dict[str, Any]]:
        path = self._folder / "index.json"
        try:
            document = json.loads(self._text(path))
        except (ValueError, RecursionError):
            document = None
        entries = listed(document.get("manifests")) if isinstance(document, dict) else None
        if entries is None:
            raise BuildError(
                f"{path} is not the index of an OCI image layout",
                hint="remove the folder, and the next build writes the cache anew",
            )
        return [entry for entry in entries if isinstance(entry, dict)]

    def _text(self, path: Path) -> bytes:
        with self._failures():
            try:
                return path.read_bytes()
            except FileNotFoundError:
                return b"{}"

    def _replace(self, name: str, text: str) -> None:
        temporary = self._folder / f".{name}.new"
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(self._folder / name)

    @contextmanager
    def _failures(self) -> Iterator[None]:
        """Say of errors of the operating system what they are about."""
        try:
            yield
        except OSError as error:
            raise BuildError(
                f"the cache in {self._folder} cannot be used: {error.strerror}",
                hint="it needs room and the right to write; another folder is cache_to's dest=",
            ) from error


def _copy(data: BinaryIO, file: BinaryIO) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    while piece := data.read(PIECE):
        digest.update(piece)
        size += file.write(piece)
    return f"sha256:{digest.hexdigest()}", size


def _annotation(entry: Mapping[str, Any], key: str) -> str | None:
    annotations = entry.get("annotations")
    value = annotations.get(key) if isinstance(annotations, dict) else None
    return value if isinstance(value, str) else None


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock that other tools hold, too, while they write the index."""
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
