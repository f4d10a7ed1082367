"""Archives that ADD unpacks.

What such an archive holds is not the user's own work: a name or link in it that leads out of where
it goes is refused.
"""

from __future__ import annotations

import posixpath
import tempfile
from dataclasses import dataclass, replace
from typing import IO, TYPE_CHECKING

from okplug_embedded.baselayers import entry_of, link_files
from okplug_embedded.contents import InSpool
from okplug_embedded.failures import InstructionError
from okplug_embedded.filesystem import DIRECTORY, FILE, LINK, Entry, Owner, Path
from okplug_embedded.layers import is_whiteout
from okplug_embedded.tarstreams import BLOCK, Decompressed, begins_archive, member_path, members

if TYPE_CHECKING:
    import tarfile
    from collections.abc import Callable

    from okplug_embedded.contents import Content
    from okplug_embedded.filesystem import FileSystem


class _Teed(Decompressed):
    """An archive that is written to a temporary file while it is read."""

    def __init__(self, content: Content, spool: IO[bytes], check: Callable[[], None]) -> None:
        super().__init__(content.open())
        self._spool = spool
        self._check = check

    def read(self, size: int) -> bytes:
        """Return at most *size* bytes, none at the end."""
        self._check()
        data = super().read(size)
        self._spool.write(data)
        return data


def is_archive(content: Content) -> bool:
    """Tell whether a file is a tar archive, compressed or not.

    :raises InstructionError: if it is compressed in a way that cannot be read here.
    """
    if not content.size:
        return False
    with Decompressed(content.open()) as stream:
        try:
            return begins_archive(stream.read_exactly(BLOCK))
        except InstructionError:  # too short, or not compressed at all behind its first bytes
            return False


@dataclass(frozen=True, slots=True)
class Unpacker:
    """Unpacks archives into a directory of a tree.

    :param owner: of all that is unpacked; None leaves what the archive says.
    :param keep: keeps a temporary file open as long as the tree is used.
    :param check: called for each piece; what it raises ends the work.
    """

    tree: FileSystem
    place: Path
    owner: Owner | None
    keep: Callable[[IO[bytes]], IO[bytes]]
    check: Callable[[], None]

    def unpack(self, content: Content) -> tuple[int, int]:
        """Write the members of an archive; return the number of files and their bytes.

        :raises InstructionError: if a member leads out of there, or cannot be unpacked.
        """
        spool = self.keep(tempfile.TemporaryFile())  # noqa: SIM115  # kept longer
        files = size = 0
        with _Teed(content, spool, self.check) as archive:
            for member in members(archive):
                self._put(member, spool)
                files += not member.isdir()
                size += member.size
        spool.flush()
        return files, size

    def _put(self, member: tarfile.TarInfo, spool: IO[bytes]) -> None:
        path = _inside(member.name)
        if not path:
            return
        place = self._real(path)
        self.tree.make_directories(place[:-1])
        if member.islnk():
            target = self._real(_inside(member.linkname))
            linked = link_files(self.tree, place, target, member.name)
            entry = self._owned(replace(linked, mode=member.mode & 0o7777), member)
            self.tree.put(target, entry)
        else:
            entry = self._owned(entry_of(member), member)
            self._check(member.name, place, entry)
            if entry.kind == FILE:
                entry = replace(entry, content=InSpool(spool, member.offset_data, member.size))
        self.tree.put(place, entry)

    def _real(self, path: Path) -> Path:
        """Follow the links above the last name; nothing leads out of the directory."""
        return (*self.tree.resolve("/".join(path[:-1]), self.place), *path[-1:])

    def _owned(self, entry: Entry, member: tarfile.TarInfo) -> Entry:
        return replace(entry, owner=self.owner or Owner(member.uid, member.gid))

    def _check(self, name: str, place: Path, entry: Entry) -> None:
        if entry.kind not in (FILE, DIRECTORY, LINK):
            raise InstructionError(f"the archive's member {name} is a {entry.kind}")
        if entry.kind == LINK and not entry.target.startswith("/"):
            target = posixpath.normpath("/".join((*place[:-1], entry.target)))
            if target.split("/")[0] == "..":
                raise InstructionError(
                    f"the archive's link {name} to {entry.target} leads out of the image"
                )


def _inside(name: str) -> Path:
    path = member_path(name)
    if name.startswith("/") or ".." in path:
        raise InstructionError(
            f"the archive's member {name} leads out of where it is unpacked",
            hint="pack it again with relative names; GNU tar does so unless -P is given",
        )
    if is_whiteout(path):
        raise InstructionError(
            f"the archive's member {name} cannot be in an image: .wh. marks what layers take away"
        )
    return path
