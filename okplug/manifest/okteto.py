"""The format of ``okteto.yaml``: its ``build`` section, decoded to images.

https://www.okteto.com/docs/reference/okteto-manifest/#build

Variables are expanded once, in all values and in no name. Relative paths start at the folder of the
manifest, which for ``.okteto/okteto.yml`` is the folder that ``.okteto`` lies in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from okplug.errors import ManifestError
from okplug.manifest.decode import fields, is_null
from okplug.manifest.deploysection import find_compose_files
from okplug.manifest.document import read_bytes, read_sections
from okplug.manifest.entrykeys import KEYS
from okplug.manifest.entrynames import EntryNames
from okplug.manifest.folders import folder_below, manifest_folder
from okplug.manifest.imageentry import Site, read_image
from okplug.manifest.model import Manifest
from okplug.manifest.sections import is_misspelt_build
from okplug.manifest.yamlnodes import ScalarNode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from okplug.manifest.decode import Field
    from okplug.manifest.imagetables import ImageTable
    from okplug.manifest.model import Image
    from okplug.manifest.yamlnodes import Node


def read_manifest(
    path: Path,
    root: Path,
    environ: Mapping[str, str],
    registry: str = "",
    tables: Sequence[ImageTable] = (),
    sections: Mapping[str, Field] | None = None,
) -> Manifest:
    """Read the images of a manifest; one without ``build`` and ``deploy.compose`` has none.

    :param path: absolute path of the file.
    :param root: absolute path of the workspace, which *path* is below.
    :param environ: the variables that its values may use.
    :param registry: what references of the user's own registry begin with.
    :param tables: what the settings file says of images.
    :param sections: what the file holds; without, it is read.
    :raises ManifestError: if it cannot be read, is wrong, or names a context or Dockerfile that is
        not there.
    """
    if sections is None:
        sections = read_sections(read_bytes(path), path)
    _check_sections(sections)
    reader = _Reader(path, root, environ, tables)
    images: tuple[Image, ...] = ()
    if "build" in sections and not is_null(sections["build"].value):
        images = tuple(reader.images(sections["build"].value))
    own = Manifest(path, images, tuple(reader.warnings))
    return (
        reader.with_services(own, sections["deploy"].value, registry)
        if "deploy" in sections
        else own
    )


def _check_sections(sections: Mapping[str, Field]) -> None:
    """Refuse what looks like ``build``; other keys are not ours to judge.

    :raises ManifestError: at the first such key.
    """
    for name, field in sections.items():
        if is_misspelt_build(name):
            raise ManifestError(
                f"unknown key {name!r} in the manifest",
                location=field.key.location,
                hint="did you mean build?",
            )


class _Reader:
    """What all images of one manifest have in common.

    :raises ManifestError: if the manifest is not below *root*.
    """

    def __init__(
        self, path: Path, root: Path, environ: Mapping[str, str], tables: Sequence[ImageTable]
    ) -> None:
        base = str(manifest_folder(path))
        self._root = root
        self._site = Site(folder_below(path, root), base, environ, tables)
        self._names = EntryNames()
        self.warnings = self._names.warnings

    def images(self, section: Node) -> Iterator[Image]:
        """Decode the ``build`` section."""
        entries = fields(section, "build", "a map of images")
        _check_is_section(entries)
        for entry in entries.values():
            image, warning = read_image(self._names.add(entry.key), entry, self._site)
            if warning:
                self.warnings.append(warning)
            yield image

    def with_services(self, own: Manifest, deploy: Node, registry: str) -> Manifest:
        """Return the manifest with the images of its ``deploy.compose``; its own count more."""
        found = find_compose_files(deploy, self._site.base, self._site.environ)
        if found is None:
            return own
        from okplug.manifest.compose import Surroundings, read_services  # few manifests need it

        around = Surroundings(self._root, self._site.environ, registry, self._site.tables)
        files = read_services(found, self._site.folder, self._names, around)
        return Manifest(
            own.path,
            own.images + files.images,
            own.warnings + files.warnings,
            files.included,
            files.claims,
        )


def _check_is_section(entries: Mapping[str, Field]) -> None:
    """Refuse the keys of an image directly below ``build``.

    :raises ManifestError: if that is where they stand.
    """
    paths = [entries[key].value for key in ("context", "dockerfile") if key in entries]
    if entries.keys() <= KEYS.keys() and any(isinstance(node, ScalarNode) for node in paths):
        raise ManifestError(
            "build: expected a map of images, found the keys of one image",
            location=next(iter(entries.values())).key.location,
            hint="write the name of the image between build and its keys",
        )
