"""Requests and outlines of builds for tests of builders, made of a folder with a Dockerfile."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from okplug.backends import BuildOutline, BuildRequest
from okplug.canceltoken import CancelToken
from okplug.dockerfile import parse
from okplug.dockerfile.model import Inherited
from okplug.errors import Location
from okplug.fingerprint import ContextIndex
from okplug.manifest.model import Image
from okplug.reference import Reference
from okplug.resolving import resolve_on_all

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from okplug.dockerfile.model import Dockerfile, Resolution

_REPOSITORY = Reference("registry.test", "okteto/image")
_UNKNOWN = Inherited(is_complete=False)


@dataclass(frozen=True, slots=True)
class BuildCase:
    """A folder to build: its Dockerfile, and what a manifest and a command line could say of it.

    :param folder: the context; the Dockerfile is in it.
    :param images: reference as the Dockerfile has it -> the dependency, by digest.
    :param annotations: what okplug annotates the result with.
    :param own_annotations: those of the manifest's entry.
    :param passed_on: reference as the Dockerfile has it -> what that image passes on, where the
        workspace describes it.
    """

    folder: Path
    name: str = "image"
    target: str = ""
    args: Mapping[str, str] = field(default_factory=dict)
    platforms: tuple[str, ...] = ("linux/amd64",)
    images: Mapping[str, Reference] = field(default_factory=dict)
    passed_on: Mapping[str, Inherited] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    own_annotations: Mapping[str, str] = field(default_factory=dict)
    repository: Reference = _REPOSITORY
    source_date_epoch: int | None = None

    @property
    def image(self) -> Image:
        """The entry of a manifest in the folder."""
        return Image(
            name=self.name,
            folder=self.folder.name,
            location=Location(self.folder / "okteto.yaml", 2, 3),
            context=self.folder,
            dockerfile=self.folder / "Dockerfile",
            target=self.target,
            labels=tuple(self.labels.items()),
            annotations=tuple(self.own_annotations.items()),
        )

    def outline(self) -> BuildOutline:
        """Return what a builder is shown before anything is built.

        :raises ManifestError: if the Dockerfile is wrong.
        """
        dockerfile, resolution = self._read()
        return BuildOutline(self.image, dockerfile, resolution, self.platforms)

    def request(self) -> BuildRequest:
        """Return the request for the folder as it is now; its files are hashed.

        :raises ManifestError: if the Dockerfile or a file is wrong.
        """
        dockerfile, resolution = self._read()
        index = ContextIndex(self.folder, None)
        reads = None if resolution.whole_context else resolution.reads
        context = index.snapshot(self.folder, reads, index.ignored(self.image))
        return BuildRequest(
            image=self.image,
            key=context.digest,
            dockerfile=dockerfile,
            resolution=resolution,
            context=context,
            args=self.args,
            platforms=self.platforms,
            images=self.images,
            repository=self.repository,
            annotations={**self.own_annotations, **self.annotations},
            source_date_epoch=self.source_date_epoch,
        )

    def _read(self) -> tuple[Dockerfile, Resolution]:
        path = self.folder / "Dockerfile"
        dockerfile = parse(path.read_bytes(), path)
        resolution = resolve_on_all(
            dockerfile,
            target=self.target,
            args=self.args,
            platforms=self.platforms,
            inherited=lambda reference: self.passed_on.get(reference, _UNKNOWN),
        )
        return dockerfile, resolution


class Progress(NamedTuple):
    """What a builder said of a part of a build."""

    part: str
    name: str
    state: str
    current: int = 0
    total: int = 0


class RecordingControl:
    """A ``BuildControl`` that writes down what a builder reports.

    ``lines`` are the lines of output, ``warnings`` the warnings, ``locations`` the place of each
    warning, and ``parts`` what was said of the parts of the build.

    :param cancel_after: the question ``is_cancelled`` that is the first to be answered with yes; 0
        for never.
    """

    def __init__(self, cancel_after: int = 0) -> None:
        self.lines: list[str] = []
        self.warnings: list[str] = []
        self.locations: list[Location | None] = []
        self.parts: list[Progress] = []
        self.asked = 0
        self._cancel_after = cancel_after
        self._token = CancelToken()
        self._lock = threading.Lock()

    def log(self, text: str, instruction: str = "") -> None:
        """Write a line down."""
        del instruction
        with self._lock:
            self.lines.append(text)

    def warn(self, message: str, location: Location | None = None) -> None:
        """Write a warning down."""
        with self._lock:
            self.warnings.append(message)
            self.locations.append(location)

    def progress(self, part: str, name: str, state: str, current: int = 0, total: int = 0) -> None:
        """Write down how far a part is."""
        with self._lock:
            self.parts.append(Progress(part, name, state, current, total))

    @property
    def is_cancelled(self) -> bool:
        """Whether the run is taken for interrupted."""
        with self._lock:
            self.asked += 1
            is_time = 0 < self._cancel_after <= self.asked
        if is_time:
            self._token.cancel()
        return self._token.is_cancelled

    def cancel(self) -> None:
        """Interrupt the build."""
        self._token.cancel()

    def on_cancel(self, callback: Callable[[], None]) -> None:
        """Have a callback called on interruption."""
        self._token.on_cancel(callback)
