"""The file in which the context index outlives a run.

A magic line, a checksum and two tables: folders and selections. A file that is damaged, of another
version or not ours at all counts as empty: the index only saves work. It is replaced by renaming,
so that two runs at once read whole files, and the last one to finish wins.
"""

from __future__ import annotations

import itertools
import os
import struct
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

import xxhash

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

#: raise the number whenever the layout or the meaning of a field changes
_MAGIC = b"okplug context index 1\n"
_CHECKSUM_SIZE = 16
_COUNTS = struct.Struct("<QQ")


class StoredFolder(NamedTuple):
    """What is known of one folder.

    :param files: names of all that is not a folder, sorted, with a NUL between them.
    :param folders: names of the folders, likewise.
    :param details: stat and content of the files, as ``contextfolders.py`` packs them.
    :param state: digest of the stats of the folder and its files.
    :param settled: ``b"1"`` if nothing in it was so fresh that a later change could go unseen.
    :param day: when a run last looked at it, as ``pack_day`` packs it.
    """

    files: bytes
    folders: bytes
    details: bytes
    state: bytes
    settled: bytes
    day: bytes


class StoredSelection(NamedTuple):
    """The outcome of one selection of files.

    :param digest: of its entries, xxh3-128.
    :param proof: of its entries, sha256.
    :param state: digest of the states of the folders that were looked at.
    :param unmatched: the sources that matched nothing, as ``fingerprint.py`` packs them.
    :param day: when a run last asked for it, as ``pack_day`` packs it.
    :param folders: the paths of the folders that were looked at.
    """

    digest: bytes
    proof: bytes
    state: bytes
    unmatched: bytes
    day: bytes
    folders: tuple[bytes, ...]


class Stored(NamedTuple):
    """All that an index file holds: folders by path, selections by key."""

    folders: dict[bytes, StoredFolder]
    selections: dict[bytes, StoredSelection]


def pack_day(day: int) -> bytes:
    """Pack the number of a day so that later days compare as greater."""
    return day.to_bytes(4)


def read_index(path: Path, root: bytes) -> Stored:
    """Read an index file; whatever is wrong with it, the outcome is an empty index.

    :param root: what paths in the file are relative to.
    """
    try:
        data = path.read_bytes()
    except OSError:
        return Stored({}, {})
    start = len(_MAGIC) + _CHECKSUM_SIZE
    body = data[start:]
    if data[:start] != _MAGIC + xxhash.xxh3_128_digest(body):
        return Stored({}, {})
    return _decode(body, root)


def write_index(path: Path, root: bytes, stored: Stored) -> bool:
    """Replace the index file; return False if its folder cannot be written to."""
    body = _encode(stored, root)
    # One process writes one index at a time, so its number is enough to tell drafts apart.
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_bytes(b"".join((_MAGIC, xxhash.xxh3_128_digest(body), body)))
        draft.replace(path)
    except OSError:
        with suppress(OSError):  # what cannot be written cannot be removed either
            draft.unlink(missing_ok=True)
        return False
    return True


def _encode(stored: Stored, root: bytes) -> bytes:
    """Write both tables; a selection names its folders by their numbers."""
    below = root + b"/"
    folders = [
        (b"." if path == root else path.removeprefix(below), *folder)
        for path, folder in stored.folders.items()
    ]
    numbers = {path: number for number, path in enumerate(stored.folders)}
    selections = [
        (key, *selection[:-1], struct.pack(f"<{len(used)}I", *[numbers[path] for path in used]))
        for key, selection in stored.selections.items()
        if numbers.keys() >= set(used := selection.folders)
    ]
    return b"".join(
        (
            _COUNTS.pack(len(folders), len(selections)),
            *_encode_table(folders),
            *_encode_table(selections),
        )
    )


def _encode_table(rows: Sequence[tuple[bytes, ...]]) -> Iterator[bytes]:
    """Write the lengths of all fields of all rows, then the fields."""
    for row in rows:
        yield struct.pack(f"<{len(row)}I", *map(len, row))
    for row in rows:
        yield from row


def _decode(body: bytes, root: bytes) -> Stored:
    folder_count, selection_count = _COUNTS.unpack_from(body)
    width = 1 + len(StoredFolder._fields)
    (relative, *columns), end = _decode_table(body, _COUNTS.size, folder_count, width)
    below = root + b"/"
    paths = [path if path[:1] == b"/" else below + path for path in relative]
    if b"." in relative:
        paths[relative.index(b".")] = root
    folders = dict(zip(paths, map(StoredFolder._make, zip(*columns, strict=True)), strict=True))
    selections = {}
    columns, _ = _decode_table(body, end, selection_count, 1 + len(StoredSelection._fields))
    for key, digest, proof, state, unmatched, day, packed in zip(*columns, strict=True):
        numbers = struct.unpack(f"<{len(packed) // 4}I", packed)
        used = tuple(map(paths.__getitem__, numbers))
        selections[key] = StoredSelection(digest, proof, state, unmatched, day, used)
    return Stored(folders, selections)


def _decode_table(body: bytes, start: int, count: int, width: int) -> tuple[list[list[bytes]], int]:
    """Return the columns of the table that begins at *start*, and where it ends."""
    lengths = struct.unpack_from(f"<{count * width}I", body, start)
    ends = list(itertools.accumulate(lengths, initial=start + 4 * len(lengths)))
    fields = [body[begin:end] for begin, end in itertools.pairwise(ends)]
    return [fields[column::width] for column in range(width)], ends[-1]
