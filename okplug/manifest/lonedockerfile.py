"""A Dockerfile without a manifest: the one image that it is."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from okplug.errors import Location, UsageError
from okplug.manifest.buildfiles import DEFAULT_DOCKERFILE, is_remote
from okplug.manifest.imagenames import sanitise
from okplug.manifest.model import Image

if TYPE_CHECKING:
    from collections.abc import Sequence

_NOT_IN_A_NAME = re.compile(r"[^a-z0-9.-]+")
_NAMELESS = "image"


def lone_image(dockerfile: Path | None, words: Sequence[str], cwd: Path, root: Path) -> Image:
    """Return the image of a Dockerfile; no tag of the user's is meant for it.

    :param dockerfile: absolute path; None for the one in the context.
    :param words: what the command line selects: the context, or nothing for the current folder.
    :param root: of the workspace.
    :raises UsageError: if there are several words, the context is no folder of this machine, or it
        has no Dockerfile.
    """
    context = find_context(words, cwd)
    path = dockerfile or context / DEFAULT_DOCKERFILE
    if not path.is_file():
        raise UsageError(
            f"the context {words[0] if words else context} has no {DEFAULT_DOCKERFILE}",
            hint="write one, or name another: -f FILE",
        )
    is_inside = context.is_relative_to(root)
    folder = context.relative_to(root).as_posix() if is_inside and context != root else ""
    return Image(_name_of(context), folder, Location(path), context, path, push=False)


def find_context(words: Sequence[str], cwd: Path) -> Path:
    """Return the absolute path of the context that the command line names.

    :raises UsageError: if it names several, or what is no folder of this machine.
    """
    if len(words) > 1:
        raise UsageError(
            f"a Dockerfile has one context, and {len(words)} are given: {', '.join(words)}",
            hint="okplug build CONTEXT -f DOCKERFILE",
        )
    if not words:
        return cwd
    (text,) = words
    path = Path(os.path.normpath(cwd / text))
    if path.is_dir():
        return path
    if is_remote(text) or text == "-":
        raise UsageError(
            f"the context {text} is not a folder of this machine",
            hint="check it out or unpack it into a folder, and name that",
        )
    raise UsageError(
        f"the context {text} is no folder",
        hint="with a Dockerfile in place of a manifest, the word is the folder of its context",
    )


def _name_of(context: Path) -> str:
    name = _NOT_IN_A_NAME.sub("-", sanitise(context.name)).strip(".-")
    return name or _NAMELESS
