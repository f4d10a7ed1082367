"""Tags that move together when all images of a run are there, or not at all.

A registry moves one tag at a time. If one cannot be moved, those that were are put back to where
they pointed before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from okplug.errors import RegistryError
from okplug.transfer import point

if TYPE_CHECKING:
    from okplug.backends import Artifact, Descriptor
    from okplug.reference import Reference
    from okplug.registries import Registries


class HeldTag(NamedTuple):
    """A tag that waits for the end of the run.

    :param address: of the image that it will point at.
    :param image: by digest.
    """

    address: str
    image: Reference
    tag: Reference


class HeldTags:
    """The tags of one run that wait; ``hold`` is called from several threads.

    ``stuck`` are those that have moved though others could not, and could not be put back.
    """

    def __init__(self, registries: Registries) -> None:
        self._registries = registries
        self._held: list[HeldTag] = []
        self._before: dict[HeldTag, Descriptor | None] = {}
        self.stuck: tuple[HeldTag, ...] = ()

    @property
    def waiting(self) -> tuple[HeldTag, ...]:
        """Those that have not moved, in the order of their images' addresses."""
        moved = set(self.stuck)
        held = (held for held in self._held if held not in moved)
        return tuple(sorted(held, key=lambda held: (held.address, str(held.tag))))

    def hold(self, address: str, artifact: Artifact, tags: tuple[Reference, ...]) -> None:
        """Have tags wait, except those that point at the image already."""
        for tag in tags:
            present = self._registries.serving(tag).resolve(tag)
            if present is None or present.digest != artifact.descriptor.digest:
                self._held.append(HeldTag(address, artifact.reference, tag))

    def move(self) -> None:
        """Move all that wait; none of them waits then.

        :raises RegistryError: if one cannot be moved; all but the stuck ones are as they were.
        """
        if not self._held:
            return
        try:
            self._move_all()
        except RegistryError as error:
            raise RegistryError(
                f"none of your tags is moved: {error.message}", hint=error.hint
            ) from error
        self._held.clear()

    def _move_all(self) -> None:
        from concurrent.futures import ThreadPoolExecutor

        pool = ThreadPoolExecutor(min(self._registries.main.concurrency, len(self._held)))
        try:
            for _ in pool.map(self._move, self.waiting):
                pass
        except BaseException:
            pool.shutdown(cancel_futures=True)
            self._put_back()
            raise
        pool.shutdown()

    def _move(self, held: HeldTag) -> None:
        target = self._registries.serving(held.tag)
        self._before[held] = target.resolve(held.tag)
        point(self._registries.main, held.image, target, held.tag)

    def _put_back(self) -> None:
        for held, before in self._before.items():
            try:
                self._restore(held, before)
            except RegistryError:
                self.stuck += (held,)

    def _restore(self, held: HeldTag, before: Descriptor | None) -> None:
        target = self._registries.serving(held.tag)
        now = target.resolve(held.tag)
        if now is None or now.digest != held.image.digest:
            return  # it never moved, or somebody else has moved it since
        if before is None:
            target.delete(held.tag)
        elif before.digest != now.digest:
            target.tag(held.tag.with_tag("").with_digest(before.digest), held.tag)
