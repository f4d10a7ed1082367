"""Find the context and the Dockerfile that a manifest names, or say what is there instead.

Paths are strings here: a Path for every candidate would cost more than reading the YAML.
"""

from __future__ import annotations

import os
import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from okplug.errors import ManifestError
from okplug.notes import note_file
from okplug.suggestions import closest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from okplug.errors import Location

DEFAULT_DOCKERFILE = "Dockerfile"

#: what BuildKit takes for a remote context: a URL, ``user@host:path``, a GitHub path
_REMOTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://|[\w.-]+@[\w.-]+:")
_GITHUB = "github.com/"


class Written(NamedTuple):
    """A path as a manifest has it, variables expanded, and its place.

    :param is_default: the manifest does not say; the place is that of the image.
    """

    text: str
    location: Location
    is_default: bool = False


def absolute(text: str, folder: str) -> str:
    """Return the absolute, shortest form of a path that is relative to *folder*."""
    return posixpath.normpath(posixpath.join(folder, text))


def named_file(text: str, folder: str, subject: str, location: Location) -> Path:
    """Return the absolute path of a file that a manifest names.

    :param subject: what names it, for the message.
    :raises ManifestError: if it is not there.
    """
    path = absolute(text, folder)
    note_file(path)
    if not posixpath.isfile(path):
        raise ManifestError(
            f"{subject}: there is no file {text}",
            location=location,
            hint=f"paths start at {folder}",
        )
    return Path(path)


def find_context(context: Written, folder: str) -> str:
    """Return the absolute path of the context.

    :param folder: absolute path of what the manifest's paths are relative to.
    :raises ManifestError: if it is no folder of this machine.
    """
    path = absolute(context.text, folder)
    note_file(path)
    if posixpath.isdir(path):
        return path
    if is_remote(context.text):
        raise ManifestError(
            f"the context {context.text} is remote; a manifest takes folders only",
            location=context.location,
            hint="check it out into a folder, as a submodule for instance, and name that folder",
        )
    if posixpath.lexists(path):
        problem = "a file, not a folder" if posixpath.isfile(path) else "a link that leads nowhere"
        raise ManifestError(
            f"the context {context.text} is {problem}",
            location=context.location,
            hint="name the folder whose files the build may read",
        )
    raise ManifestError(
        f"the context {context.text} does not exist",
        location=context.location,
        hint=_nearest_folder(path, context.text, folder),
    )


def find_dockerfile(dockerfile: Written, context: str, folder: str) -> tuple[str, str]:
    """Return the absolute path of the Dockerfile, and a warning or ``""``.

    It is looked for in the context, then relative to the manifest.

    :param context: absolute path of the context.
    :param folder: absolute path of what the manifest's paths are relative to.
    :raises ManifestError: if there is none.
    """
    text = dockerfile.text
    inside = absolute(text, context)
    beside = absolute(text, folder)
    note_file(inside)
    note_file(beside)
    if posixpath.isfile(inside):
        # a Dockerfile that nobody named is meant to be the context's, whatever else there is
        is_clear = dockerfile.is_default or beside == inside or not posixpath.isfile(beside)
        return inside, "" if is_clear else (
            f"{dockerfile.location}: there are two Dockerfiles of this name; "
            f"{_shown(inside, folder)} in the context is taken, not {_shown(beside, folder)}"
        )
    if posixpath.isfile(beside):
        return beside, (
            f"{dockerfile.location}: the context {_shown(context, folder)} has no {text}; "
            f"{beside} is taken instead"
        )
    raise _no_dockerfile(dockerfile, inside, folder)


def _no_dockerfile(dockerfile: Written, path: str, folder: str) -> ManifestError:
    shown = dockerfile.text if posixpath.isabs(dockerfile.text) else _shown(path, folder)
    if posixpath.isdir(path):
        return ManifestError(
            f"the Dockerfile {shown} is a folder",
            location=dockerfile.location,
            hint=f"name the file in it, such as {posixpath.join(dockerfile.text, 'Dockerfile')}",
        )
    inside, name = posixpath.split(path)
    candidate = _nearest_dockerfile(name, _names(inside, posixpath.isfile))
    if not candidate:
        hint = "write one, or name another with dockerfile:"
    else:
        written = posixpath.join(posixpath.dirname(dockerfile.text), candidate)
        hint = f"there is {_shown(posixpath.join(inside, candidate), folder)}; "
        hint += f"write dockerfile: {written}"
    return ManifestError(
        f"the Dockerfile {shown} does not exist", location=dockerfile.location, hint=hint
    )


def is_remote(text: str) -> bool:
    """Tell whether BuildKit would take a context for one of another machine."""
    return bool(_REMOTE.match(text)) or text.startswith(_GITHUB)


def _nearest_dockerfile(wanted: str, names: Iterable[str]) -> str:
    """Return the name that another habit gives a Dockerfile, ``""`` if there is none."""
    likely = [name for name in names if _looks_like_dockerfile(name)]
    same = [name for name in likely if name.lower() == wanted.lower()]
    return next(iter(same), "") or closest(wanted, likely) or min(likely, default="")


def _looks_like_dockerfile(name: str) -> bool:
    lower = name.lower()
    return not lower.endswith(".dockerignore") and (
        "dockerfile" in lower or lower.startswith("containerfile")
    )


def _nearest_folder(path: str, text: str, folder: str) -> str:
    """Say what the missing folder may be, from the names beside it."""
    parent, name = posixpath.split(path)
    if not posixpath.isdir(parent):
        return f"{_shown(parent, folder)} does not exist either; paths start at {folder}"
    names = _names(parent, posixpath.isdir)
    candidate = next((n for n in names if n.lower() == name.lower()), "") or closest(name, names)
    if candidate:
        written = posixpath.join(posixpath.dirname(text.rstrip("/")), candidate)
        return f"did you mean {written}?"
    return f"make the folder, or correct the path; paths start at {folder}"


def _names(folder: str, test: Callable[[str], bool]) -> list[str]:
    """Return the names in *folder* of what passes *test*, none if it cannot be read."""
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in entries if test(entry.path))
    except OSError:
        return []


def _shown(path: str, folder: str) -> str:
    """Return *path* as the manifest would write it."""
    return posixpath.relpath(path, folder)
