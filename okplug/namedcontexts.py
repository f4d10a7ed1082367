"""Named contexts that are folders: what they hold belongs to the key as files of a context do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from okplug.errors import ManifestError
from okplug.manifest.model import is_folder
from okplug.notes import note_file

if TYPE_CHECKING:
    from pathlib import Path

    from okplug.manifest.model import Image


def context_folders(image: Image) -> dict[str, Path]:
    """Return the folders that names of a Dockerfile stand for, by name.

    :raises ManifestError: if one is not there.
    """
    folders = {}
    for name, value in image.named_contexts:
        if not is_folder(value):
            continue
        folder = image.location.path.parent / value
        note_file(folder)
        if not folder.is_dir():
            raise ManifestError(
                f"the named context {name} is no folder: {value}",
                location=image.place("contexts"),
                hint="name a folder, docker-image://REFERENCE, or the URL of a git repository",
            )
        folders[name] = folder
    return folders
