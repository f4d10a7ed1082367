"""Images from elsewhere that builds start or copy from, as they are now: by digest.

A name such as ``debian:13`` may be another image tomorrow. With the setting ``track_bases``, what
it is now is part of the key, and what the build gets. That always holds for names with an alias,
since ``okteto.dev/`` is another namespace for each user.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from okplug.errors import Location, ManifestError, RegistryError, UsageError
from okplug.naming import is_alias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from okplug.graph import ImageFromElsewhere
    from okplug.manifest.model import Image
    from okplug.naming import Naming
    from okplug.reference import Reference
    from okplug.registries import Registries


class Bases:
    """What the names of images from elsewhere stand for in one run; usable from several threads.

    :param tracks_all: whatever the name is, not only where it has an alias.
    """

    def __init__(self, naming: Naming, registries: Registries, *, tracks_all: bool) -> None:
        self._naming = naming
        self._registries = registries
        self._tracks_all = tracks_all
        self._lock = threading.Lock()
        self._digests: dict[Reference, str | None] = {}
        self._failures: dict[Reference, RegistryError] = {}

    def look_up(self, uses: Iterable[ImageFromElsewhere]) -> None:
        """Ask the registries for what images use, all at once; what fails is told later."""
        wanted = [reference for _, _, reference in self._followed(uses)]
        missing = [each for each in dict.fromkeys(wanted) if not each.digest]
        if len(missing) <= 1:
            return
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(min(16, len(missing))) as pool:
            pool.map(self._ask, missing)

    def of(self, image: Image, uses: Iterable[ImageFromElsewhere]) -> dict[str, Reference]:
        """Return what names from elsewhere stand for: name -> reference with digest.

        :param image: whose Dockerfile has these names.
        :raises RegistryError: if a registry cannot be asked.
        :raises ManifestError: if there is no such image.
        """
        return {
            name: self._pinned(reference, name, Location(image.dockerfile, line, 1))
            for name, line, reference in self._followed(uses)
        }

    def _followed(self, uses: Iterable[ImageFromElsewhere]) -> Iterator[tuple[str, int, Reference]]:
        """Yield name, line and meaning of what is looked after."""
        for name, line, text in uses:
            if not self._tracks_all and not is_alias(text):
                continue
            try:
                yield name, line, self._naming.parse(text)
            except UsageError:
                continue  # the builder says what is wrong with it

    def _pinned(self, reference: Reference, name: str, place: Location) -> Reference:
        digest = reference.digest
        if not digest:
            self._ask(reference)
            if reference in self._failures:
                error = self._failures[reference]
                raise RegistryError(
                    f"it cannot be told what {name} is now: {error.message}",
                    location=place,
                    hint=error.hint,
                )
            digest = self._digests[reference] or ""
        if not digest:
            raise ManifestError(
                f"there is no image {reference}",
                location=place,
                hint="look at its name and its tag",
            )
        return reference.with_tag("").with_digest(digest)

    def _ask(self, reference: Reference) -> None:
        """Look a tag up, once in a run."""
        with self._lock:
            if reference in self._digests or reference in self._failures:
                return
        try:
            digest = self._resolve(reference)
        except RegistryError as error:
            self._failures[reference] = error
        else:
            self._digests[reference] = digest

    def _resolve(self, reference: Reference) -> str | None:
        main = self._registries.main
        if reference.registry == main.host or not main.is_remote:
            found = main.resolve(reference)  # what is kept there is what builders take
            if found or reference.registry == main.host:
                return found.digest if found else None
        found = self._registries.serving(reference).resolve(reference)
        return found.digest if found else None
