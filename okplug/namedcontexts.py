"""Named contexts that are folders: what they hold belongs to the key as files of a context do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from okplug.errors import ManifestError

if TYPE_CHECKING:
    from pathlib import Path

    from okplug.manifest.model import Image

#: what begins like this is elsewhere, and the builder fetches it
_ELSEWHERE: Final = (
    "docker-image://",
    "http://",
    "https://",
    "git://",
    "ssh://",
    "git@",
)


def context_folders(image: Image) -> dict[str, Path]:
    """Return the folders that names of a Dockerfile stand for, by name.

    :raises ManifestError: if one is not there.
    """
    folders = {}
    for name, value in image.named_contexts:
        if value.startswith(_ELSEWHERE):
            continue
        folder = image.location.path.parent / value
        if not folder.is_dir():
            raise ManifestError(
                f"the named context {name} is no folder: {value}",
                location=image.place("named_contexts"),
                hint="name a folder, docker-image://REFERENCE, or the URL of a git repository",
            )
        folders[name] = folder
    return folders
