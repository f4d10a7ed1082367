"""Named contexts of an entry: a folder, an image, or what the builder fetches from elsewhere."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from okplug.errors import ManifestError
from okplug.manifest.buildfiles import Written, absolute, find_context
from okplug.manifest.imagenames import sanitise_wanted
from okplug.manifest.model import ELSEWHERE, IMAGE, NAMED
from okplug.manifest.nodevalues import Pair, by_name, pairs
from okplug.notes import note_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    from okplug.manifest.yamlnodes import Node

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def read_contexts(node: Node, owner: str, environ: Mapping[str, str], base: str) -> dict[str, str]:
    """Return named contexts by name: folders as absolute paths, others as the model has them.

    What is no folder is an image of the workspace; whether there is one, the graph tells.

    :param owner: what has them, such as ``build.api``.
    :param base: absolute path of the folder that paths are relative to.
    :raises ManifestError: if one is empty, given twice, or of a kind that builders do not know.
    """
    subject = f"{owner}.contexts"
    found = by_name(pairs(node, subject, environ), "context", owner)
    return {name: _context(pair, subject, base) for name, pair in found.items()}


def _context(pair: Pair, subject: str, base: str) -> str:
    text, location = pair.value, pair.node.location
    if not pair.name or not text:
        raise ManifestError(
            f"{subject}: expected a name and what it stands for",
            location=location,
            hint="write NAME: FOLDER, or NAME=FOLDER in a list",
        )
    if text.startswith((IMAGE, *ELSEWHERE)):
        return text
    if _SCHEME.match(text):
        raise ManifestError(
            f"{subject}.{pair.name}: {text} is nothing that builders know",
            location=location,
            hint="name a folder, an image of the workspace, docker-image://REFERENCE, or the URL "
            "of a git repository",
        )
    path = absolute(text, base)
    note_file(path)
    if posixpath.isdir(path):
        return path
    if text.startswith(("/", ".")):
        return find_context(Written(text, location), base)  # which says what is there instead
    return NAMED + sanitise_wanted(text)
