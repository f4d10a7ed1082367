"""What a manifest says: frozen values, located in their file, with variables expanded.

Every format of manifest decodes to these, and so does a plugin's ``okplug_collect_manifest``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

    from okplug.errors import Location

#: of a named context: before the reference of an image
IMAGE: Final = "docker-image://"
#: of a named context: how one begins that BuildKit fetches by itself
ELSEWHERE: Final = ("http://", "https://", "git://", "ssh://", "git@")
#: of a named context: before what ``depends_on`` would call an image of the workspace
NAMED: Final = "okplug-named://"


def is_folder(value: str) -> bool:
    """Tell whether a named context of the model is a folder."""
    return not value.startswith((IMAGE, NAMED, *ELSEWHERE))


@dataclass(frozen=True, slots=True)
class Located:
    """A text and the place where it is written."""

    value: str
    location: Location

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, slots=True)
class BuildArg:
    """A build argument.

    *value* may hold ``${OKTETO_BUILD_<NAME>_<FIELD>}``, which is known only when <NAME> is built.
    """

    name: str
    value: str
    location: Location


@dataclass(frozen=True, slots=True)
class Secret:
    """A build secret: the id that a Dockerfile mounts, and where its content comes from.

    :param kind: ``file`` or ``env``.
    :param source: the absolute path of the file, or the name of the environment variable.
    """

    id: str
    kind: str
    source: str
    location: Location


@dataclass(frozen=True, slots=True)
class InlineDockerfile:
    """A Dockerfile that a manifest holds itself.

    :param first_line: the line of the file at which the text begins.
    """

    text: str
    first_line: int


@dataclass(frozen=True, slots=True)
class Image:
    """One image: an entry of a ``build`` section, or what a plugin adds to the graph.

    :param folder: POSIX path of the manifest's folder below the workspace root, ``""`` for the root
        itself.
    :param context: absolute path of the context.
    :param dockerfile: absolute path of the Dockerfile, or of the manifest that holds *inline*.
    :param reference: ``image`` as written in the manifest, after expansion, ``""`` when it is
        inferred.
    :param tags: further references of the user's, as written.
    :param push: the user's own references are set; without, the image is found by its key alone.
    :param aliases: further references by which Dockerfiles name it; it is not stored under them.
    :param after: addresses of images to begin before this one, though it is not built from them;
        those that are no images of the workspace do not count.
    :param platforms: ``os/arch[/variant]``; empty for the ``platform`` setting.
    :param annotations: of each manifest, and of the index when there are several platforms.
    :param ssh: ``ID`` of an agent, or ``ID=PATH`` of its socket.
    :param network: ``""``, ``default``, ``none`` or ``host``.
    :param extra_hosts: host name to address; a name may have several.
    :param named_contexts: name to ``docker-image://...``, path or URL, or to
        ``okplug-named://TEXT`` for the image of the workspace that ``depends_on: TEXT`` would name.
    """

    name: str
    folder: str
    location: Location
    context: Path
    dockerfile: Path
    target: str = ""
    reference: str = ""
    tags: tuple[str, ...] = ()
    push: bool = True
    inline: InlineDockerfile | None = None
    args: tuple[BuildArg, ...] = ()
    secrets: tuple[Secret, ...] = ()
    aliases: tuple[str, ...] = ()
    depends_on: tuple[Located, ...] = ()
    after: tuple[Located, ...] = ()
    cache_from: tuple[str, ...] = ()
    export_cache: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    annotations: tuple[tuple[str, str], ...] = ()
    ssh: tuple[str, ...] = ()
    network: str = ""
    extra_hosts: tuple[tuple[str, str], ...] = ()
    named_contexts: tuple[tuple[str, str], ...] = ()
    #: where each key of the entry is written, for messages
    places: dict[str, Location] = field(default_factory=dict, compare=False, repr=False)

    @property
    def address(self) -> str:
        """``folder:name``, unique in the workspace."""
        return f"{self.folder}:{self.name}"

    def image_contexts(self) -> dict[str, str]:
        """Return the named contexts that are images: name to reference.

        The reference of an image of the workspace is ``""``; a ``BuildRequest`` has those that the
        build uses among its ``images``.
        """
        return {
            name: value.removeprefix(IMAGE) if value.startswith(IMAGE) else ""
            for name, value in self.named_contexts
            if value.startswith((IMAGE, NAMED))
        }

    def place(self, key: str) -> Location:
        """Return where *key* is written, else the place of the whole entry."""
        return self.places.get(key, self.location)


@dataclass(frozen=True, slots=True)
class Manifest:
    """The images of one file, and what its reader wants to say about it.

    :param included: images of other files that this one includes; they belong to those, and do not
        count where an image of such an address is read from elsewhere.
    :param claims: absolute paths of files whose images are this one's, and which are not read by
        themselves.
    """

    path: Path
    images: tuple[Image, ...]
    warnings: tuple[str, ...] = ()
    included: tuple[Image, ...] = ()
    claims: tuple[Path, ...] = ()
