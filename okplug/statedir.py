"""The folder ``.okplug`` of a workspace: okplug's own files, a good guest in the tree."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

NAME = ".okplug"

_FILES = {
    "README.md": "# What this folder is\n"
    "\n"
    "okplug keeps here what it has learned about this workspace: the fingerprints of files and\n"
    "the history of runs. It may be removed at any time; the next run is slower, nothing else.\n"
    "Do not commit it.\n",
    ".gitignore": "# made by okplug\n*\n",
    # https://bford.info/cachedir/ prescribes the first line
    "CACHEDIR.TAG": "Signature: 8a477f597d28d172789f06886806bc55\n"
    "# This folder was made by okplug; backups may leave it out.\n",
}


def make_state_dir(root: Path) -> Path | None:
    """Return ``.okplug`` in *root*, made whole in one step; None where nothing can be written."""
    path = root / NAME
    if not path.is_dir():
        try:
            _make(root, path)
        except OSError:
            return None
    return path if os.access(path, os.W_OK | os.X_OK) else None


def _make(root: Path, path: Path) -> None:
    """Fill a folder beside and rename it, so that nobody sees half of it."""
    temporary = root / f"{NAME}-{os.urandom(8).hex()}"
    temporary.mkdir()
    try:
        for name, text in _FILES.items():
            (temporary / name).write_text(text, encoding="utf-8")
        temporary.rename(path)
    except OSError:
        import shutil

        shutil.rmtree(temporary)
        if not path.is_dir():  # another process was first otherwise, and its folder is as good
            raise
