"""What a file is: an okteto manifest, a compose file or a Dockerfile."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from okplug.errors import Location, ManifestError
from okplug.notes import note_file

if TYPE_CHECKING:
    from pathlib import Path

Kind: TypeAlias = Literal["okteto", "compose", "dockerfile"]

_OKTETO: Final = re.compile(r"okteto(?:-pipelines?)?\.ya?ml")
_COMPOSE: Final = re.compile(r"(?:okteto-|docker-)?(?:compose|stack)(?:[.-][\w.-]+)?\.ya?ml")
_DOCKERFILE: Final = re.compile(
    r"(?:dockerfile|containerfile)(?:\..+)?|.+\.(?:docker|container)file"
)
_SECTION: Final = re.compile(rb"^(build|services)[ \t]*:", re.MULTILINE)
_INSTRUCTION: Final = re.compile(rb"^[ \t]*(?:FROM|ARG)[ \t]", re.MULTILINE | re.IGNORECASE)


def kind_of(path: Path) -> Kind:
    """Tell what a file is by its name, and where that is nobody's, by its content.

    A YAML file with ``services`` and no ``build`` at its top is a compose file. What is no YAML by
    its name is a Dockerfile, unless one of the two is at its top and no instruction is in it.

    :raises ManifestError: if its content is asked for and cannot be read.
    """
    return _kind_of_name(path.name.lower()) or _kind_of_content(path)


def _kind_of_name(name: str) -> Kind | None:
    if _OKTETO.fullmatch(name):
        return "okteto"
    if _COMPOSE.fullmatch(name):
        return "compose"
    is_yaml = name.endswith((".yml", ".yaml"))
    return "dockerfile" if _DOCKERFILE.fullmatch(name) and not is_yaml else None


def _kind_of_content(path: Path) -> Kind:
    note_file(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ManifestError(
            f"the file cannot be read: {error.strerror}", location=Location(path)
        ) from error
    sections = {match[1] for match in _SECTION.finditer(data)}
    is_yaml = path.suffix.lower() in {".yml", ".yaml"}
    if not is_yaml and (not sections or _INSTRUCTION.search(data)):
        return "dockerfile"
    return "compose" if sections == {b"services"} else "okteto"
