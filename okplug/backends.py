"""The protocols that plugins implement, ``Registry`` and ``Builder``, and their values.

Both are used from several threads at once. Prove an implementation by subclassing
``RegistryContract`` or ``BuilderContract`` of ``okplug.testing``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from okplug.context import ContextSnapshot
    from okplug.dockerfile.model import Dockerfile, Resolution
    from okplug.errors import Location
    from okplug.manifest.model import Image, Secret
    from okplug.reference import Reference

#: annotation of a manifest or index: the sha256 root of what the image was made of
ROOT_ANNOTATION = "dev.okplug.root"
#: annotation of a manifest or index that was built from others: the root with what these are in
#: place of what they were made of
RESULT_ANNOTATION = "dev.okplug.result"


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A pointer to content, as in the OCI image specification 1.1, "Content Descriptors".

    :param digest: ``sha256:`` and 64 hex digits.
    :param size: in bytes.
    """

    media_type: str
    digest: str
    size: int
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Artifact:
    """An image that exists in a registry.

    :param reference: with digest; where a dependant or a tag finds it.
    :param descriptor: of its manifest or index.
    """

    reference: Reference
    descriptor: Descriptor


class Registry(Protocol):
    """A store of images.

    Every method that takes a reference serves any repository of the hosts that the plugin answered
    for. A reference with a digest is found by its digest and one without by its tag. Failures raise
    ``RegistryError``; what is not there is None.
    """

    #: host that references of the configured registry begin with
    host: str
    #: how many calls may be under way at once
    concurrency: int
    #: a builder elsewhere can pull and push by the references of this registry by itself
    is_remote: bool

    def describe(self) -> str:
        """Return what the header says, such as ``OCI layouts in /srv/images``."""

    def resolve(self, reference: Reference) -> Descriptor | None:
        """Return the descriptor of the manifest or index, None if there is none.

        It is cheap: one request without blobs.
        """

    def read_manifest(self, reference: Reference) -> tuple[Descriptor, bytes] | None:
        """Return the manifest or index with its bytes, verified against its digest, or None."""

    def open_blob(self, reference: Reference, digest: str) -> BinaryIO:
        """Open a blob of the repository; only right bytes let the stream come to its end.

        :raises RegistryError: if it is not there, or at the end of a stream whose bytes are wrong.
        """

    def has_blob(self, reference: Reference, digest: str) -> bool:
        """Tell whether the reference's repository holds the blob."""

    def write_blob(self, reference: Reference, data: BinaryIO, media_type: str) -> Descriptor:
        """Store all that *data* yields in the reference's repository and return what it came to."""

    def mount_blob(self, source: Reference, target: Reference, digest: str) -> bool:
        """Make a blob part of another repository without a copy; False if that cannot be."""

    def write_manifest(self, reference: Reference, media_type: str, data: bytes) -> Descriptor:
        """Store a manifest or index by its digest, not by a tag; its blobs are already there.

        One that has a ``subject`` is found by ``referrers`` of that from then on.
        """

    def referrers(self, reference: Reference, artifact_type: str = "") -> tuple[Descriptor, ...]:
        """Return the manifests of the repository whose ``subject`` the reference finds.

        A registry that keeps no such lists returns none: ``okplug why`` then knows of no builds but
        those of the same checkout, and nothing else is missing.

        The descriptors have the annotations of the manifests, where the registry lists these.

        :param artifact_type: of the manifests, ``""`` for all of them.
        """

    def tag(self, source: Reference, target: Reference) -> Descriptor:
        """Point *target*, a tag, at what *source* finds, with all that this refers to.

        The digest and every platform stay as they are, blobs are mounted, and nothing is written
        when the tag points there already. The tag moves in one step: a reader sees the old image or
        the new one. What refers to the image stays where it is.
        """

    def is_writable(self, reference: Reference) -> bool:
        """Tell whether the user may write into the reference's repository; it leaves nothing there.

        True only says that nothing is known to be in the way.
        """

    def tags(self, reference: Reference) -> Iterator[str]:
        """Yield the tags of the reference's repository, sorted."""

    def delete(self, reference: Reference) -> bool:
        """Remove a tag, or with a digest a manifest with its tags and with what refers to it.

        :return: False if it was not there.
        """


