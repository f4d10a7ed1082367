"""Read again what has changed of a workspace, where that is what manifests or Dockerfiles hold.

Everything else that a reading depends on can change what other files come to, and so has all of
them read. So does an error: who reads all of them comes across the first one.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from okplug.errors import OkplugError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from collections.abc import Set as AbstractSet

    from okplug.graph import ImageGraph
    from okplug.manifest.model import Image, Manifest

    #: links some images of a graph again, and tells whether the others stay as they are
    Relink = Callable[[ImageGraph, Iterable[Image]], bool]


class Rereading:
    """A reading of which some files are not what they were.

    :param graph: is changed; if that fails it is of no use any more.
    :param collect: reads a manifest.
    :ivar images: address -> image, of all that were linked again.
    """

    def __init__(
        self,
        manifests: Iterable[Manifest],
        graph: ImageGraph,
        collect: Callable[[Path], Manifest | None],
    ) -> None:
        self._manifests = {manifest.path: manifest for manifest in manifests}
        self._graph = graph
        self._collect = collect
        self.images: dict[str, Image] = {}

    @property
    def manifests(self) -> tuple[Manifest, ...]:
        """All manifests, those that were read again as they are now."""
        return tuple(self._manifests.values())

    def is_done(self, changed: Iterable[str], relink: Relink) -> bool:
        """Read files again, and tell whether all is now as if everything had been read.

        :param changed: their paths.
        """
        images = self._graph.images()
        if any(image.after for image in images):  # which looks at the graph as a whole
            return False
        paths = {Path(path) for path in changed}
        try:
            return self._are_read(paths) and self._are_linked(paths, relink)
        except OkplugError:
            return False

    def _are_read(self, paths: AbstractSet[Path]) -> bool:
        """Read manifests again, and tell whether the other files are Dockerfiles."""
        manifests = paths & self._manifests.keys()
        dockerfiles = {image.dockerfile for image in self._graph.images() if not image.inline}
        return paths <= manifests | dockerfiles and all(map(self._is_read, manifests))

    def _is_read(self, path: Path) -> bool:
        """Read a manifest again, and tell whether that says nothing of others."""
        manifest, found = self._manifests[path], self._collect(path)
        if found is None or not _is_alone(manifest) or not _is_alone(found):
            return False
        self._manifests[path] = found
        self.images.update((image.address, image) for image in found.images)
        return [*map(_names, manifest.images)] == [*map(_names, found.images)]

    def _are_linked(self, paths: AbstractSet[Path], relink: Relink) -> bool:
        for image in self._graph.images():
            if image.dockerfile in paths:
                self.images.setdefault(image.address, image)
        return relink(self._graph, self.images.values())


def _names(image: Image) -> tuple[object, ...]:
    """Return what others name an image by."""
    return image.address, image.reference, image.tags, image.aliases


def _is_alone(manifest: Manifest) -> bool:
    """Tell whether a manifest says nothing of other files, and nothing to the user."""
    return not (manifest.warnings or manifest.claims or manifest.included)
