"""The folder that a manifest counts for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from okplug.errors import Location, ManifestError

if TYPE_CHECKING:
    from pathlib import Path


def manifest_folder(path: Path) -> Path:
    """Return the folder that a manifest counts for: the one around ``.okteto``, else its own."""
    folder = path.parent
    return folder.parent if folder.name == ".okteto" else folder


def folder_below(path: Path, root: Path) -> str:
    """Return that folder as a POSIX path below the workspace, ``""`` for its root.

    :raises ManifestError: if it is not below *root*.
    """
    folder = manifest_folder(path)
    if not folder.is_relative_to(root):
        raise ManifestError(f"the manifest is not in the workspace {root}", location=Location(path))
    relpath = folder.relative_to(root).as_posix()
    return "" if relpath == "." else relpath
