"""Names for the images of Dockerfiles: short, telling, and each only once in the workspace."""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from itertools import count
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from okplug.drafting.search import BuildFile

#: folders that say that a Dockerfile is in them, and not whose it is
_SILENT_FOLDERS: Final = frozenset(
    [
        "build",
        "ci",
        "container",
        "containers",
        "deploy",
        "deployment",
        "docker",
        "dockerfiles",
        "images",
    ]
)
#: flavours of an image rather than images
_FLAVOURS: Final = frozenset(
    [
        "alpine",
        "amd64",
        "arm64",
        "base-dev",
        "ci",
        "debug",
        "dev",
        "devel",
        "development",
        "local",
        "prod",
        "production",
        "release",
        "slim",
        "stage",
        "staging",
        "test",
        "testing",
        "tests",
    ]
)


def name_images(
    files: Sequence[BuildFile], plain: Collection[str], taken: Collection[str], root_name: str
) -> dict[BuildFile, str]:
    """Return a name for the image of each file.

    An image is called like its folder or its flavour. Where two would be called alike, both get the
    names of more folders, and a number if that does not help.

    :param plain: folders that have a Dockerfile without a flavour.
    :param taken: names that there are already.
    :param root_name: of the workspace, for a Dockerfile at its root.
    """
    choices = {file: _choices(file, file.folder in plain, root_name) for file in files}
    chosen = dict.fromkeys(files, 0)
    while clashing := _clashing(files, choices, chosen, taken):
        for file in clashing:
            chosen[file] += 1
    names: dict[BuildFile, str] = {}
    used = set(taken)
    for file in files:
        name = choices[file][chosen[file]]
        names[file] = next(text for text in _numbered(name) if text not in used)
        used.add(names[file])
    return names


def owning_folder(folder: str) -> str:
    """Return the folder that a Dockerfile is about: ``api`` of ``api/docker``."""
    while posixpath.basename(folder).strip("._").lower() in _SILENT_FOLDERS:
        folder = posixpath.dirname(folder)
    return folder


def plain_name(text: str) -> str:
    """Return a name that a manifest may have and a registry takes: lower case, single dashes."""
    text = re.sub(r"[^a-z0-9.]+", "-", text.lower())
    return re.sub(r"([.-])[.-]+", r"\1", text).strip(".-") or "image"


def _choices(file: BuildFile, has_plain: bool, root_name: str) -> list[str]:  # noqa: FBT001 - private
    """Return the names that a file's image could have, the best one first."""
    folder = owning_folder(file.folder)
    folders = folder.split("/") if folder else []
    is_telling = bool(file.flavour) and plain_name(file.flavour) not in _FLAVOURS
    if is_telling and not (has_plain and folders):
        words = [file.flavour]
    else:
        words = [folders.pop() if folders else root_name, *([file.flavour] * bool(file.flavour))]
    names = [words, *([*folders[-number:], *words] for number in range(1, len(folders) + 1))]
    return [plain_name("-".join(parts)) for parts in names]


def _clashing(
    files: Sequence[BuildFile],
    choices: dict[BuildFile, list[str]],
    chosen: dict[BuildFile, int],
    taken: Collection[str],
) -> list[BuildFile]:
    """Return the files that share a name and have another choice."""
    names = {file: choices[file][chosen[file]] for file in files}
    often = Counter(names.values())
    return [
        file
        for file, name in names.items()
        if (often[name] > 1 or name in taken) and chosen[file] + 1 < len(choices[file])
    ]


def _numbered(name: str) -> Iterator[str]:
    yield name
    for number in count(2):
        yield f"{name}-{number}"
