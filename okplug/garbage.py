"""Images under keys that nobody needs any more: which they are, what they take, and their end."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from okplug.backends import Registry
    from okplug.reference import Reference
    from okplug.storedimages import StoredImage

_KEY = re.compile(r"[0-9a-f]{32}")
_UNKNOWN = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Rules:
    """What is kept, beside every tag that is no key.

    :param keys: repository -> keys that somebody may still look for.
    :param last: how many of the newest images of each repository.
    :param days: how many days at least; 0 also lets those go whose age is unknown.
    """

    keys: Mapping[str, Collection[str]]
    last: int
    days: int


@dataclass(frozen=True, slots=True)
class Garbage:
    """What can go, and what stays in the same repositories; both sorted."""

    images: tuple[StoredImage, ...]
    kept: tuple[StoredImage, ...]

    def sizes(self) -> dict[Reference, int]:
        """Return tag -> bytes that nothing kept uses; what several share, the first one counts."""
        used = {digest for image in self.kept for digest in image.parts}
        found = {}
        for image in self.images:
            own = {digest: size for digest, size in image.parts.items() if digest not in used}
            found[image.tag] = sum(own.values())
            used |= own.keys()
        return found


def find_garbage(images: Iterable[StoredImage], rules: Rules, now: datetime) -> Garbage:
    """Tell what can go from what stays."""
    by_repository: dict[str, list[StoredImage]] = {}
    for image in sorted(images, key=lambda image: str(image.tag)):
        by_repository.setdefault(image.tag.repository, []).append(image)
    gone: list[StoredImage] = []
    kept: list[StoredImage] = []
    for repository, found in by_repository.items():
        stays = _keeper(rules.keys.get(repository, ()), found, rules, now)
        for image in found:
            (kept if stays(image) else gone).append(image)
    return Garbage(tuple(gone), tuple(kept))


def _keeper(
    keys: Collection[str], images: Iterable[StoredImage], rules: Rules, now: datetime
) -> Callable[[StoredImage], bool]:
    under_keys = [image for image in images if _KEY.fullmatch(image.tag.tag)]
    by_age = sorted(under_keys, key=lambda image: image.created or _UNKNOWN, reverse=True)
    going = {image.tag for image in by_age[rules.last :] if image.tag.tag not in keys}
    oldest = now - timedelta(days=rules.days)

    def stays(image: StoredImage) -> bool:
        is_young = rules.days > 0 and (image.created is None or image.created > oldest)
        return image.tag not in going or is_young

    return stays


def remove(registry: Registry, garbage: Garbage) -> Iterator[StoredImage]:
    """Remove the images, and yield each when it is gone.

    An image goes with its manifests, so that the registry can free its blobs; where something kept
    has one of them, it stays, and of the image itself the tag goes.

    :raises RegistryError: if one cannot be removed; those after it are still there.
    """
    used: dict[str, set[str]] = {}
    for image in garbage.kept:
        used.setdefault(image.tag.repository, set()).update(image.manifests)
    for image in garbage.images:
        kept = used.get(image.tag.repository, set())
        if image.digest in kept:
            registry.delete(image.tag)
        for digest in image.manifests if image.digest not in kept else ():
            if digest not in kept:
                registry.delete(image.tag.with_tag("").with_digest(digest))
        yield image
