"""Dependencies on their way from a registry into an engine, which builds start from by a name."""

from __future__ import annotations

import json
import secrets
import tempfile
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from okplug import Artifact, BuildError, Reference, RegistryError
from okplug.oci import INDEX_TYPES
from okplug_buildkit.outputs.archives import write_archive

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from okplug import Registry
    from okplug_buildkit.connect.engineapi import EngineAPI

#: a host that nobody has: what is called so is in the engine, or nowhere
_HOST = "okplug.invalid"


def temporary_name(kind: str) -> Reference:
    """Return a name that no other image has."""
    return Reference(_HOST, kind, secrets.token_hex(8))


@dataclass(slots=True)
class _Loaded:
    """An image in the engine."""

    name: Reference
    users: int = 0
    is_there: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)


class LoadedImages:
    """The dependencies in an engine; each is there while a build needs it, once for all builds."""

    def __init__(self, api: EngineAPI) -> None:
        self._api = api
        self._lock = threading.Lock()
        self._images: dict[tuple[str, str], _Loaded] = {}

    @contextmanager
    def loaded(
        self, registry: Registry, image: Reference, platform: str, warn: Callable[[str], None]
    ) -> Iterator[Reference]:
        """Have an image in the engine, by the name that is yielded.

        :param image: with digest; of an index, what is for the platform.
        :param warn: is told if it cannot be removed afterwards.
        :raises BuildError: if the engine does not take it, or it is not for the platform.
        :raises RegistryError: if it cannot be read.
        """
        key = image.digest, platform
        with self._lock:
            entry = self._images.setdefault(key, _Loaded(temporary_name("dependency")))
            entry.users += 1
        try:
            with entry.lock:
                if not entry.is_there:
                    self._load(registry, image, platform, entry.name)
                    entry.is_there = True
            yield entry.name
        finally:
            with self._lock:
                entry.users -= 1
                is_last = not entry.users
                if is_last:
                    del self._images[key]
            if is_last and entry.is_there:
                remove(self._api, entry.name, warn)

    def _load(self, registry: Registry, image: Reference, platform: str, name: Reference) -> None:
        artifact = _for_platform(registry, image, platform)
        with tempfile.TemporaryFile() as archive:
            write_archive(registry, artifact, [name], archive)
            size = archive.tell()
            archive.seek(0)
            self._api.load(archive, size)


def remove(api: EngineAPI, name: Reference, warn: Callable[[str], None]) -> None:
    """Remove what was only there for a while; a failure stops nothing.

    :param warn: is told of a failure.
    """
    try:
        api.remove(str(name))
    except BuildError as error:
        warn(f"{name} is left in the Docker engine: {error.message}")


def _for_platform(registry: Registry, image: Reference, platform: str) -> Artifact:
    found = registry.read_manifest(image)
    if found is None:
        raise RegistryError(f"{image} is not there", hint="build it again")
    descriptor, data = found
    if descriptor.media_type not in INDEX_TYPES:
        return Artifact(image, descriptor)
    for entry in json.loads(data).get("manifests") or ():
        if _fits(entry.get("platform") or {}, platform):
            child = registry.resolve(image.with_digest(entry["digest"]))
            if child is not None:
                return Artifact(image.with_digest(child.digest), child)
    raise BuildError(f"{image} has no image for {platform}")


def _fits(found: dict[str, str], platform: str) -> bool:
    os, architecture, variant = (*platform.split("/"), "", "")[:3]
    if (found.get("os"), found.get("architecture")) != (os, architecture):
        return False
    return not variant or found.get("variant", variant) == variant
