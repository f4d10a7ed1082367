"""The one file that ``-f`` names in place of those that are found."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from okplug.errors import UsageError
from okplug.manifest.folders import manifest_folder
from okplug.manifest.kinds import kind_of
from okplug.suggestions import closest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from okplug.manifest.kinds import Kind


@dataclass(frozen=True, slots=True)
class GivenFile:
    """A file that is there.

    :param path: absolute.
    """

    path: Path
    kind: Kind

    def among(self, manifests: Iterable[Path]) -> tuple[Path, ...]:
        """Return the manifests with this one as that of its folder, in whose place it is read."""
        folder = manifest_folder(self.path)
        others = [path for path in manifests if manifest_folder(path) != folder]
        return tuple(sorted([*others, self.path], key=lambda path: manifest_folder(path).parts))


def find_given_file(text: str, cwd: Path, names: Collection[str]) -> GivenFile:
    """Return the file that ``-f`` names.

    :param cwd: what a relative path starts at.
    :param names: what manifests are called; a file of such a name is no Dockerfile.
    :raises UsageError: if there is none, or it is a folder.
    :raises ManifestError: if its content must tell what it is and cannot be read.
    """
    if text == "-":
        raise UsageError(
            "-f -: a Dockerfile is not read from standard input", hint="write it to a file"
        )
    path = Path(os.path.normpath(cwd / text))
    if path.is_dir():
        inside = next((name for name in names if (path / name).is_file()), "")
        raise UsageError(
            f"-f {text}: this is a folder",
            hint=f"name a file, such as {Path(text, inside)}" if inside else "name a file in it",
        )
    if not path.is_file():
        raise UsageError(f"-f {text}: there is no such file", hint=_guess(path))
    kind = kind_of(path)
    if kind == "dockerfile" and path.name in names:
        kind = "okteto"
    return GivenFile(path, kind)


def _guess(path: Path) -> str:
    parent = path.parent
    if not parent.is_dir():
        return f"there is no folder {parent} either"
    name = closest(path.name, [entry.name for entry in parent.iterdir() if entry.is_file()])
    return f"there is {parent / name}" if name else "give the path from the current folder"
