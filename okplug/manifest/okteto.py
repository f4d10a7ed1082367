"""The format of ``okteto.yaml``: its ``build`` section, decoded to images.

https://www.okteto.com/docs/reference/okteto-manifest/#build

Variables are expanded once, in all values and in no name. Relative paths start at the folder of the
manifest, which for ``.okteto/okteto.yml`` is the folder that ``.okteto`` lies in.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from okplug.errors import Location, ManifestError
from okplug.manifest.decode import fields, is_null
from okplug.manifest.imageentry import KEYS, Site, read_image
from okplug.manifest.imagenames import sanitise
from okplug.manifest.model import Manifest
from okplug.manifest.yamlnodes import ScalarNode, compose

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from okplug.manifest.decode import Field
    from okplug.manifest.model import Image
    from okplug.manifest.yamlnodes import Node

#: the other sections of a manifest, which are not read
_SECTIONS: Final = frozenset(
    {
        "context",
        "dependencies",
        "deploy",
        "destroy",
        "dev",
        "external",
        "forward",
        "icon",
        "name",
        "namespace",
        "test",
    }
)
_NAME = re.compile(r"\w[\w.-]*")


def read_manifest(path: Path, root: Path, environ: Mapping[str, str]) -> Manifest:
    """Read the images of a manifest; one without a ``build`` section has none.

    :param path: absolute path of the file.
    :param root: absolute path of the workspace, which *path* is below.
    :param environ: the variables that its values may use.
    :raises ManifestError: if it cannot be read, is wrong, or names a context or Dockerfile that is
        not there.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ManifestError(
            f"the manifest cannot be read: {error.strerror}", location=Location(path)
        ) from error
    node = compose(data, path)
    if node is None or is_null(node):
        return Manifest(path, ())
    sections = fields(node, "the manifest")
    _check_sections(sections)
    if "build" not in sections or is_null(sections["build"].value):
        return Manifest(path, ())
    reader = _Reader(path, root, environ)
    images = tuple(reader.images(sections["build"].value))
    return Manifest(path, images, tuple(reader.warnings))


def _check_sections(sections: Mapping[str, Field]) -> None:
    """Refuse what looks like ``build``; other keys are not ours to judge.

    :raises ManifestError: at the first such key.
    """
    for name, field in sections.items():
        if name == "build" or name in _SECTIONS or name.startswith("x-"):
            continue
        if _is_close_to_build(name.lower()):
            raise ManifestError(
                f"unknown key {name!r} in the manifest",
                location=field.key.location,
                hint="did you mean build?",
            )


def _is_close_to_build(name: str) -> bool:
    """Say whether *name* is ``build`` with one letter too many, too few, wrong or misplaced."""
    import difflib

    return difflib.SequenceMatcher(None, name, "build").ratio() >= 0.8  # noqa: PLR2004 - 4 of 5


class _Reader:
    """What all images of one manifest have in common.

    :raises ManifestError: if the manifest is not below *root*.
    """

    def __init__(self, path: Path, root: Path, environ: Mapping[str, str]) -> None:
        base = path.parent.parent if path.parent.name == ".okteto" else path.parent
        if not base.is_relative_to(root):
            raise ManifestError(
                f"the manifest is not in the workspace {root}", location=Location(path)
            )
        relpath = base.relative_to(root).as_posix()
        self._site = Site("" if relpath == "." else relpath, str(base), environ)
        self.warnings: list[str] = []

    def images(self, section: Node) -> Iterator[Image]:
        """Decode the ``build`` section."""
        entries = fields(section, "build", "a map of images")
        _check_is_section(entries)
        seen: dict[str, ScalarNode] = {}
        for entry in entries.values():
            name = self._name(entry.key)
            if name in seen:
                other = seen[name]
                raise ManifestError(
                    f"the images {other.text!r} and {entry.key.text!r} are both called {name!r}; "
                    f"the other one is in line {other.line}, column {other.column}",
                    location=entry.key.location,
                    hint="rename one; names are lower case, with - for blanks and _",
                )
            seen[name] = entry.key
            yield self._image(name, entry)

    def _name(self, key: ScalarNode) -> str:
        name = sanitise(key.text)
        if not _NAME.fullmatch(name):
            raise ManifestError(
                f"{key.text!r} cannot be the name of an image",
                location=key.location,
                hint="a name has letters, digits, '-' and '.', and begins with one of the former",
            )
        if name != key.text:
            self.warnings.append(f"{key.location}: the image {key.text!r} is called {name!r}")
        return name

    def _image(self, name: str, entry: Field) -> Image:
        image, warning = read_image(name, entry, self._site)
        if warning:
            self.warnings.append(warning)
        return image


def _check_is_section(entries: Mapping[str, Field]) -> None:
    """Refuse the keys of an image directly below ``build``.

    :raises ManifestError: if that is where they stand.
    """
    paths = [entries[key].value for key in ("context", "dockerfile") if key in entries]
    if entries.keys() <= KEYS and any(isinstance(node, ScalarNode) for node in paths):
        raise ManifestError(
            "build: expected a map of images, found the keys of one image",
            location=next(iter(entries.values())).key.location,
            hint="write the name of the image between build and its keys",
        )
