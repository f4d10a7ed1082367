"""Compose files: the services that are built, as images.

A service is called as it is in the file, sanitised as okteto does. Its ``image`` is the image's
name if that is in the user's registry or begins with an alias such as ``okteto.dev/``; otherwise
the image is named after the service, and Dockerfiles that name it so mean it all the same. Profiles
do not matter: what can be built is an image.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from dataclasses import fields as dataclass_fields
from typing import TYPE_CHECKING, Any

from okplug.address import join_address
from okplug.manifest.composefile import ComposeFile, has_build, load, with_override
from okplug.manifest.composeservice import Translator
from okplug.manifest.composevalues import Values
from okplug.manifest.entrynames import EntryNames
from okplug.manifest.folders import folder_below
from okplug.manifest.imageentry import Site, read_image
from okplug.manifest.imagenames import sanitise
from okplug.manifest.interpolation import Interpolation
from okplug.manifest.model import Image, Manifest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from okplug.manifest.deploysection import ComposeFiles
    from okplug.manifest.imagetables import ImageTable

#: what two images may differ in that hold the same; *args* and *secrets* but for their places
_NO_CONTENT = frozenset(
    {
        "after",
        "aliases",
        "args",
        "depends_on",
        "location",
        "name",
        "places",
        "reference",
        "secrets",
        "tags",
    }
)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the reading of a compose file depends on beside the file.

    :param root: absolute path of the workspace.
    :param registry: what references of the user's own registry begin with.
    :param tables: what the settings file says of images.
    """

    root: Path
    environ: Mapping[str, str]
    registry: str = ""
    tables: Sequence[ImageTable] = ()


def read_compose(path: Path, around: Surroundings) -> Manifest:
    """Read the images of a compose file, of its overrides and of what it includes.

    :param path: absolute path of the file, below the workspace's root.
    :raises ManifestError: if it cannot be read, is wrong, or names a context or Dockerfile that is
        not there.
    """
    folder = folder_below(path, around.root)
    reader = _Reader(around)
    file = load(with_override(path), reader.interpolation)
    images = tuple(reader.images(file, folder, EntryNames()))
    included = tuple(reader.included(file))
    return Manifest(path, images, reader.warnings(path), included)


def read_services(
    found: ComposeFiles, folder: str, names: EntryNames, around: Surroundings
) -> Manifest:
    """Read the images of compose files as those of another manifest.

    :param folder: the folder of the other manifest below the root.
    :param names: the names of its own images, which count more than services of such a name.
    :raises ManifestError: as ``read_compose`` does.
    """
    reader = _Reader(around)
    paths = [each for path in found.paths for each in with_override(path)]
    file = load(tuple(dict.fromkeys(paths)), reader.interpolation)
    left_out = {
        name
        for name in file.services
        if sanitise(name) in names or (found.services and sanitise(name) not in found.services)
    }
    images = tuple(reader.images(file, folder, names, left_out))
    warnings = reader.warnings(file.path)
    return Manifest(file.path, images, warnings, tuple(reader.included(file)), tuple(paths))


class _Reader:
    """Reads the services of one file and of those that it includes."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._idle: dict[str, list[str]] = {}
        self._warnings: list[str] = []
        self.interpolation = Interpolation(around.environ)

    def images(
        self, file: ComposeFile, folder: str, names: EntryNames, left_out: Collection[str] = ()
    ) -> Iterator[Image]:
        """Read the images of one file.

        :param folder: the folder below the root that they belong to.
        :param left_out: services that are none of its images.
        """
        addresses = {
            **{name: address for each in file.includes for name, address in self._all(each)},
            **dict(_addresses(file, folder)),
        }
        values = Values(file.secrets, addresses, self.interpolation)
        translator = Translator(file.folder, values, self._around.registry, self._idle)
        site = Site(folder, str(file.folder), self._around.environ, self._around.tables)
        first: dict[str, Image] = {}
        known = len(names.warnings)
        for name, service in file.services.items():
            is_wanted = name not in left_out and has_build(service)
            entry = translator.entry(service) if is_wanted else None
            if entry is None:
                continue
            image, warning = read_image(names.add(service.key), entry.field, site)
            if warning:
                self._warnings.append(warning)
            yield _named_once(replace(image, aliases=entry.names, after=entry.after), first)
        self._warnings += names.warnings[known:]

    def included(self, file: ComposeFile) -> Iterator[Image]:
        """Read the images of the files that a file includes, and of what those include."""
        for each in file.includes:
            yield from self.images(each, self._folder(each), EntryNames())
            yield from self.included(each)

    def warnings(self, path: Path) -> tuple[str, ...]:
        """Return what there is to say about the file, each thing once."""
        unset = ", ".join(self.interpolation.unset)
        verbs = "are not set and count" if "," in unset else "is not set and counts"
        return (
            *self._warnings,
            *((f"{path}: {unset} {verbs} as empty",) if unset else ()),
            *(
                f"{path}: {key} of {', '.join(services)} has no effect here"
                for key, services in sorted(self._idle.items())
            ),
        )

    def _all(self, file: ComposeFile) -> Iterator[tuple[str, str]]:
        for each in file.includes:
            yield from self._all(each)
        yield from _addresses(file, self._folder(file))

    def _folder(self, file: ComposeFile) -> str:
        return folder_below(file.path, self._around.root)


def _addresses(file: ComposeFile, folder: str) -> Iterator[tuple[str, str]]:
    """Yield the sanitised name of each service that may be built, with its address."""
    for name, service in file.services.items():
        if has_build(service):
            yield sanitise(name), join_address(folder, sanitise(name))


def _named_once(image: Image, first: dict[str, Image]) -> Image:
    """Take those names from an image that another one of the same content has.

    :param first: the first image of each name.
    """
    same = {
        name
        for name in (image.reference, *image.aliases)
        if name and _content(first.setdefault(name, image)) == _content(image)
    }
    lost = {name for name in same if first[name] is not image}
    return replace(
        image,
        reference="" if image.reference in lost else image.reference,
        aliases=tuple(name for name in image.aliases if name not in lost),
    )


def _content(image: Image) -> list[Any]:
    names = [each.name for each in dataclass_fields(image) if each.name not in _NO_CONTENT]
    args = [(arg.name, arg.value) for arg in image.args]
    secrets = [(secret.id, secret.kind, secret.source) for secret in image.secrets]
    return [args, secrets, *(getattr(image, name) for name in names)]
