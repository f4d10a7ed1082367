"""Guess the context of a Dockerfile: the nearest folder that has all that it copies."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from okplug.dockerfile import is_glob
from okplug.drafting.names import owning_folder

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from okplug.dockerfile.model import ContextRead


def guess_context(root: Path, folder: str, reads: Iterable[ContextRead]) -> tuple[str, str]:
    """Return the context's path below the root, and what is missing there, ``""`` for nothing.

    It is the Dockerfile's own folder or the nearest one above it up to the root; where none has
    everything, it is the own one.

    :param folder: POSIX path of the Dockerfile's folder below the root.
    """
    wanted = [posixpath.normpath(pattern) for read in reads for pattern in read.patterns]
    # who copies everything from a folder that only keeps Dockerfiles means the one above it
    candidate = owning_folder(folder) if "." in wanted else folder
    while _missing(root, candidate, wanted):
        if not candidate:
            return folder, _missing(root, folder, wanted)
        candidate = posixpath.dirname(candidate)
    return candidate, ""


def _missing(root: Path, folder: str, wanted: Iterable[str]) -> str:
    base = root / folder
    return next((text for text in wanted if not _is_there(base, text.lstrip("/"))), "")


def _is_there(base: Path, pattern: str) -> bool:
    if (base / pattern).exists():
        return True
    # pathlib refuses ** within a name, where it means *
    return is_glob(pattern) and any(base.glob(re.sub(r"\*+", "*", pattern)))
