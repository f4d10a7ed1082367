"""Which image of the workspace another one means by a name."""

from __future__ import annotations

from bisect import insort
from typing import TYPE_CHECKING

from okplug.errors import ManifestError
from okplug.manifest.expand import variable_part
from okplug.suggestions import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from okplug.manifest.model import Image, Located

_SHOWN = 8


class ImageFinder:
    """Finds images by the names that manifests and Dockerfiles use."""

    def __init__(self) -> None:
        self._images: dict[str, Image] = {}
        self._by_name: dict[str, list[str]] = {}
        self._by_variable: dict[str, list[str]] = {}

    def __contains__(self, address: object) -> bool:
        return address in self._images

    def image(self, address: str) -> Image:
        """Return the image of an address."""
        return self._images[address]

    def add(self, images: Iterable[Image]) -> None:
        """Know these images."""
        for image in sorted(images, key=lambda image: image.address):
            known = image.address in self._images
            self._images[image.address] = image
            for found in () if known else self._lists(image):
                insort(found, image.address)

    def remove(self, address: str) -> None:
        """Know an image no longer."""
        for found in self._lists(self._images.pop(address)):
            found.remove(address)

    def _lists(self, image: Image) -> tuple[list[str], list[str]]:
        return (
            self._by_name.setdefault(image.name, []),
            self._by_variable.setdefault(variable_part(image.name), []),
        )

    def variable_parts(self) -> list[str]:
        """Return the names of all images as variables have them."""
        return [name for name, found in self._by_variable.items() if found]

    def some_names(self) -> list[str]:
        """Return the names of a few images, for messages."""
        names = sorted(name for name, found in self._by_name.items() if found)
        return names[:_SHOWN] + ["..."] * (len(names) > _SHOWN)

    def by_dependency(self, image: Image, wanted: Located) -> str:
        """Return what an entry of ``depends_on`` names.

        It is an image of the same manifest, else an address, else a name that is unique in the
        workspace.

        :raises ManifestError: if it names nothing, several images, or the image itself.
        """
        text = wanted.value.removeprefix("//")
        address = f"{image.folder}:{text}" if ":" not in text else text
        if address not in self._images:
            address = self._elsewhere(text, wanted)
        if address == image.address:
            raise ManifestError(
                f"{address} depends on itself",
                location=wanted.location,
                hint="take the entry away, or name another image",
            )
        return address

    def _elsewhere(self, text: str, wanted: Located) -> str:
        found = self._by_name.get(text, [])
        if len(found) == 1:
            return found[0]
        if found:
            raise ManifestError(
                f"{wanted.value!r} may be any of {', '.join(found)}",
                location=wanted.location,
                hint="write the address of the one that is meant",
            )
        guess = did_you_mean(text, [*self._images, *self._by_name])
        raise ManifestError(
            f"no image of the workspace is called {wanted.value!r}{guess}",
            location=wanted.location,
            hint=f"images are {', '.join(self.some_names())}; another folder's are written "
            "folder:name",
        )

    def by_variable(self, image: Image, name: str) -> str | None:
        """Return which image ``OKTETO_BUILD_<name>_*`` of an image means, None for none.

        It is looked for among what the image depends on, in its manifest, then in the workspace.

        :raises ManifestError: if several images have the name and none is nearer.
        """
        found = self._by_variable.get(name, [])
        if len(found) <= 1:
            return next(iter(found), None)
        for is_near in (self._is_dependency(image), self._is_neighbour(image)):
            near = [address for address in found if is_near(address)]
            if len(near) == 1:
                return near[0]
        raise ManifestError(
            f"OKTETO_BUILD_{name}_IMAGE may be any of {', '.join(found)}",
            location=image.location,
            hint=f"name the one that is meant in depends_on of {image.address}",
        )

    def _is_dependency(self, image: Image) -> Callable[[str], bool]:
        named = {self.by_dependency(image, wanted) for wanted in image.depends_on}
        return named.__contains__

    def _is_neighbour(self, image: Image) -> Callable[[str], bool]:
        return lambda address: self._images[address].folder == image.folder
