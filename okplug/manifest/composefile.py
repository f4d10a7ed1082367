"""A compose file with all that it takes from others: overrides, ``extends`` and ``include``.

https://docs.docker.com/reference/compose-file/

Only services, secrets and what includes are looked at; all else is for those who run containers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from okplug.errors import ManifestError
from okplug.manifest.buildfiles import absolute, named_file
from okplug.manifest.decode import check_keys, fields, is_null, scalar, scalars
from okplug.manifest.document import read_bytes, read_sections
from okplug.manifest.yamlnodes import ScalarNode, SequenceNode
from okplug.notes import note_file
from okplug.suggestions import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from okplug.manifest.decode import Field
    from okplug.manifest.interpolation import Interpolation
    from okplug.manifest.yamlnodes import Node

#: in a later file: this takes away what earlier ones say, or takes its place
RESET: Final = "!reset"
OVERRIDE: Final = "!override"

#: words without which no file has an image, nor leads to one that has
_WORDS = (b"build", b"extends", b"include")
_INCLUDE_KEYS = frozenset({"env_file", "path", "project_directory"})
_REMOTE = re.compile(r"[a-z][a-z0-9+.-]*:|git@|github\.com/")


@dataclass(frozen=True, slots=True)
class Layer:
    """What one place says of a service.

    :param folder: absolute path that its relative paths start at.
    """

    folder: Path
    fields: dict[str, Field]


@dataclass(frozen=True, slots=True)
class Service:
    """A service: its name where that is written first, and all that is said of it, in order."""

    key: ScalarNode
    layers: tuple[Layer, ...]


@dataclass(frozen=True, slots=True)
class ComposeFile:
    """A compose file with its overrides.

    :param folder: absolute path that its relative paths start at.
    :param services: by their names as they are written.
    :param includes: the files that it includes, each with its own folder.
    """

    path: Path
    folder: Path
    services: dict[str, Service]
    secrets: dict[str, Field]
    includes: tuple[ComposeFile, ...] = ()


def with_override(path: Path) -> tuple[Path, ...]:
    """Return a file, and after it the one beside it that is called ``<name>.override.<ext>``."""
    candidates = [path.with_name(f"{path.stem}.override{ext}") for ext in (".yml", ".yaml")]
    for candidate in candidates:
        note_file(candidate)
    return (path, *(each for each in candidates if each.is_file()))


def load(
    paths: Sequence[Path],
    interpolation: Interpolation,
    *,
    folder: Path | None = None,
    including: tuple[Path, ...] = (),
) -> ComposeFile:
    """Read a compose file.

    :param paths: the file and those that override it; the last one counts most.
    :param folder: what its relative paths start at if it is not its own folder.
    :param including: the files that led here by ``include``.
    :raises ManifestError: if a file cannot be read or is wrong.
    """
    reader = _Reader(tuple(paths), folder or paths[0].parent, interpolation)
    services = {name: Service(key, reader.layers(name)) for name, key in reader.names.items()}
    secrets = {name: field for each in reader.sections("secrets") for name, field in each.items()}
    includes = tuple(reader.includes((*including, paths[0])))
    for file in includes:
        _refuse_twins(services, file)
    return ComposeFile(paths[0], reader.folder, services, secrets, includes)


def has_build(service: Service) -> bool:
    """Say whether a service may be built, at no cost for the many that are not."""
    return any("build" in layer.fields for layer in service.layers)


def _refuse_twins(services: Mapping[str, Service], file: ComposeFile) -> None:
    """Refuse to build a service that an included file has, too: compose would take neither."""
    for name in services.keys() & file.services.keys():
        if has_build(services[name]):
            raise ManifestError(
                f"the service {name!r} is also in {file.path}, which is included",
                location=services[name].key.location,
                hint=f"rename it, or put what is to change into {file.path.stem}.override"
                f"{file.path.suffix} beside that file",
            )


class _Reader:
    """One project: files that override each other."""

    def __init__(self, paths: tuple[Path, ...], folder: Path, interpolation: Interpolation) -> None:
        self.folder = folder
        self.path = paths[0]
        self._interpolation = interpolation
        data = [(read_bytes(path), path) for path in paths]
        is_of_use = any(word in text for text, _ in data for word in _WORDS)
        self._documents = [read_sections(*each) for each in data] if is_of_use else []
        self._services = list(self.sections("services"))
        self.names: dict[str, ScalarNode] = {}
        for services in self._services:
            for name, field in services.items():
                self.names.setdefault(name, field.key)
                if field.value.tag == RESET:
                    del self.names[name]

    def sections(self, name: str) -> Iterator[dict[str, Field]]:
        """Yield what each file has in a section."""
        for document in self._documents:
            if name in document and not is_null(document[name].value):
                yield fields(document[name].value, name)

    def layers(self, name: str, extending: tuple[tuple[Path, str], ...] = ()) -> tuple[Layer, ...]:
        """Return what is said of a service, first by those that it extends."""
        extending = (*extending, (self.path, name))
        found: tuple[Layer, ...] = ()
        for services in self._services:
            if name not in services:
                continue
            node = services[name].value
            if node.tag in {RESET, OVERRIDE}:
                found = ()
                node = replace(node, tag="")
            said = {} if is_null(node) else fields(node, f"services.{name}")
            if "extends" in said and not is_null(said["extends"].value):
                found += self._extended(said["extends"].value, extending)
            found += (Layer(self.folder, said),)
        return found

    def _extended(self, node: Node, extending: tuple[tuple[Path, str], ...]) -> tuple[Layer, ...]:
        if isinstance(node, ScalarNode):
            wanted, reader = scalar(node, "extends"), self
        else:
            said = fields(node, "extends", "the name of a service or a map")
            check_keys(said, {"service", "file"}, "extends")
            wanted = scalar(said["service"].value if "service" in said else node, "extends.service")
            reader = (
                self._other(scalar(said["file"].value, "extends.file")) if "file" in said else self
            )
        name = self._interpolation.text(wanted)
        if name not in reader.names:
            raise ManifestError(
                f"extends: {reader.path.name} has no service {name!r}"
                f"{did_you_mean(name, reader.names)}",
                location=wanted.location,
                hint="name a service, and the file that it is in if that is another one",
            )
        if (reader.path, name) in extending:
            raise ManifestError(
                f"the service {name!r} extends itself",
                location=wanted.location,
                hint="take one of the extends away",
            )
        return reader.layers(name, extending)

    def _other(self, node: ScalarNode) -> _Reader:
        path = self._file(node, "extends")
        return self if path == self.path else _Reader((path,), path.parent, self._interpolation)

    def includes(self, including: tuple[Path, ...]) -> Iterator[ComposeFile]:
        """Read the files that are included."""
        for document in self._documents:
            node = document["include"].value if "include" in document else None
            if node is None or is_null(node):
                continue
            for item in node.items if isinstance(node, SequenceNode) else (node,):
                yield self._included(item, including)

    def _included(self, node: Node, including: tuple[Path, ...]) -> ComposeFile:
        folder = None
        if isinstance(node, ScalarNode):
            texts: tuple[ScalarNode, ...] = (scalar(node, "include"),)
        else:
            said = fields(node, "an item of include", "a path or a map")
            check_keys(said, _INCLUDE_KEYS, "include")
            if "env_file" in said:
                raise ManifestError(
                    "include: variables of an env_file are not read",
                    location=said["env_file"].key.location,
                    hint="put them into the .env file beside the including file",
                )
            texts = scalars(said["path"].value, "include.path") if "path" in said else ()
            if not texts:
                raise ManifestError("include: a path is missing", location=node.location)
            if "project_directory" in said:
                place = scalar(said["project_directory"].value, "include.project_directory")
                folder = Path(absolute(self._interpolation.text(place), str(self.folder)))
        paths = [self._file(text, "include") for text in texts]
        if paths[0] in including:
            raise ManifestError(
                f"{paths[0].name} includes itself",
                location=texts[0].location,
                hint="take one of the includes away",
            )
        paths = [*with_override(paths[0])] if len(paths) == 1 else paths
        return load(paths, self._interpolation, folder=folder, including=including)

    def _file(self, node: ScalarNode, subject: str) -> Path:
        """Return the absolute path of a file that another one names."""
        text = self._interpolation.text(node)
        if _REMOTE.match(text):
            raise ManifestError(
                f"{subject}: {text} is remote; only files are read",
                location=node.location,
                hint="check it out into a folder, as a submodule for instance, and name the file",
            )
        return named_file(text, str(self.folder), subject, node.location)
