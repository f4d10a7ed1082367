"""The files of an image, as a folder or an archive: BuildKit knows how layers lie upon each other.

A build of nothing but ``FROM`` the image has them; the daemon has the layers from the build before.
"""

from __future__ import annotations

import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from okplug import BuildError, CancelledError
from okplug_buildkit.attach import content
from okplug_buildkit.attach.registrystore import RegistryStore
from okplug_buildkit.connect.endpoints import engine_endpoint
from okplug_buildkit.connect.engineapi import EngineAPI
from okplug_buildkit.graphstore.engines import keeps_by_driver
from okplug_buildkit.graphstore.limits import refusal
from okplug_buildkit.graphstore.loading import LoadedImages
from okplug_buildkit.solve.attributes import DOCKERFILE_DIR
from okplug_buildkit.solve.details import details_of
from okplug_buildkit.solve.exporters import Exporter
from okplug_buildkit.solve.failures import message_of, remedy_of
from okplug_buildkit.solve.job import Job, SolveFailed, run_job
from okplug_buildkit.solve.progress import Progress
from okplug_buildkit.sync import receiver, sender
from okplug_buildkit.sync.archives import ArchiveOutput, StreamOutput
from okplug_buildkit.sync.exports import FolderOutput
from okplug_buildkit.sync.failures import write_errors
from okplug_buildkit.sync.trees import MemoryTree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from okplug import Artifact, BuildControl, Location, Registry
    from okplug_buildkit.daemon import Daemon
    from okplug_buildkit.outputs.wanted import WantedOutput
    from okplug_buildkit.pool.pool import Pool
    from okplug_buildkit.rpc import Handler
    from okplug_buildkit.sync.receiver import Output

_NAME = "okplug-image"
_LAYOUT = "oci-layout://"
_DOCKERFILE = f"FROM {_NAME}\n".encode()


class _Silence:
    """A ``BuildControl`` of what nobody follows; the interruption of another reaches it."""

    def __init__(self, control: BuildControl) -> None:
        self._control = control

    @property
    def is_cancelled(self) -> bool:
        """The run was interrupted."""
        return self._control.is_cancelled

    def log(self, text: str, instruction: str = "") -> None:
        """Print nothing."""

    def warn(self, message: str, location: Location | None = None) -> None:
        """Warn of nothing."""

    def progress(self, part: str, name: str, state: str, current: int = 0, total: int = 0) -> None:
        """Show nothing."""

    def on_cancel(self, callback: Callable[[], None]) -> None:
        """Leave it to the run."""
        self._control.on_cancel(callback)


@dataclass(frozen=True, slots=True)
class Unpacked:
    """An image whose files are wanted.

    :param address: of the image, which decides which daemon does it: the one that built it.
    :param platforms: of several, each gets a folder of its own.
    """

    address: str
    artifact: Artifact
    platforms: tuple[str, ...]


def unpack(
    pool: Pool,
    registry: Registry,
    image: Unpacked,
    wanted: WantedOutput,
    environ: Mapping[str, str],
    control: BuildControl,
) -> None:
    """Write the files of an image.

    :param environ: says where ``docker://`` is.
    :param control: tells of an interruption.
    :raises BuildError: if that fails.
    :raises CancelledError: if the run is interrupted; no file is half there.
    """
    output = _output(wanted)
    reference = image.artifact.reference
    store = RegistryStore(registry, [reference])
    silence = _Silence(control)
    cancelled = threading.Event()
    control.on_cancel(cancelled.set)

    def attempt(daemon: Daemon) -> None:
        try:
            with _source(daemon, registry, image, environ, silence) as source:
                job = _job(source, image, wanted.type, output, store)
                run_job(daemon, job, silence, Progress(silence, Path("Dockerfile")))
        except BuildError as error:
            if control.is_cancelled:
                raise CancelledError from error
            raise
        except SolveFailed as failed:
            details = details_of(failed.error)
            raise failed.loss(daemon) or BuildError(
                f"the files of {reference} cannot be unpacked: {message_of(details)}",
                hint=remedy_of(details),
            ) from failed.error

    try:
        pool.run(image.address, attempt, cancelled)
        output.commit()
    finally:
        output.discard()
        store.close()


def _output(wanted: WantedOutput) -> Output:
    if wanted.path is None:
        return StreamOutput(sys.stdout.buffer)
    if wanted.type == "local":
        return FolderOutput(wanted.path)
    with write_errors(wanted.path):
        wanted.path.parent.mkdir(parents=True, exist_ok=True)
    return ArchiveOutput(wanted.path)


@contextmanager
def _source(
    daemon: Daemon,
    registry: Registry,
    image: Unpacked,
    environ: Mapping[str, str],
    silence: _Silence,
) -> Iterator[str]:
    """Have the image where the daemon finds it, and yield its word for it."""
    reference = image.artifact.reference
    if registry.is_remote:
        yield f"docker-image://{reference}"
    elif keeps_by_driver(daemon):
        if len(image.platforms) > 1:
            raise refusal(str(daemon.address), "holds no image of several platforms")
        api = EngineAPI(engine_endpoint(daemon.address, environ), environ)
        silence.on_cancel(api.interrupt)
        images = LoadedImages(api)
        with images.loaded(registry, reference, image.platforms[0], silence.warn) as name:
            yield f"docker-image://{name}"
    else:
        yield f"{_LAYOUT}{reference.repository}@{reference.digest}"


def _job(source: str, image: Unpacked, kind: str, output: Output, store: RegistryStore) -> Job:
    handlers: dict[str, Handler] = {
        sender.METHOD: sender.serve_trees(
            {
                DOCKERFILE_DIR: MemoryTree(
                    {"Dockerfile": _DOCKERFILE, "Dockerfile.dockerignore": b""}
                )
            }
        ),
        receiver.METHOD: receiver.serve_outputs({0: output}),
    }
    if source.startswith(_LAYOUT):
        repository = image.artifact.reference.repository
        handlers.update(content.handlers({f"oci:{repository}": store}))
    return Job(
        {
            "filename": "Dockerfile",
            "platform": ",".join(image.platforms),
            f"context:{_NAME}": source,
        },
        handlers,
        exporters=[Exporter(kind)],
    )
