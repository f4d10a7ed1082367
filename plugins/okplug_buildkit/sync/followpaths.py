"""Paths that lead over links: the names on the way, so that a build finds what it is sent.

Each path is walked name by name. A link on the way is part of the answer, and the walk goes on at
its target, which is taken relative to the tree and never leaves it. A name with a wildcard stands
for the links that it matches; folders that it matches are not walked, the path itself serves as
the pattern for what is below them.
"""

from __future__ import annotations

import posixpath
import stat
from typing import TYPE_CHECKING

from okplug import ManifestError
from okplug.dockerfile import compile_glob, is_glob
from okplug_buildkit.sync.entries import decode, encode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from okplug_buildkit.sync.entries import Tree


def follow_paths(tree: Tree, paths: Iterable[str]) -> list[str] | None:
    """Return the patterns that paths come to, sorted; None if they ask for the whole tree."""
    found: set[str] = set()
    todo = [_split(path) for path in paths]
    while todo:
        names = todo.pop()
        if not names:
            return None
        todo += _walk(tree, names, found)
    return [path for path in sorted(found, key=encode) if not found.intersection(_parents(path))]


def _walk(tree: Tree, names: list[str], found: set[str]) -> Iterable[list[str]]:
    """Walk to the end of a path or to the first link on it, and return where links lead to."""
    path, rest = "", names
    targets: list[str] = []
    while rest and not targets:
        path, rest = posixpath.join(path, rest[0]), rest[1:]
        targets = list(_targets(tree, path))
    if path in found:
        return []
    found.add(path)
    return [_split("/".join([target, *rest])) for target in targets]


def _targets(tree: Tree, path: str) -> Iterator[str]:
    folder, _, name = path.rpartition("/")
    if not is_glob(name):
        yield from _target(tree, path)
        return
    try:
        matches = compile_glob(name)
    except ManifestError:
        return  # nothing matches it
    for found in sorted(tree.names(encode(folder))):
        if matches(decode(found)):
            yield from _target(tree, posixpath.join(folder, decode(found)))


def _target(tree: Tree, path: str) -> Iterator[str]:
    entry = tree.find(encode(path))
    if entry is not None and stat.S_ISLNK(entry.mode):
        yield posixpath.join(posixpath.dirname(path), decode(entry.linkname))


def _split(path: str) -> list[str]:
    """Return the names of a path, ``..`` resolved by name and not beyond the root."""
    return [name for name in posixpath.normpath(f"/{path}").split("/") if name]


def _parents(path: str) -> Iterator[str]:
    while path := path.rpartition("/")[0]:
        yield path
