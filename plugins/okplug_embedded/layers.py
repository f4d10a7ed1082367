"""Write layers, as the OCI image specification 1.1 has them in "Image Layer Filesystem Changeset".

What is written depends on the entries and the time given alone: names are sorted, owners are
numbers, and the archive is not compressed, since what a compressor writes differs from one release
of it to the next.
"""

from __future__ import annotations

import hashlib
import tarfile
import tempfile
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING

from okplug_embedded.contents import InArchive, spool_parts
from okplug_embedded.filesystem import DIRECTORY, FILE, LINK, PLAIN_DIRECTORY, Entry
from okplug_embedded.tarstreams import BLOCK, CHUNK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from okplug_embedded.contents import Content
    from okplug_embedded.filesystem import Changes, Path

WHITEOUT = ".wh."
OPAQUE = ".wh..wh..opq"

_TYPES = {FILE: tarfile.REGTYPE, DIRECTORY: tarfile.DIRTYPE, LINK: tarfile.SYMTYPE}
_END = bytes(2 * BLOCK)


@dataclass(slots=True)
class LayerFile:
    """A layer in a temporary file."""

    file: IO[bytes]
    digest: str


@dataclass(slots=True)
class _Writer:
    """Writes one layer.

    :param first_names: of files with several names: where the first one is, and as what.
    """

    out: IO[bytes]
    time: int
    check: Callable[[], None]
    digest: hashlib._Hash = field(default_factory=hashlib.sha256)
    first_names: dict[object, tuple[str, Entry]] = field(default_factory=dict)

    def write(self, data: bytes) -> None:
        self.digest.update(data)
        self.out.write(data)

    def add(self, path: Path, entry: Entry, content: Content | None) -> None:
        self.check()
        name = "/".join(path)
        member = tarfile.TarInfo(name)
        member.mode, member.mtime = entry.mode, self.time
        member.uid, member.gid = entry.owner
        member.type, member.linkname = _TYPES[entry.kind], entry.target
        member.pax_headers = dict(entry.attributes)
        first = self.first_names.setdefault(entry.inode or name, (name, entry))
        if first != (name, entry) and first[1] == entry:
            member.type, member.linkname, content = tarfile.LNKTYPE, first[0], None
        member.size = content.size if content else 0
        self.write(member.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape"))
        if content is not None:
            self._add_content(content)

    def _add_content(self, content: Content) -> None:
        total = 0
        with content.open() as stream:
            while data := stream.read(CHUNK):
                self.check()
                self.write(data)
                total += len(data)
        assert total == content.size, "who opens a content vouches for its size"
        self.write(bytes(-total % BLOCK))


def write_layer(changes: Changes, time: int, check: Callable[[], None]) -> LayerFile:
    """Return a temporary file with what was changed, which the caller closes.

    :param time: seconds since the epoch, of every entry.
    :param check: called for each entry and piece of content; what it raises ends the work.
    :raises ContextChangedError: if a file of the context is not what was hashed.
    :raises RegistryError: if a file comes from a registry that cannot be read.
    """
    out = tempfile.TemporaryFile()  # noqa: SIM115  # the caller closes it
    try:
        with tempfile.TemporaryFile() as spool:
            moved = spool_parts((entry.content for _, entry in changes.entries), spool, check)
            writer = _Writer(out, time, check)
            for path, entry in _with_whiteouts(changes):
                content = entry.content
                if isinstance(content, InArchive):
                    content = moved[content]
                writer.add(path, entry, content)
        writer.write(_END)
        out.flush()
        out.seek(0)
    except BaseException:
        out.close()
        raise
    return LayerFile(out, f"sha256:{writer.digest.hexdigest()}")


def _with_whiteouts(changes: Changes) -> Iterator[tuple[Path, Entry]]:
    """Put a mark behind each directory that hides what the layers below have in it."""
    for path, entry in changes.entries:
        yield path, entry
        if path in changes.emptied:
            yield (*path, OPAQUE), Entry(FILE, PLAIN_DIRECTORY.mode & 0o666)


def is_whiteout(path: Path) -> bool:
    """Tell whether layers would take the path for the absence of another."""
    return any(name.startswith(WHITEOUT) for name in path)
