"""The names that an image gets: one under which everybody finds its key, one or more of its user.

    shared    {registry}/{global_namespace}/{name}:{key}
    personal  {registry}/{namespace}/{name}:okteto, or what ``image`` and ``tags`` say

``{name}`` follows the ``names`` setting. Wherever a manifest or a Dockerfile names an image,
``okteto.dev/`` stands for the personal and ``okteto.global/`` for the shared namespace of the
registry, as in Okteto's manifests. A namespace may be several components deep, or empty.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

from okplug.errors import ManifestError, UsageError
from okplug.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Iterable

    from okplug.manifest.model import Image

PERSONAL_TAG = "okteto"
#: how tags begin that find an image by what its dependencies came to
RESULT_PREFIX = "result-"
_ALIAS = re.compile(r"^okteto\.(dev|global)/")
_ALIAS_OF_A_CACHE = re.compile(r"(?:^|(?<=^ref=)|(?<=,ref=))okteto\.(dev|global)/")
_NOT_IN_A_COMPONENT = re.compile(r"[^a-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Naming:
    """How a registry's names are made, from the settings of the same names.

    :param host: what references begin with.
    :param template: the ``names`` setting: text with ``{name}`` and ``{folder}``.
    """

    host: str
    namespace: str
    global_namespace: str
    template: str = "{name}"

    def shared(self, image: Image, key: str = "") -> Reference:
        """Return the reference under which everybody finds the image, with its key as the tag."""
        return Reference(self.host, _join(self.global_namespace, self._name(image)), key, "")

    def own(self, image: Image, key: str = "") -> Reference:
        """Return the user's own repository of the image, whatever the manifest calls it."""
        return Reference(self.host, _join(self.namespace, self._name(image)), key, "")

    def personal(self, image: Image) -> tuple[Reference, ...]:
        """Return the references that the user's run sets, none for an image without ``push``.

        :raises ManifestError: if ``image`` or ``tags`` of the manifest hold what is no reference.
        """
        return self.names(image) if image.push else ()

    def names(self, image: Image) -> tuple[Reference, ...]:
        """Return the user's own references, set or not, at least one and each once.

        :raises ManifestError: if ``image`` or ``tags`` of the manifest hold what is no reference.
        """
        written = image.reference.split(",") if image.reference else []
        own = [self._written(text, image, "image") for text in written]
        further = [self._written(text, image, "tags") for text in image.tags]
        return tuple(dict.fromkeys((*(own or [self.own(image, PERSONAL_TAG)]), *further)))

    def _written(self, text: str, image: Image, key: str) -> Reference:
        """Return a tag as the manifest has it."""
        try:
            reference = self.parse(text.strip())
        except UsageError as error:
            raise ManifestError(
                error.message, location=image.place(key), hint=error.hint
            ) from error
        if reference.digest:
            raise ManifestError(
                f"{reference}: a digest cannot be chosen",
                location=image.place(key),
                hint="name a tag",
            )
        return reference

    def parse(self, text: str) -> Reference:
        """Read a reference as manifests and Dockerfiles write it; without a tag it is ``latest``.

        :raises UsageError: if it is none.
        """
        reference = Reference.parse(_ALIAS.sub(self._namespace, text))
        if reference.tag or reference.digest:
            return reference
        return reference.with_tag("latest")

    def with_plain_caches(self, image: Image) -> Image:
        """Return the image with no alias in what names its caches."""
        cache_from, export_cache = (
            tuple(_ALIAS_OF_A_CACHE.sub(self._namespace, text) for text in texts)
            for texts in (image.cache_from, image.export_cache)
        )
        if (cache_from, export_cache) == (image.cache_from, image.export_cache):
            return image
        return replace(image, cache_from=cache_from, export_cache=export_cache)

    def _namespace(self, alias: re.Match[str]) -> str:
        """Return what an alias stands for, with a slash at its end."""
        namespaces = {"dev": self.namespace, "global": self.global_namespace}
        return _join(self.host, _join(namespaces[alias[1]], ""))

    def _name(self, image: Image) -> str:
        try:
            text = self.template.format(name=image.name, folder=image.folder)
        except (KeyError, IndexError, ValueError) as error:
            raise UsageError(
                f"the setting names is wrong: {self.template!r}",
                hint="it may hold {name} and {folder}, such as {folder}/{name}",
            ) from error
        parts = (_component(part) for part in text.split("/"))
        return "/".join(part for part in parts if part)


def is_alias(text: str) -> bool:
    """Tell whether a reference begins with the alias of a namespace."""
    return _ALIAS.match(text) is not None


def _join(namespace: str, name: str) -> str:
    return f"{namespace}/{name}" if namespace else name


@cache
def _component(text: str) -> str:
    """Make a repository's component of a folder's name: lower case, other characters to dashes."""
    return re.sub(r"([._-])[._-]+", r"\1", _NOT_IN_A_COMPONENT.sub("-", text.lower())).strip("._-")


class ImageNames:
    """Which image of the workspace a reference names.

    :raises ManifestError: if two images would get one name; it says where both are.
    """

    def __init__(self, naming: Naming, images: Iterable[Image]) -> None:
        self._naming = naming
        self._owner: dict[str, Image] = {}
        self._known_as: dict[str, list[Image]] = {}
        for image in images:
            for reference in (*naming.names(image), naming.shared(image)):
                other = self._owner.setdefault(str(reference), image)
                if other is not image:
                    raise _name_clash(reference, image, other)
            for alias in image.aliases:
                self._add_alias(alias, image)

    def find(self, text: str) -> str | None:
        """Return the address of the image that a Dockerfile's reference names, None for another.

        An alias without a tag, such as ``okteto.global/base``, names the image of that repository.
        """
        try:
            reference = self._naming.parse(text)
        except UsageError:
            return None
        image = self._owner.get(str(reference))
        if image is None and reference.tag == "latest" and not reference.digest:
            image = self._owner.get(str(reference.repository_only()))
        image = image or self._of_alias(str(reference))
        return image.address if image else None

    def _add_alias(self, text: str, image: Image) -> None:
        """Remember a reference that names an image and is not its own; what is none names none."""
        try:
            reference = self._naming.parse(text)
        except UsageError:
            return
        self._known_as.setdefault(str(reference), []).append(image)

    def _of_alias(self, reference: str) -> Image | None:
        """Return the one image that is known by a reference.

        :raises ManifestError: if there are several.
        """
        found = self._known_as.get(reference, [])
        if len(found) > 1:
            raise ManifestError(
                f"{reference}, which a Dockerfile uses, may be any of "
                f"{', '.join(image.address for image in found)}",
                location=found[-1].place("image"),
                hint="give each of them an image: of its own",
            )
        return next(iter(found), None)


def _name_clash(reference: Reference, image: Image, other: Image) -> ManifestError:
    return ManifestError(
        f"{image.address} and {other.address} would both be named {reference}; "
        f"the other one is at {other.place('image')}",
        location=image.place("image"),
        hint='rename one, give it an image:, or set names = "{folder}/{name}"',
    )
