"""Archives that ADD unpacks.

What such an archive holds is not the user's own work; a name or link in it that leads out of where
it is unpacked is refused.
"""

from __future__ import annotations

import posixpath
import tarfile
from dataclasses import replace
from typing import IO, TYPE_CHECKING

from okplug_embedded.filesystem import (
    FILE,
    LINK,
    Entry,
    FileSystem,
    FileSystemError,
    Owner,
    Path,
    shown,
)
from okplug_embedded.layers import (
    LONGEST_MAGIC,
    ZSTD,
    entry_of,
    is_whiteout,
    member_path,
    spool,
)

if TYPE_CHECKING:
    from contextlib import ExitStack

_TAR_MAGIC_AT = 257
_COMPRESSED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", ZSTD)
_UNPACKED = ("file", "directory", "link")


def open_archive(entry: Entry, spools: ExitStack) -> IO[bytes] | None:
    """Return a file's tar archive, decompressed, None if the file is none.

    :param spools: keeps the temporary file open as long as the tree is used.
    :raises FileSystemError: if it is compressed in a way that is not known here.
    """
    assert entry.content is not None
    if not _may_be_archive(entry):
        return None
    try:
        archive = spools.enter_context(spool(entry.content.open()))
    except (EOFError, OSError):
        return None
    try:
        with tarfile.open(fileobj=archive, mode="r:"):
            return archive
    except tarfile.TarError:
        return None


def _may_be_archive(entry: Entry) -> bool:
    assert entry.content is not None
    if not entry.content.size:
        return False
    with entry.content.open() as stream:
        head = stream.read(_TAR_MAGIC_AT + LONGEST_MAGIC)
    return head[_TAR_MAGIC_AT:].startswith(b"ustar") or head.startswith(_COMPRESSED)


def unpack(archive: IO[bytes], tree: FileSystem, place: Path, owner: Owner | None) -> None:
    """Write the members of an archive below a directory of the tree.

    :param owner: of all of them; None leaves what the archive says.
    :raises FileSystemError: if a member leads out of there, or cannot be unpacked.
    """
    with tarfile.open(fileobj=archive, mode="r:") as members:
        for member in members:
            path = _inside(member.name)
            if member.islnk():
                entry = _linked(tree, place, member)
            else:
                entry = entry_of(member, archive)
                _check(member.name, path, entry)
            _write(tree, (*place, *path), replace(entry, owner=owner or entry.owner))


def _inside(name: str) -> Path:
    path = member_path(name)
    if name.startswith("/") or ".." in path:
        raise FileSystemError(f"the archive's member {name} leads out of where it is unpacked")
    if is_whiteout(path):
        raise FileSystemError(f"the archive's member {name}: .wh. means absence in layers")
    return path


def _check(name: str, path: Path, entry: Entry) -> None:
    if entry.kind not in _UNPACKED:
        raise FileSystemError(f"the archive's member {name} is a {entry.kind}")
    if entry.kind == LINK and not entry.target.startswith("/"):
        target = posixpath.normpath("/".join((*path[:-1], entry.target)))
        if target.split("/")[0] == "..":
            raise FileSystemError(
                f"the archive's link {name} to {entry.target} leads out of where it is unpacked"
            )


def _linked(tree: FileSystem, place: Path, member: tarfile.TarInfo) -> Entry:
    source = tree.get((*place, *_inside(member.linkname)))
    if source is None or source.entry.kind != FILE:
        raise FileSystemError(f"the archive's member {member.name} is a hard link to no file")
    return source.entry


def _write(tree: FileSystem, path: Path, entry: Entry) -> None:
    """Write an entry where links of the image lead; what is in its way goes."""
    if not path:
        return
    folder = tree.resolve("/".join(path[:-1]))
    tree.make_directories(folder)
    real = (*folder, path[-1])
    there = tree.get(real)
    if there is not None and there.is_directory and entry.kind != "directory":
        if there.children:
            raise FileSystemError(
                f"{shown(real)} is a directory with files, and a {entry.kind} goes there"
            )
        tree.remove(real)
    tree.put(real, entry)
