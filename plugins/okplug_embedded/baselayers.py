"""Read the layers of images that a build starts from or copies from.

Only names and places are kept; bytes are read when a layer is written that they are part of.
"""

from __future__ import annotations

import tarfile
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from okplug_embedded.contents import InArchive
from okplug_embedded.failures import InstructionError
from okplug_embedded.filesystem import DIRECTORY, FILE, LINK, Entry, Owner
from okplug_embedded.layers import OPAQUE, WHITEOUT
from okplug_embedded.tarstreams import Decompressed, member_path, members

if TYPE_CHECKING:
    from collections.abc import Callable

    from okplug import Descriptor, Reference, Registry
    from okplug_embedded.filesystem import FileSystem, Path

_KINDS = {
    tarfile.DIRTYPE: DIRECTORY,
    tarfile.SYMTYPE: LINK,
    tarfile.FIFOTYPE: "named pipe",
    tarfile.CHRTYPE: "device",
    tarfile.BLKTYPE: "device",
}
_ATTRIBUTE = "SCHILY.xattr."


@dataclass(frozen=True, slots=True, eq=False)
class StoredLayer:
    """A layer in a registry.

    :param reference: an image of the repository that holds it.
    :param diff_id: the digest of what it is when it is not compressed.
    """

    registry: Registry
    reference: Reference
    descriptor: Descriptor
    diff_id: str

    def open(self) -> Decompressed:
        """Open it, decompressed.

        :raises RegistryError: if it cannot be opened.
        :raises InstructionError: if it cannot be decompressed here.
        """
        return Decompressed(self.registry.open_blob(self.reference, self.descriptor.digest))


def apply_layer(tree: FileSystem, layer: StoredLayer, check: Callable[[], None]) -> None:
    """Lay a layer over a tree; what it takes away lies below it, so that comes first.

    :param check: called for each member; what it raises ends the work.
    :raises RegistryError: if the layer cannot be read.
    :raises InstructionError: if it is no tar archive, or leads out of the image.
    """
    found: list[tuple[Path, tarfile.TarInfo]] = []
    with layer.open() as archive:
        for member in members(archive):
            check()
            path = member_path(member.name)
            if ".." in path:
                raise InstructionError(f"{member.name} leads out of the image")
            found.append((path, member))
    for path, _ in found:
        _take_away(tree, path)
    for path, member in found:
        if not path or not path[-1].startswith(WHITEOUT):
            _put(tree, path, member, layer)


def _take_away(tree: FileSystem, path: Path) -> None:
    if not path or not path[-1].startswith(WHITEOUT):
        return
    folder = tree.resolve("/".join(path[:-1]))
    if path[-1] == OPAQUE:
        tree.empty(folder)
    elif name := path[-1].removeprefix(WHITEOUT):
        tree.remove((*folder, name))


def _put(tree: FileSystem, path: Path, member: tarfile.TarInfo, layer: StoredLayer) -> None:
    if not path:
        tree.put((), replace(entry_of(member), kind=DIRECTORY))
        return
    folder = tree.resolve("/".join(path[:-1]))
    tree.make_directories(folder)
    place = (*folder, path[-1])
    if not member.islnk():
        entry = entry_of(member)
        if entry.kind == FILE:
            content = InArchive(layer.open, member.offset_data, member.size)
            entry = replace(entry, content=content)
        tree.put(place, entry)
        return
    target = member_path(member.linkname)
    link_files(tree, place, (*tree.resolve("/".join(target[:-1])), *target[-1:]), member.name)


def link_files(tree: FileSystem, place: Path, target: Path, name: str) -> Entry:
    """Give a file of the tree one more name.

    :param name: of the archive's member that says so.
    :raises InstructionError: if *target* is no file.
    """
    there = tree.get(target)
    if there is None or there.is_directory:
        raise InstructionError(f"{name} is a hard link to what is no file")
    entry = replace(there.entry, inode=there.entry.inode or object())
    tree.put(target, entry)
    if place != target:
        tree.put(place, entry)
    return entry


def entry_of(member: tarfile.TarInfo) -> Entry:
    """Return what a member of an archive is, without its content.

    :raises InstructionError: if it is of a kind that file systems do not have.
    """
    kind = FILE if member.isreg() else _KINDS.get(member.type)
    if kind is None or member.issparse():
        what = "is a sparse file" if member.issparse() else "is of an unknown kind"
        raise InstructionError(f"{member.name} {what}, which the embedded builder cannot read")
    attributes = (item for item in member.pax_headers.items() if item[0].startswith(_ATTRIBUTE))
    return Entry(
        kind,
        0o777 if kind == LINK else member.mode & 0o7777,
        Owner(member.uid, member.gid),
        target=member.linkname if kind == LINK else "",
        attributes=tuple(sorted(attributes)),
    )
