"""Bring one image that was asked for to where ``--load`` and ``--output`` want it."""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from okplug import BuildError
from okplug_buildkit.outputs.archives import write_archive
from okplug_buildkit.outputs.unpacking import Unpacked, unpack
from okplug_buildkit.sync.failures import write_errors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from okplug import Artifact, BuildControl, Config, Registry, Step
    from okplug_buildkit.outputs.wanted import WantedOutput
    from okplug_buildkit.pool.pool import Pool


@dataclass(frozen=True, slots=True)
class Delivery:
    """Where the images of a run are brought to.

    :param load: into a Docker engine.
    :param pool: the daemons that unpack files, None if there are none.
    :param control: tells of an interruption.
    """

    config: Config
    outputs: tuple[WantedOutput, ...]
    load: bool
    pool: Pool | None
    control: BuildControl

    def deliver(self, step: Step, artifact: Artifact) -> None:
        """Bring one image to all of these places.

        :raises BuildError: if it cannot be brought there.
        :raises RegistryError: if it cannot be read.
        :raises CancelledError: if the run is interrupted.
        """
        registry = self._registry(artifact)
        for output in self.outputs:
            if output.is_unpacked:
                self._unpack(step, artifact, registry, output)
                continue
            with _target(output.path) as target:
                self._write(step, artifact, registry, target)
        if self.load:
            self._load(step, artifact, registry)

    def _registry(self, artifact: Artifact) -> Registry:
        host = artifact.reference.registry
        registry = self.config.plugins.registry(host, self.config)
        assert registry is not None, "it has just served this image"
        return registry

    def _write(self, step: Step, artifact: Artifact, registry: Registry, target: IO[bytes]) -> None:
        control = self.control
        names = step.personal or (step.shared,)
        write_archive(registry, artifact, names, target, lambda: control.is_cancelled)

    def _unpack(
        self, step: Step, artifact: Artifact, registry: Registry, output: WantedOutput
    ) -> None:
        if self.pool is None:
            raise BuildError(
                f"the files of {step.address} cannot be unpacked without a BuildKit",
                hint="name one with --builder; type=oci and type=docker need none",
            )
        platforms = step.image.platforms or (self.config.text("platform"),)
        wanted = Unpacked(step.address, artifact, platforms)
        unpack(self.pool, registry, wanted, output, self.config.environ, self.control)

    def _load(self, step: Step, artifact: Artifact, registry: Registry) -> None:
        from okplug_buildkit.outputs.engine import load_archive

        with tempfile.TemporaryFile() as archive:
            self._write(step, artifact, registry, archive)
            size = archive.tell()
            archive.seek(0)
            load_archive(archive, size, self.config.environ, self.control)


@contextmanager
def _target(path: Path | None) -> Iterator[IO[bytes]]:
    """Open a file that gets its name when it is whole, or what is written to as it comes.

    That is standard output, and what is no file, such as a named pipe.
    """
    with write_errors(path or Path("standard output")):
        if path is None:
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
            return
        path = path.resolve()
        if path.exists() and not path.is_file():
            with path.open("wb") as stream:
                yield stream
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, draft = tempfile.mkstemp(prefix=".okplug-", dir=path.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                yield file
            Path(draft).chmod(0o644)
            Path(draft).replace(path)
        finally:
            Path(draft).unlink(missing_ok=True)
