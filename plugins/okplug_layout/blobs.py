"""The blobs of layouts, kept once for all of them by hard links.

Old blobs that no manifest refers to may be removed by another process at any time, see
``garbage``. So whoever needs a blob makes it look new, and an index is only changed while
everything that its new entry refers to is there.
"""

from __future__ import annotations

import hashlib
import io
import stat
import threading
from typing import TYPE_CHECKING, BinaryIO

from okplug import RegistryError
from okplug.oci import is_sha256
from okplug_layout.failures import storage_error, storage_errors
from okplug_layout.files import (
    PIECE,
    has_same_bytes,
    incoming,
    link_over,
    renew,
    sweep,
    sync,
    write_all,
)
from okplug_layout.verified import VerifiedFile, damaged

if TYPE_CHECKING:
    from pathlib import Path

    from okplug import Descriptor, Reference
    from okplug_layout.places import Places


class Blobs:
    """The blobs of all repositories of one folder."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._lock = threading.Lock()
        self._is_swept = False

    def size(self, reference: Reference, digest: str) -> int | None:
        """Return the size of a blob, None if the repository has none of this digest."""
        if not is_sha256(digest):
            return None
        path = self._places.blob(reference, digest)
        try:
            found = path.stat()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise storage_error(error, "read", path) from error
        return found.st_size if stat.S_ISREG(found.st_mode) else None

    def claim(self, reference: Reference, digest: str) -> bool:
        """Tell whether the repository has a blob, and have it kept for a while if so."""
        if not is_sha256(digest):
            return False
        path = self._places.blob(reference, digest)
        with storage_errors("read", path):
            return renew(path)

    def require(self, reference: Reference, part: Descriptor) -> None:
        """Refuse to go on without a blob of the right size.

        :raises RegistryError: if it is not there, or is damaged.
        """
        size = self.size(reference, part.digest)
        if size is None:
            raise RegistryError(
                f"{reference.repository_only()} has not {part.digest}, which a manifest refers to",
                hint="the parts of an image are written or mounted before its manifest",
            )
        if size != part.size:
            raise damaged(self._places.blob(reference, part.digest))

    def open(self, reference: Reference, digest: str) -> BinaryIO:
        """Open a blob to be verified as it is read.

        :raises RegistryError: if it is not there.
        """
        if not is_sha256(digest):
            raise RegistryError(f"expected a digest sha256:..., not {digest!r:.80}")
        path = self._places.blob(reference, digest)
        try:
            return io.BufferedReader(VerifiedFile(path), PIECE)
        except FileNotFoundError as error:
            raise RegistryError(
                f"{reference.repository_only()} has no blob {digest}",
                hint="build the image that it belongs to again",
            ) from error
        except OSError as error:
            raise storage_error(error, "read", path) from error

    def read(self, reference: Reference, digest: str, limit: int) -> bytes | None:
        """Return a verified blob, None if there is none of at most *limit* bytes."""
        size = self.size(reference, digest)
        if size is None or size > limit:
            return None
        with self.open(reference, digest) as stream:
            return stream.read()

    def write(self, reference: Reference, data: BinaryIO) -> tuple[str, int]:
        """Store all that *data* yields in a repository whose layout is there.

        :return: digest and size.
        """
        self._sweep_once()
        with incoming(self._places.incoming) as path:
            digest, size = _receive(data, path)
            blob = self._places.blob(reference, digest)
            with storage_errors("write", blob):
                self._keep(path, blob, self._places.pooled(digest))
        return digest, size

    def bring(self, source: Reference, target: Reference, digest: str) -> bool:
        """Make a blob part of another repository, whose layout is there; False without the blob.

        It is copied only where the file system cannot link it.
        """
        if not self.claim(source, digest):
            return False
        origin, goal = (self._places.blob(one, digest) for one in (source, target))
        with storage_errors("write", goal):
            try:
                if not _is_there(goal, origin.stat().st_size):
                    self._link_or_copy(origin, goal)
            except FileNotFoundError:
                return False
        return True

    def _link_or_copy(self, origin: Path, goal: Path) -> None:
        if link_over(origin, goal, self._places.incoming):
            return
        with incoming(self._places.incoming) as path:
            with io.BufferedReader(VerifiedFile(origin), PIECE) as stream:
                _receive(stream, path)
            sync(path)
            path.replace(goal)

    def _keep(self, path: Path, blob: Path, pooled: Path) -> None:
        """Give complete bytes their names, in place of damaged ones."""
        if has_same_bytes(blob, path) and renew(blob):
            return
        if has_same_bytes(pooled, path) and self._link_pooled(pooled, blob):
            return
        sync(path)
        if link_over(path, blob, self._places.incoming):
            if not pooled.parent.exists():  # cheaper than to try
                pooled.parent.mkdir(parents=True, exist_ok=True)
            link_over(path, pooled, self._places.incoming)
        else:
            path.replace(blob)

    def _link_pooled(self, pooled: Path, blob: Path) -> bool:
        """Link from the pool; False if somebody takes the blob out of it at this moment."""
        try:
            return link_over(pooled, blob, self._places.incoming)
        except FileNotFoundError:
            return False

    def _sweep_once(self) -> None:
        with self._lock:
            if not self._is_swept:
                with storage_errors("clean", self._places.incoming):
                    sweep(self._places.incoming)
            self._is_swept = True


def _is_there(path: Path, size: int) -> bool:
    """Tell whether a blob is there in its full size, and have it kept for a while if so."""
    return renew(path) and path.stat().st_size == size


def _receive(data: BinaryIO, path: Path) -> tuple[str, int]:
    """Write what *data* yields to a new file and return its digest and size."""
    sha256 = hashlib.sha256()
    size = 0
    with storage_errors("write", path):
        file = path.open("xb", buffering=0)
    with file:
        while piece := data.read(PIECE):
            sha256.update(piece)
            size += len(piece)
            with storage_errors("write", path):
                write_all(file.fileno(), piece)
    return f"sha256:{sha256.hexdigest()}", size
