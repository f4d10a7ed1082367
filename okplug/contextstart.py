"""The beginning of a run: all files are looked at before anything else is even imported."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from okplug.contextindexfile import read_index

if TYPE_CHECKING:
    from okplug.contextindexfile import StrPath
    from okplug.fingerprint import ContextIndex


def begin_index(root: StrPath, path: StrPath, *, with_files: bool) -> ContextIndex:
    """Return the index of the workspace *root*; what it knows is looked at in the meantime.

    This comes first, while the process has one thread and is small: others are quicker at looking,
    and are forked in no time (``forking.py``).

    :param path: the file that the index outlives a run in.
    :param with_files: at all files, and not only at folders.
    """
    stored = read_index(path, os.path.realpath(os.fsencode(root)))
    stored.check.begin(with_files=with_files)
    try:
        from pathlib import Path

        from okplug.fingerprint import ContextIndex

        return ContextIndex(Path(root), Path(path), stored=stored)
    except BaseException:
        stored.check.end()
        raise
