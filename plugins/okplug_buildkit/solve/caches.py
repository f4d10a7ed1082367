"""Where BuildKit's own cache comes from and goes to, beside what the daemon keeps.

The texts are those of buildx and of ``cache_from`` and ``export_cache`` in manifests: an image
reference, or fields such as ``type=registry,ref=registry.example.com/cache,mode=max``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from okplug import Reference, UsageError
from okplug_buildkit.solve.csvfields import split_fields

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

_TYPES = ("registry", "inline", "local", "gha", "s3", "azblob")

#: attributes that continuous integration and cloud tools keep in the environment, as buildx reads
#: them: type -> attribute -> variable
_FROM_ENVIRONMENT = {
    "gha": {
        "token": "ACTIONS_RUNTIME_TOKEN",
        "url": "ACTIONS_CACHE_URL",
        "url_v2": "ACTIONS_RESULTS_URL",
    },
    "s3": {
        "access_key_id": "AWS_ACCESS_KEY_ID",
        "secret_access_key": "AWS_SECRET_ACCESS_KEY",
        "session_token": "AWS_SESSION_TOKEN",
        "region": "AWS_REGION",
        "bucket": "AWS_BUCKET",
    },
}


@dataclass(frozen=True, slots=True)
class Cache:
    """One cache to import or export.

    :param attributes: as the daemon takes them; never shown, since tokens may be among them.
    :param folder: of a ``local`` cache, which this side serves.
    """

    type: str
    attributes: Mapping[str, str] = field(repr=False)
    folder: Path | None = None


@dataclass(frozen=True, slots=True)
class CacheReader:
    """Reads texts that name caches.

    :param folder: what paths are relative to.
    :param environ: where attributes come from that no text gives.
    :param announce: is told which folders are written to.
    """

    folder: Path
    environ: Mapping[str, str]
    announce: Callable[[Path], object] = field(default=lambda _: None)

    def imported(self, text: str) -> Cache:
        """Read one to import.

        :raises UsageError: if it is wrong.
        """
        return self._read(text, "src")

    def exported(self, text: str) -> Cache:
        """Read one to export.

        :raises UsageError: if it is wrong.
        """
        cache = self._read(text, "dest")
        if cache.folder is not None:
            self.announce(cache.folder)
        return cache

    def _read(self, text: str, place: str) -> Cache:
        kind, attributes = _fields(text, place)
        if kind == "inline" and place == "src":
            raise _wrong(text, "an inline cache is imported by its image", "write type=registry")
        for name, variable in _FROM_ENVIRONMENT.get(kind, {}).items():
            if name not in attributes and self.environ.get(variable):
                attributes[name] = self.environ[variable]
        if kind == "registry":
            _check_reference(text, attributes)
        if kind == "local":
            return self._local(text, attributes, place)
        return Cache(kind, attributes)

    def _local(self, text: str, attributes: dict[str, str], place: str) -> Cache:
        if not attributes.get(place):
            raise _wrong(text, f"a local cache needs {place}=FOLDER", f"add ,{place}=FOLDER")
        folder = self.folder / attributes[place]
        attributes[place] = str(folder)
        return Cache("local", attributes, folder)


def _fields(text: str, place: str) -> tuple[str, dict[str, str]]:
    try:
        pairs = split_fields(text)
    except ValueError as error:
        raise _wrong(text, str(error), 'quote a whole field: type=registry,"ref=a,b"') from None
    if pairs and all(value is None for _, value in pairs):
        if text == "inline":
            return "inline", {}
        return "registry", {"ref": text, "mode": "max"} if place == "dest" else {"ref": text}
    attributes: dict[str, str] = {}
    for name, value in pairs:
        if value is None:
            raise _wrong(text, f"{name!r} has no value", f"write {name}=VALUE")
        attributes[name] = value
    kind = attributes.pop("type", "registry")
    if kind not in _TYPES:
        raise _wrong(text, f"there is no type {kind!r}", f"the types are {', '.join(_TYPES)}")
    return kind, attributes


def _check_reference(text: str, attributes: Mapping[str, str]) -> None:
    if not attributes.get("ref"):
        raise _wrong(text, "a registry cache needs ref=REFERENCE", "add ,ref=REFERENCE")
    Reference.parse(attributes["ref"])


def _wrong(text: str, problem: str, hint: str) -> UsageError:
    shown = text.partition(",")[0]  # what follows may be a token
    return UsageError(f"the cache {shown!r} is wrong: {problem}", hint=hint)
