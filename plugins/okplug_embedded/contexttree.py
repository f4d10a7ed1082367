"""The files of a context as a tree to copy from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from okplug_embedded.contents import InContext
from okplug_embedded.filesystem import DIRECTORY, FILE, LINK, PLAIN_DIRECTORY, Entry, FileSystem

if TYPE_CHECKING:
    from okplug import ContextFile, ContextSnapshot

_EXECUTABLE = 0o755
_PLAIN = 0o644


def context_tree(context: ContextSnapshot) -> FileSystem:
    """Return what a build may read; owners and modes do not depend on who builds."""
    tree = FileSystem()
    for file in context.files:
        tree.put(tuple(file.relpath.split("/")), _entry(context, file))
    return tree


def _entry(context: ContextSnapshot, file: ContextFile) -> Entry:
    if file.kind == DIRECTORY:
        return PLAIN_DIRECTORY
    if file.kind == LINK:
        return Entry(LINK, 0o777, target=file.target)
    mode = _EXECUTABLE if file.executable else _PLAIN
    return Entry(FILE, mode, content=InContext(context, file))
