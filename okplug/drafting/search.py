"""The Dockerfiles of a workspace, by their names."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from okplug.dockerfile import parse
from okplug.errors import Location, ManifestError
from okplug.manifest.discover import SKIPPED_FOLDERS, exclusions

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from okplug.dockerfile.ignore import Matcher
    from okplug.dockerfile.model import Dockerfile

_NAME: Final = re.compile(
    r"(?:Dockerfile|Containerfile)(?:\.(?P<after>.+))?"
    r"|(?P<before>.+)\.(?:[Dd]ockerfile|[Cc]ontainerfile)"
)
#: what follows the last dot of a file that is about a Dockerfile, or that one is made of
_NOT_DOCKERFILES: Final = frozenset(
    [
        "bak",
        "dockerignore",
        "erb",
        "in",
        "j2",
        "jinja",
        "jinja2",
        "jsonnet",
        "md",
        "mustache",
        "old",
        "orig",
        "rej",
        "sh",
        "swp",
        "template",
        "tmpl",
        "tpl",
        "txt",
    ]
)


@dataclass(frozen=True, slots=True)
class BuildFile:
    """A Dockerfile that was found.

    :param folder: POSIX path below the root, ``""`` for the root.
    :param name: of the file.
    :param flavour: what tells it from the folder's plain ``Dockerfile``: ``dev`` of
        ``Dockerfile.dev``; ``""`` for that one itself.
    """

    folder: str
    name: str
    flavour: str
    dockerfile: Dockerfile = field(compare=False, repr=False)

    @property
    def relpath(self) -> str:
        """POSIX path below the root."""
        return f"{self.folder}/{self.name}" if self.folder else self.name


def find_build_files(
    root: Path, exclude: Sequence[str] = ()
) -> tuple[tuple[BuildFile, ...], tuple[str, ...]]:
    """Return the Dockerfiles sorted by folder and name, and warnings of those that are none.

    :param exclude: folders and files to leave out, as lines of a ``.dockerignore``.
    """
    found: list[BuildFile] = []
    warnings: list[str] = []
    for folder, name in sorted(_candidates(root, exclude)):
        path = Path(root, folder, name)
        try:
            found.append(BuildFile(folder, name, _flavour(name), _read(path)))
        except ManifestError as error:
            place = error.location or Location(path)
            warnings.append(f"{place}: the file is left out: {error.message}")
    return tuple(found), tuple(warnings)


def _candidates(root: Path, exclude: Sequence[str]) -> Iterator[tuple[str, str]]:
    matcher = exclusions(exclude)
    for top, folders, files in os.walk(root):
        folder = "" if Path(top) == root else Path(top).relative_to(root).as_posix()
        prefix = f"{folder}/" if folder else ""
        folders[:] = [
            name
            for name in folders
            if name not in SKIPPED_FOLDERS and not (matcher and _prunes(matcher, prefix + name))
        ]
        for name in files:
            is_excluded = matcher is not None and matcher.matches(prefix + name)
            if not is_excluded and _is_name_of_one(name):
                yield folder, name


def _prunes(matcher: Matcher, folder: str) -> bool:
    return matcher.matches(folder) and matcher.can_skip_directory(folder)


def _is_name_of_one(name: str) -> bool:
    last = name.rpartition(".")[2].lower()
    return bool(_NAME.fullmatch(name)) and last not in _NOT_DOCKERFILES


def _flavour(name: str) -> str:
    match = _NAME.fullmatch(name)
    return (match["after"] or match["before"] or "") if match else ""


def _read(path: Path) -> Dockerfile:
    try:
        return parse(path.read_bytes(), path)
    except OSError as error:
        raise ManifestError(
            f"it cannot be read: {error.strerror}", location=Location(path)
        ) from error
