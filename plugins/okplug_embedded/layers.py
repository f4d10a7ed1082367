"""Layers: from a tree to a tar archive, and back.

What is written depends on the entries and the time given alone: names are sorted, owners are
numbers, and the archive is not compressed, since what a compressor writes differs from one release
to the next.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import tarfile
import tempfile
from typing import IO, TYPE_CHECKING, BinaryIO, cast

from okplug_embedded.contents import InSpool
from okplug_embedded.filesystem import (
    DIRECTORY,
    FILE,
    LINK,
    Entry,
    FileSystem,
    FileSystemError,
    Owner,
    Path,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_TYPES = {
    FILE: tarfile.REGTYPE,
    DIRECTORY: tarfile.DIRTYPE,
    LINK: tarfile.SYMTYPE,
    "fifo": tarfile.FIFOTYPE,
    "character device": tarfile.CHRTYPE,
    "block device": tarfile.BLKTYPE,
}
_KINDS = {type_: kind for kind, type_ in _TYPES.items()}
_ATTRIBUTE = "SCHILY.xattr."
_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"
_IN_MEMORY = 1 << 20
_CHUNK = 1 << 20

_OPENERS: dict[bytes, Callable[[IO[bytes]], IO[bytes]]] = {
    b"\x1f\x8b": lambda stream: cast("IO[bytes]", gzip.GzipFile(fileobj=stream)),
    b"BZh": lambda stream: cast("IO[bytes]", bz2.BZ2File(stream)),
    b"\xfd7zXZ\x00": lambda stream: cast("IO[bytes]", lzma.LZMAFile(stream)),
}
ZSTD = b"\x28\xb5\x2f\xfd"
LONGEST_MAGIC = 6


def write_layer(
    tree: FileSystem, paths: Iterable[Path], time: int, check: Callable[[], None]
) -> IO[bytes]:
    """Return a temporary file with the entries at these paths, at its beginning.

    :param time: seconds since the epoch, of every entry.
    :param check: called before each entry; what it raises ends the work.
    """
    out = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115  # the caller closes it
    try:
        with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for path in sorted(paths, key=_sort_key):
                node = tree.get(path)
                if node is not None and path:
                    check()
                    _add(archive, path, node.entry, time)
    except BaseException:
        out.close()
        raise
    out.seek(0)
    return out


def _sort_key(path: Path) -> list[bytes]:
    return [name.encode("utf-8", "surrogateescape") for name in path]


def _add(archive: tarfile.TarFile, path: Path, entry: Entry, time: int) -> None:
    member = tarfile.TarInfo("/".join(path))
    member.type, member.mode, member.mtime = _TYPES[entry.kind], entry.mode, time
    member.uid, member.gid = entry.owner.uid, entry.owner.gid
    member.linkname = entry.target
    member.devmajor, member.devminor = entry.device
    member.pax_headers = dict(entry.attributes)
    if entry.content is None:
        archive.addfile(member)
        return
    member.size = entry.content.size
    with entry.content.open() as stream:
        archive.addfile(member, stream)


def spool(stream: BinaryIO) -> IO[bytes]:
    """Return a temporary file with all that the stream yields, decompressed.

    :raises FileSystemError: if it is compressed in a way that is not known here.
    """
    out = tempfile.TemporaryFile()  # noqa: SIM115  # the caller closes it
    try:
        with stream:
            head = stream.read(LONGEST_MAGIC)
            for data in _decompressed(head, stream):
                out.write(data)
        out.flush()
        out.seek(0)
    except BaseException:
        out.close()
        raise
    return out


def _decompressed(head: bytes, stream: BinaryIO) -> Iterable[bytes]:
    if head.startswith(ZSTD):
        raise FileSystemError("it is compressed with zstd, which the embedded builder cannot read")
    whole = cast("IO[bytes]", _Rejoined(head, stream))
    opener = next((make for magic, make in _OPENERS.items() if head.startswith(magic)), None)
    source = opener(whole) if opener else whole
    while data := source.read(_CHUNK):
        yield data
    # a registry vouches for a blob at its very end, which a decompressor may not ask for
    while whole.read(_CHUNK):
        pass


class _Rejoined:
    """A stream with the bytes that were read from it put back."""

    def __init__(self, head: bytes, stream: BinaryIO) -> None:
        self._head = head
        self._stream = stream

    def read(self, size: int = -1) -> bytes:
        """Read at most *size* bytes, all that is left without it."""
        if not self._head:
            return self._stream.read(size)
        if size < 0:
            data, self._head = self._head + self._stream.read(), b""
            return data
        data, self._head = self._head[:size], self._head[size:]
        return data


def apply_layer(tree: FileSystem, layer: IO[bytes]) -> None:
    """Lay a layer over a tree, as the OCI image specification has it; whiteouts come first.

    :param layer: an archive that is not compressed and stays open as long as the tree is used.
    :raises FileSystemError: if it is no such archive.
    """
    try:
        with tarfile.open(fileobj=layer, mode="r:") as archive:
            members = [(member_path(member.name), member) for member in archive]
    except tarfile.TarError as error:
        raise FileSystemError(f"a layer is no tar archive: {error}") from error
    for path, _ in members:
        _take_away(tree, path)
    for path, member in members:
        if not path or not path[-1].startswith(_WHITEOUT):
            put_member(tree, path, member, layer)
    tree.changed.clear()


def _take_away(tree: FileSystem, path: Path) -> None:
    if path and path[-1] == _OPAQUE:
        node = tree.get(path[:-1])
        if node is not None:
            node.children.clear()
    elif path and path[-1].startswith(_WHITEOUT):
        tree.remove((*path[:-1], path[-1].removeprefix(_WHITEOUT)))


def member_path(name: str) -> Path:
    """Return the path of a member of an archive, ``..`` still in it."""
    return tuple(part for part in name.split("/") if part not in ("", "."))


def put_member(tree: FileSystem, path: Path, member: tarfile.TarInfo, archive: IO[bytes]) -> None:
    """Write what a member of an archive describes.

    :raises FileSystemError: if it cannot be.
    """
    if member.islnk():
        source = tree.get(member_path(member.linkname))
        if source is None:
            raise FileSystemError(f"{member.name} is a hard link to nothing")
        entry = source.entry
    else:
        entry = entry_of(member, archive)
    if path:
        tree.make_directories(path[:-1])
        _make_way(tree, path, entry)
    tree.put(path, entry)


def _make_way(tree: FileSystem, path: Path, entry: Entry) -> None:
    node = tree.get(path)
    if node is not None and node.is_directory != (entry.kind == DIRECTORY):
        tree.remove(path)


def entry_of(member: tarfile.TarInfo, archive: IO[bytes]) -> Entry:
    """Return what a member is, without its name.

    :raises FileSystemError: if it is of a kind that images do not have.
    """
    kind = FILE if member.isreg() else _KINDS.get(member.type)
    if kind is None or member.issparse():
        raise FileSystemError(f"{member.name} is of a kind that cannot be unpacked")
    content = InSpool(archive, member.offset_data, member.size) if kind == FILE else None
    return Entry(
        kind,
        member.mode & 0o7777,
        Owner(member.uid, member.gid),
        content,
        member.linkname if kind == LINK else "",
        (member.devmajor, member.devminor),
        tuple(
            sorted(item for item in member.pax_headers.items() if item[0].startswith(_ATTRIBUTE))
        ),
    )


def is_whiteout(path: Path) -> bool:
    """Tell whether layers would take the path for the absence of another."""
    return any(name.startswith(_WHITEOUT) for name in path)
