"""The files of an image, as a folder or an archive: BuildKit knows how layers lie upon each other.

A build of nothing but ``FROM`` the image has them; the daemon has the layers from the build before.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from okplug import BuildError
from okplug_buildkit.attach import content
from okplug_buildkit.attach.registrystore import RegistryStore
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
    from collections.abc import Callable

    from okplug import Artifact, Location, Registry
    from okplug_buildkit.daemon import Daemon
    from okplug_buildkit.outputs.wanted import WantedOutput
    from okplug_buildkit.pool.pool import Pool
    from okplug_buildkit.rpc import Handler
    from okplug_buildkit.sync.receiver import Output

_NAME = "okplug-image"
_DOCKERFILE = f"FROM {_NAME}\n".encode()


class _Silence:
    """A ``BuildControl`` of what nobody follows."""

    is_cancelled = False

    def log(self, text: str, instruction: str = "") -> None:
        """Print nothing."""

    def warn(self, message: str, location: Location | None = None) -> None:
        """Warn of nothing."""

    def progress(self, part: str, name: str, state: str, current: int = 0, total: int = 0) -> None:
        """Show nothing."""

    def on_cancel(self, callback: Callable[[], None]) -> None:
        """Go on: this ends soon."""


@dataclass(frozen=True, slots=True)
class Unpacked:
    """An image whose files are wanted.

    :param address: of the image, which decides which daemon does it: the one that built it.
    :param platforms: of several, each gets a folder of its own.
    """

    address: str
    artifact: Artifact
    platforms: tuple[str, ...]


def unpack(pool: Pool, registry: Registry, image: Unpacked, wanted: WantedOutput) -> None:
    """Write the files of an image.

    :raises BuildError: if that fails.
    """
    output = _output(wanted)
    reference = image.artifact.reference
    store = RegistryStore(registry, [reference])
    job = _job(registry, image, wanted.type, output, store)

    def attempt(daemon: Daemon) -> None:
        try:
            run_job(daemon, job, _Silence(), Progress(_Silence(), Path("Dockerfile")))
        except SolveFailed as failed:
            details = details_of(failed.error)
            raise failed.loss(daemon) or BuildError(
                f"the files of {reference} cannot be unpacked: {message_of(details)}",
                hint=remedy_of(details),
            ) from failed.error

    try:
        pool.run(image.address, attempt)
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


def _job(
    registry: Registry, image: Unpacked, kind: str, output: Output, store: RegistryStore
) -> Job:
    reference = image.artifact.reference
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
    source = f"docker-image://{reference}"
    if not registry.is_remote:
        source = f"oci-layout://{reference.repository}@{reference.digest}"
        handlers.update(content.handlers({f"oci:{reference.repository}": store}))
    return Job(
        {
            "filename": "Dockerfile",
            "platform": ",".join(image.platforms),
            f"context:{_NAME}": source,
        },
        handlers,
        exporters=[Exporter(kind)],
    )
