"""Folders in groups: small enough to look into one of them, large enough to be checked as one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from okplug.contextrows import split_names, unpack_details
from okplug.contextstore import make_group
from okplug.folderstats import Names, state_of, unpack_stat

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from okplug.contextrows import StoredFolder
    from okplug.contextstore import Group
    from okplug.folderstats import Stat

#: entries of a group, files and folders: at least, unless its neighbours are far, and at most
_FEW: Final = 128
_MANY: Final = 512


_NOTHING: Final = Names(b"/", b"", state_of([]))
#: in the place of a group whose folders are all gone
EMPTY: Final = make_group(b"/", _NOTHING, _NOTHING, {})


def group_folders(rows: Mapping[bytes, StoredFolder], root: bytes) -> list[Group]:
    """Divide folders into groups of neighbours.

    :param rows: what is known of each, by absolute path.
    :param root: the workspace, which may move: no group has folders in it and others.
    """
    below = root + b"/"
    inside = [path for path in rows if (path + b"/").startswith(below)]
    outside = rows.keys() - set(inside)
    return [
        _group(base, each, rows)
        for paths in (inside, outside)
        for base, each in _divide(paths, rows)
    ]


def _divide(
    every: Iterable[bytes], rows: Mapping[bytes, StoredFolder]
) -> Iterator[tuple[bytes, Sequence[bytes]]]:
    """Yield groups of paths, each with the folder that all of it is below.

    A group ends where the next folder is no longer below what the group has in common.
    """
    base, count = b"", 0
    paths: list[bytes] = []
    for path in sorted(every, key=_by_component):
        wider = _common(base, path) if paths else path
        if paths and ((wider != base and count >= _FEW) or count >= _MANY):
            yield base, paths
            wider, paths, count = path, [], 0
        base = wider
        paths.append(path)
        row = rows[path]
        count += 1 + (row.files.count(b"\0") + 1 if row.details and row.files else 0)
    if paths:
        yield base, paths


def _by_component(path: bytes) -> bytes:
    return path.replace(b"/", b"\0")


def _common(base: bytes, path: bytes) -> bytes:
    """Return the lowest folder that is, or is above, both."""
    while base and path != base and not path.startswith(base + b"/"):
        base = base.rpartition(b"/")[0]
    return base or b"/"


def _group(base: bytes, paths: Sequence[bytes], rows: Mapping[bytes, StoredFolder]) -> Group:
    names = [path[len(base.rstrip(b"/")) + 1 :] or b"." for path in paths]
    own = [unpack_stat(rows[path].own) for path in paths]
    is_settled = all(rows[path].names_settled for path in paths)
    folders = Names(base, b"\0".join(names), state_of(own) if is_settled else b"")
    return make_group(base, folders, _files(base, names, [rows[path] for path in paths]), rows)


def _files(base: bytes, names: Sequence[bytes], rows: Iterable[StoredFolder]) -> Names:
    files: list[bytes] = []
    stats: list[Stat] = []
    is_settled = True
    for name, row in zip(names, rows, strict=True):
        if row.details:
            found = split_names(row.files)
            prefix = b"" if name == b"." else name + b"/"
            files += [prefix + file for file in found]
            stats += unpack_details(row.details, len(found)).stats
            is_settled &= row.files_settled
    return Names(base, b"\0".join(files), state_of(stats) if is_settled else b"")