class BuildControl(Protocol):
    """What a builder tells the run while it works, and what the run tells the builder."""

    def log(self, text: str, instruction: str = "") -> None:
        """Report a line of output and the instruction that printed it."""

    def warn(self, message: str, location: Location | None = None) -> None:
        """Report something that the user should know and that stops nothing."""

    def progress(self, part: str, name: str, state: str, current: int = 0, total: int = 0) -> None:
        """Report that a part of the build began, goes on, or ended.

        It may be called as often as there is something to say: ``running`` is passed on a few times
        a second.

        :param part: tells it from the image's other parts.
        :param name: as people know it, such as ``[2/3] RUN make`` or ``transferring context``.
        :param state: ``started``, ``running``, ``done``, ``cached`` or ``failed``.
        :param current: bytes that are through.
        :param total: bytes that there are, 0 when nobody knows.
        """

    @property
    def is_cancelled(self) -> bool:
        """The run was interrupted; raise ``CancelledError`` soon."""

    def on_cancel(self, callback: Callable[[], None]) -> None:
        """Have *callback* called from another thread on interruption, at once if it was."""


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """Everything that determines one build; nothing else may reach the image.

    :param image: the entry of the manifest; its ``args`` are not what counts, ``args`` below is.
    :param dockerfile: the parsed Dockerfile; ``dockerfile.text`` is its text.
    :param resolution: the stages that the target reaches, and what they read.
    :param context: the files that may be read; others do not exist for this build.
    :param args: build arguments with their final values, by name; none that nothing declares,
        but for proxies and what a frontend takes undeclared.
    :param platforms: ``os/arch[/variant]``, at least one.
    :param images: reference as the Dockerfile has it after expansion -> the dependency that it
        stands for, by digest.
    :param bases: reference as the Dockerfile has it -> the image from elsewhere that it stands
        for, by digest; those that are not among them are found by their names.
    :param repository: where to store the result; without tag, the builder never writes tags.
    :param annotations: of the manifest, or of the index when there are several platforms; then
        the manifests have ``image.annotations``, which are among these.
    :param folders: named context -> the files of the folder that it stands for.
    :param source_date_epoch: seconds since the epoch, for every time that the image records; None
        is 0 where the builder has the choice.
    """

    image: Image
    key: str
    dockerfile: Dockerfile
    resolution: Resolution
    context: ContextSnapshot
    args: Mapping[str, str]
    platforms: tuple[str, ...]
    images: Mapping[str, Reference]
    repository: Reference
    annotations: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[Secret, ...] = ()
    folders: Mapping[str, ContextSnapshot] = field(default_factory=dict)
    source_date_epoch: int | None = None
    no_cache: bool = False
    bases: Mapping[str, Reference] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BuildOutline:
    """What is known of a build before anything of the run is built.

    :param context: the files that it will read, as they are now; None where nobody has looked.
    """

    image: Image
    dockerfile: Dockerfile
    resolution: Resolution
    platforms: tuple[str, ...]
    context: ContextSnapshot | None = None


class Builder(Protocol):
    """What turns a request into an image in the registry."""

    #: one word for the header and the result document
    name: str
    #: how many images to build at once unless ``-j`` says otherwise
    jobs: int

    def describe(self) -> str:
        """Return what the header says, such as ``embedded (no daemon; images without RUN)``."""

    def check(self, outlines: Sequence[BuildOutline]) -> None:
        """Refuse what cannot be built, before anything of the run is.

        :raises OkplugError: located, with the remedy.
        """

    def build(self, request: BuildRequest, registry: Registry, control: BuildControl) -> Artifact:
        """Build, store the result in ``request.repository`` by digest and return it.

        :raises BuildError: if the image cannot be built.
        :raises ContextChangedError: if a file is not what was hashed.
        :raises CancelledError: if the run was interrupted.
        """
