"""The file in which the context index outlives a run.

A magic line, then where the head is, with its checksum. The head says all that a run without
changes asks for, and where there is more: what is known of each folder, group by group.

A file that is damaged, of another version or not ours at all counts as empty: the index only saves
work. Nothing in it is ever written over but the place of the head. A small change is added at the
end, with a head of its own; when half of the file is of no use any more, it is replaced by
renaming. So two runs at once read whole heads, and the last one to finish wins.
"""

from __future__ import annotations

import marshal
import mmap
import os
import struct
from contextlib import suppress
from io import FileIO
from typing import TYPE_CHECKING, Any, Final

import xxhash

from okplug.contextstore import FORMAT, Group, Slice, Source, Stored, StoredSelection, Walk, join
from okplug.folderstats import Names

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    StrPath = str | os.PathLike[str]

#: raise the number whenever the layout or the meaning of a field changes
_MAGIC: Final = b"okplug context index 3\n"
#: of the head: checksum, position, size
_PLACE: Final = struct.Struct("<16sQQ")
_START: Final = len(_MAGIC) + _PLACE.size


class _DamagedError(Exception):
    """Something that nobody has read until now is not what was written."""


def read_index(path: StrPath, root: bytes) -> Stored:
    """Read an index file; whatever is wrong with it, the outcome is an empty index.

    :param root: what paths in the file are relative to.
    """
    try:
        with FileIO(path) as stream:
            # The place comes first: what it names is there when the rest is looked at.
            beginning = stream.read(_START)
            status = os.fstat(stream.fileno())
            file = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError):  # there is none, or it is empty
        return Stored()
    if len(beginning) < _START or not beginning.startswith(_MAGIC):
        return Stored()
    checksum, position, size = _PLACE.unpack_from(beginning, len(_MAGIC))
    head = file[position : position + size]
    if xxhash.xxh3_128_digest(head) != checksum:
        return Stored()
    return _decode(head, root, Source(file, (status.st_dev, status.st_ino)))


def write_index(path: Path, root: bytes, stored: Stored, known: Source | None = None) -> bool:
    """Write the index file; return False if that cannot be.

    :param known: the file that some of it was read from, to which the rest may be added.
    """
    try:
        if known is None or not _add(path, root, stored, known):
            _replace(path, root, stored)
    except _DamagedError:  # the next run begins anew
        with suppress(OSError):
            path.unlink()
        return False
    except OSError:
        return False
    return True


def _add(path: Path, root: bytes, stored: Stored, known: Source) -> bool:
    """Put what is new behind the rest; return False if there is no room, or too much waste.

    Whatever happens in the meantime, the head that was there before is a whole one.
    """
    import fcntl

    with suppress(OSError), path.open("r+b", buffering=0) as stream:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        status = os.fstat(stream.fileno())
        if (status.st_dev, status.st_ino) != known.identity:
            return False
        starts, parts = _arrange(stored.groups, status.st_size, known.memory)
        head = _encode(stored, root, starts)
        new = b"".join((*parts, head))
        used = sum(group.data.end - group.data.start for group in stored.groups) + len(head)
        end = status.st_size + len(new)
        if end <= 2 * used and os.pwrite(stream.fileno(), new, status.st_size) == len(new):
            os.pwrite(stream.fileno(), _place(head, end - len(head)), len(_MAGIC))
            return True
    return False


def _replace(path: Path, root: bytes, stored: Stored) -> None:
    starts, parts = _arrange(stored.groups, _START)
    head = _encode(stored, root, starts)
    # One process writes one index at a time, so its number is enough to tell drafts apart.
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("wb") as stream:
            stream.write(_MAGIC + _place(head, _START + sum(map(len, parts))))
            stream.writelines((*parts, head))
        draft.replace(path)
    except OSError:
        with suppress(OSError):  # what cannot be written cannot be removed either
            draft.unlink(missing_ok=True)
        raise


def _place(head: bytes, position: int) -> bytes:
    return _PLACE.pack(xxhash.xxh3_128_digest(head), position, len(head))


def _arrange(
    groups: Iterable[Group], position: int, kept: mmap.mmap | None = None
) -> tuple[list[int], list[bytes]]:
    """Return where the data of each group is in the file, and what is to be written.

    :param position: of what is written.
    :param kept: the file; what is in it stays where it is.
    :raises _DamagedError: if something cannot be written because it cannot be read.
    """
    starts, parts = [], []
    for group in groups:
        if group.data.memory is kept:
            starts.append(group.data.start)
            continue
        part = group.data.read()
        if part is None:
            raise _DamagedError
        starts.append(position)
        parts.append(part)
        position += len(part)
    return starts, parts


def _encode(stored: Stored, root: bytes, starts: Sequence[int]) -> bytes:
    groups = [
        (
            _relative(group.folders.base, root),
            *group.folders[1:],
            *group.files[1:],
            start,
            group.data.end - group.data.start,
            group.data.checksum,
        )
        for group, start in zip(stored.groups, starts, strict=True)
    ]
    selections = [
        (key, *selection._replace(root=_relative(selection.root, root)))
        for key, selection in stored.selections.items()
    ]
    walk = None if stored.walk is None else (stored.walk.key, stored.walk.found)
    return marshal.dumps((groups, selections, walk, stored.day), FORMAT)


def _decode(head: bytes, root: bytes, source: Source) -> Stored:
    groups, selections, walk, day = marshal.loads(head)  # noqa: S302 - its digest is right
    return Stored(
        list(_decode_groups(groups, root, source.memory)),
        {key: _selection(fields, root) for key, *fields in selections},
        Walk(*walk) if walk else None,
        day,
        source,
    )


def _decode_groups(
    groups: Iterable[tuple[Any, ...]], root: bytes, file: mmap.mmap
) -> Iterable[Group]:
    for base, folders, folder_state, files, file_state, start, size, checksum in groups:
        path = _absolute(base, root)
        yield Group(
            Names(path, folders, folder_state),
            Names(path, files, file_state),
            Slice(file, start, start + size, checksum),
        )


def _selection(fields: Sequence[Any], root: bytes) -> StoredSelection:
    selection = StoredSelection._make(fields)
    return selection._replace(root=_absolute(selection.root, root))


def _relative(path: bytes, root: bytes) -> bytes:
    """Return a path below the workspace so that this may move."""
    if path == root:
        return b"."
    return path.removeprefix(root + b"/") if path.startswith(root + b"/") else path


def _absolute(path: bytes, root: bytes) -> bytes:
    return path if path.startswith(b"/") else join(root, path)
