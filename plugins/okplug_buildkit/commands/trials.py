"""A tiny build and a push of it, to see whether a daemon does what a run needs."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from okplug import BuildError, Reference, UsageError
from okplug.credentials import credentials_of
from okplug_buildkit.attach import auth
from okplug_buildkit.connect.settings import options_of
from okplug_buildkit.solve.attributes import CONTEXT_DIR, DOCKERFILE_DIR
from okplug_buildkit.solve.details import details_of
from okplug_buildkit.solve.exporters import Exporter
from okplug_buildkit.solve.failures import message_of, remedy_of
from okplug_buildkit.solve.job import Job, SolveFailed, run_job
from okplug_buildkit.solve.progress import Progress
from okplug_buildkit.sync.sender import METHOD, serve_trees
from okplug_buildkit.sync.trees import MemoryTree

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from okplug import Config, Location
    from okplug_buildkit.daemon import Daemon

_NAME = "okplug-check"
_DOCKERFILE = b"FROM scratch\nCOPY proof /proof\n"
_PROOF = b"okplug can build here\n"
#: the same image each time, so that no registry fills with them
_ATTRIBUTES = {"build-arg:SOURCE_DATE_EPOCH": "0", "no-cache": ""}


class Trials:
    """What is tried on each daemon.

    :raises UsageError: if a setting is wrong.
    """

    def __init__(self, config: Config) -> None:
        self.channel = options_of(config)
        #: where a push goes, None if the registry is not one that a daemon can reach by itself
        self.repository = _repository(config)
        self._credentials = credentials_of(config)

    def build(self, daemon: Daemon) -> str:
        """Build an image of one file that is sent, and return how long it took.

        :raises BuildError: if the daemon does not.
        """
        begin = time.monotonic()
        self._solve(daemon, ())
        return f"{time.monotonic() - begin:.2f} s"

    def push(self, daemon: Daemon) -> str:
        """Have the image pushed, by digest and without a tag, and return its reference.

        :raises BuildError: if the registry does not take it.
        """
        assert self.repository is not None
        attributes = {
            "name": str(self.repository),
            "push": "true",
            "push-by-digest": "true",
            "store": "false",
            "oci-mediatypes": "true",
            "rewrite-timestamp": "true",
        }
        response = self._solve(daemon, [Exporter("image", attributes)])
        digest = response.get("containerimage.digest", "")
        return str(self.repository.with_digest(digest)) if digest else str(self.repository)

    def _solve(self, daemon: Daemon, exporters: Sequence[Exporter]) -> dict[str, str]:
        trees = {
            CONTEXT_DIR: MemoryTree({"proof": _PROOF}),
            DOCKERFILE_DIR: MemoryTree({"Dockerfile": _DOCKERFILE}),
        }
        handlers = {METHOD: serve_trees(trees), **auth.handlers(self._credentials)}
        job = Job(_ATTRIBUTES, handlers, exporters=exporters)
        control = _Silence()
        try:
            return run_job(daemon, job, control, Progress(control, Path("Dockerfile")))
        except SolveFailed as failed:
            error = failed.error
            details = details_of(error)
            raise BuildError(message_of(details), hint=remedy_of(details)) from error


def _repository(config: Config) -> Reference | None:
    setting = config.text("registry")
    registry = config.plugins.registry(setting, config)
    if registry is None:
        raise UsageError(
            f"no plugin serves the registry {setting!r}",
            hint="okplug plugins lists those that are loaded",
        )
    if not registry.is_remote:
        return None
    return Reference(registry.host, f"{config.text('global_namespace')}/{_NAME}", "", "")


class _Silence:
    """A ``BuildControl`` for a build of which only the end is told."""

    is_cancelled = False

    def log(self, text: str, instruction: str = "") -> None:
        """Say nothing."""

    def progress(self, part: str, name: str, state: str, current: int = 0, total: int = 0) -> None:
        """Say nothing."""

    def warn(self, message: str, location: Location | None = None) -> None:
        """Say nothing."""

    def on_cancel(self, callback: Callable[[], None]) -> None:
        """Do nothing: Ctrl-C ends the command, and the daemon sees the connection go."""
