"""The entries of a selection of files, in order, and the two digests over them.

Each entry is framed with its lengths, so that no name can be taken for a content, and the entries
are sorted by the bytes of their names:

    letter    f file, x executable file, l link, d folder
    lengths   of name and content, four bytes each, little endian
    name      relative to the context, ``/`` between components
    content   file: xxh3-128 in the digest, sha256 in the proof; link: its target; folder: nothing
"""

from __future__ import annotations

import hashlib
import stat
import struct
from typing import TYPE_CHECKING, Final, TypeAlias

import xxhash

from okplug.context import ContextFile
from okplug.contextreading import read_contents
from okplug.contextsources import decode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from okplug.contextfiles import Selection
    from okplug.contextfolders import Folder

#: an entry as it is hashed: relpath, letter, content as ``Folder.contents`` has it, size; a plain
#: tuple, of which the garbage collector need not keep track
Row: TypeAlias = "tuple[bytes, bytes, bytes, int]"

#: part of both digests and of every stored selection; a change of either must change it, and with
#: it the scheme of the keys
SCHEME: Final = b"okplug-context-1\n"
_FRAME: Final = struct.Struct("<cII")
_KINDS: Final = {b"f": "file", b"x": "file", b"l": "link", b"d": "directory"}


def read_ahead(selections: Iterable[Selection]) -> None:
    """Read the files that nobody has read, if they are many."""
    unread: dict[bytes, tuple[Folder, int]] = {}
    for selection in selections:
        for folder, number in selection.files.values():
            if not folder.contents[number] and stat.S_ISREG(folder.stats[number][0]):
                unread[folder.path + b"/" + folder.files[number]] = folder, number
    stats = (folder.stats[number] for folder, number in unread.values())
    files = [(path, st[0], st[1]) for path, st in zip(unread, stats, strict=True)]
    for (folder, number), content in zip(unread.values(), read_contents(files), strict=True):
        if content:
            folder.contents[number] = content
            folder.is_new = True


def rows_of(selection: Selection) -> list[Row]:
    """Return the entries in order, reading what has not been read.

    :raises ManifestError: if an entry cannot be read or is neither file, link nor folder.
    :raises ContextChangedError: if a file changes while it is read.
    """
    rows: list[Row] = [(relpath, b"d", b"", 0) for relpath in selection.directories]
    for relpath, (folder, number) in selection.files.items():
        mode, size = folder.stats[number][:2]
        letter = b"l" if stat.S_ISLNK(mode) else b"x" if mode & stat.S_IXUSR else b"f"
        rows.append((relpath, letter, folder.content(number), size))
    rows.sort()
    return rows


def digests_of(rows: Iterable[Row]) -> tuple[bytes, bytes]:
    """Return xxh3-128 and sha256 over entries."""
    quick, strong = [SCHEME], [SCHEME]
    for relpath, letter, content, _ in rows:
        if letter in b"fx":
            quick += (_FRAME.pack(letter, len(relpath), 16), relpath, content[:16])
            strong += (_FRAME.pack(letter, len(relpath), 32), relpath, content[16:])
        else:
            entry = (_FRAME.pack(letter, len(relpath), len(content)), relpath, content)
            quick += entry
            strong += entry
    return xxhash.xxh3_128_digest(b"".join(quick)), hashlib.sha256(b"".join(strong)).digest()


def context_files(rows: Iterable[Row]) -> tuple[ContextFile, ...]:
    """Return entries as snapshots show them."""
    return tuple(map(_context_file, rows))


def _context_file(row: Row) -> ContextFile:
    name, letter, content, size = row
    relpath, kind = decode(name), _KINDS[letter]
    if kind == "directory":
        return ContextFile(relpath, kind)
    if kind == "link":
        return ContextFile(relpath, kind, target=decode(content))
    quick, strong = content[:16].hex(), content[16:].hex()
    return ContextFile(relpath, kind, letter == b"x", "", size, quick, strong)
