"""Which paths of a tree the sources of COPY and ADD name.

Wildcards are those of Go's ``filepath.Match``, one name at a time unless one of them can take a
slash, and links are followed only before the first of them and in what they find.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from okplug import ManifestError
from okplug.dockerfile import compile_glob, crosses_folders, is_glob
from okplug_embedded.failures import InstructionError
from okplug_embedded.filesystem import LINK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from okplug_embedded.filesystem import FileSystem, Node, Path

_GUESSES = 3


class MissingSourceError(InstructionError):
    """A source names nothing."""


def clean_names(path: str) -> Path:
    """Return the names in a path from the root; ``..`` cannot leave it."""
    clean = posixpath.normpath("/" + path.lstrip("/")).strip("/")
    return tuple(clean.split("/")) if clean else ()


def find(tree: FileSystem, source: str, *, is_whole: bool) -> list[Path]:
    """Return what a source names: its path, or in order what its wildcards find, if anything.

    :param is_whole: the tree has all that there is, so that wildcards in a directory that it has
        not are wrong. A context has only what its image reads: there they find nothing.
    :raises MissingSourceError: if the directory before the first wildcard is not there.
    :raises InstructionError: if a pattern is malformed.
    """
    names = clean_names(source)
    plain = next((at for at, name in enumerate(names) if is_glob(name)), len(names))
    if plain == len(names):
        return [names]
    folder = tree.resolve("/".join(names[:plain]))
    node = tree.get(folder)
    if is_whole and (node is None or not node.is_directory):
        raise missing(tree, names, source)
    patterns = names[plain:]
    found = _matches(tree, folder, patterns)
    if any(map(crosses_folders, patterns)):
        fits = compile_glob("/".join(patterns))
        return [] if node is None else [(*folder, *path) for path in _search(node, (), fits)]
    return found


def source_node(tree: FileSystem, path: Path, source: str) -> Node:
    """Return what a source leads to.

    :param path: without links.
    :raises MissingSourceError: if nothing is there.
    """
    node = tree.get(path)
    if node is None:
        raise missing(tree, clean_names(source), source)
    return node


def missing(tree: FileSystem, names: Path, source: str) -> MissingSourceError:
    """Return the error of a source that names nothing, with what may have been meant."""
    import difflib

    node = tree.get(names)
    if node is not None and node.entry.kind == LINK:
        return MissingSourceError(
            f"/{'/'.join(names)} is a link to {node.entry.target}, which is not there",
            hint="links are followed within what is copied from, and never out of it",
            near=source,
        )
    above = tree.get(names[:-1])
    known = above.names() if above else ()
    close = sorted(difflib.get_close_matches(names[-1], known, n=_GUESSES))
    hint = f"there is {', '.join('/'.join((*names[:-1], name)) for name in close)}" if close else ""
    return MissingSourceError(f"/{'/'.join(names)} is not there", hint=hint, near=source)


def _search(node: Node, above: Path, fits: Callable[[str], object]) -> Iterator[Path]:
    """Yield what fits below a directory; what lies below that is part of it."""
    if not node.is_directory:
        return
    for name in node.names():
        path = (*above, name)
        if fits("/".join(path)):
            yield path
        else:
            yield from _search(node.children[name], path, fits)


def _matches(tree: FileSystem, folder: Path, patterns: Path) -> list[Path]:
    try:
        fits = compile_glob(patterns[0])
    except ManifestError as error:
        raise InstructionError(error.message, hint=error.hint, near=patterns[0]) from None
    node = tree.get(folder)
    if node is None or not node.is_directory:
        return []
    paths = [(*folder, name) for name in node.names() if fits(name)]
    if len(patterns) == 1:
        return paths
    return [found for path in paths for found in _matches(tree, path, patterns[1:])]
