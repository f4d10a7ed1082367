"""The builder: images on BuildKit daemons, their results in the registry."""

from __future__ import annotations

import base64
import json
import threading
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from okplug import Artifact, BuildError, CancelledError, ContextChangedError, Descriptor
from okplug_buildkit.attach.registrystore import RegistrySink, RegistryStore
from okplug_buildkit.solve.attributes import entitlements, frontend_attributes
from okplug_buildkit.solve.contexts import contexts_of
from okplug_buildkit.solve.details import details_of
from okplug_buildkit.solve.exporters import content_exporter, push_exporter
from okplug_buildkit.solve.failures import failure_of
from okplug_buildkit.solve.job import Job, SolveFailed, run_job
from okplug_buildkit.solve.localcaches import LocalCaches
from okplug_buildkit.solve.progress import Progress
from okplug_buildkit.solve.sharing import SharedContexts, shared_key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from okplug import BuildControl, BuildOutline, BuildRequest, ContextSnapshot, Registry
    from okplug_buildkit.attach.stores import Store
    from okplug_buildkit.daemon import Daemon
    from okplug_buildkit.pool.pool import Pool
    from okplug_buildkit.services import Services
    from okplug_buildkit.solve.caches import CacheReader
    from okplug_buildkit.solve.options import SolveOptions

#: the content store that an export is written to
_EXPORT = "export"
#: builds at once on each daemon, which has its own limit of what runs at once
_JOBS_PER_DAEMON = 16


@dataclass(frozen=True, slots=True)
class Setup:
    """What the builder is made of.

    :param origin: why these daemons, for the header.
    :param identity: tells this user on this machine from all others.
    """

    pool: Pool
    origin: str
    services: Services
    options: SolveOptions
    caches: CacheReader
    identity: str


class BuildKitBuilder:
    """Builds images on BuildKit; a ``Builder``."""

    name = "buildkit"

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._contexts = SharedContexts()
        self.jobs = _JOBS_PER_DAEMON * len(setup.pool.members)

    def describe(self) -> str:
        """Return what the header says."""
        return f"{self._setup.pool.describe()} ({self._setup.origin})"

    def check(self, outlines: Sequence[BuildOutline]) -> None:
        """See that there is a daemon, before anything is built; it refuses nothing itself.

        :raises OkplugError: if no daemon answers.
        """
        self._contexts.learn(outlines)
        if outlines:
            with self._setup.pool.pick(outlines[0].image.address):
                pass

    def build(self, request: BuildRequest, registry: Registry, control: BuildControl) -> Artifact:
        """Build on the daemon that the image belongs to, or on another if that one is lost.

        :raises BuildError: if it fails, or no daemon can be used.
        :raises ContextChangedError: if a file is not what was hashed.
        :raises RegistryError: if the registry cannot be read or written from here.
        :raises CancelledError: if the run is interrupted.
        """
        if control.is_cancelled:
            raise CancelledError
        work = _Work(self._setup, request, registry, control)
        cancelled = threading.Event()
        control.on_cancel(cancelled.set)

        def attempt(daemon: Daemon) -> Artifact:
            with self._contexts.turn(str(daemon.address), request.context) as loaded:
                progress = Progress(control, request.dockerfile.path, loaded)
                snapshots = self._contexts.snapshots(request.context)
                try:
                    return work.run(daemon, snapshots, progress)
                except ContextChangedError:
                    self._contexts.part(request.context)
                    raise

        return self._setup.pool.run(request.image.address, attempt, cancelled)


class _Work:
    """One build, whichever daemon does it."""

    def __init__(
        self, setup: Setup, request: BuildRequest, registry: Registry, control: BuildControl
    ) -> None:
        self._setup = setup
        self._request = request
        self._registry = registry
        self._control = control
        self._named = contexts_of(request, registry)
        image = request.image
        self._caches = LocalCaches(
            [
                setup.caches.imported(text)
                for text in (*image.cache_from, *setup.options.cache_from)
            ],
            [
                setup.caches.exported(text)
                for text in (*image.export_cache, *setup.options.cache_to)
            ],
        )

    def run(
        self, daemon: Daemon, snapshots: Sequence[ContextSnapshot], progress: Progress
    ) -> Artifact:
        """Build on one daemon."""
        with ExitStack() as stack:
            stores = self._stores(stack)
            job = self._job(snapshots, stores)
            try:
                response = run_job(daemon, job, self._control, progress)
            except SolveFailed as failed:
                raise self._failure(failed, daemon, progress) from failed.error
        self._caches.finish(response)
        return self._artifact(response)

    def _job(self, snapshots: Sequence[ContextSnapshot], stores: Mapping[str, Store]) -> Job:
        request, options = self._request, self._setup.options
        exporter = push_exporter if self._registry.is_remote else content_exporter
        imports = self._caches.imports(self._control)
        return Job(
            frontend_attributes(request, self._named.values, imports, options),
            self._setup.services.handlers(request, snapshots, self._named, stores),
            exporters=[exporter(request, options)],
            imports=imports,
            exports=self._caches.exports,
            entitlements=entitlements(request),
            shared_key=shared_key(self._setup.identity, request.context),
        )

    def _stores(self, stack: ExitStack) -> dict[str, Store]:
        """Return the content stores that the daemon reads and writes, by their ids."""
        stores: dict[str, Store] = dict(self._caches.stores())
        for name, images in self._named.images.items():
            store = RegistryStore(self._registry, images)
            stack.callback(store.close)
            stores[name] = store
        if not self._registry.is_remote:
            sources = chain.from_iterable(self._named.images.values())
            stores[_EXPORT] = RegistrySink(self._registry, self._request.repository, sources)
        return stores

    def _failure(self, failed: SolveFailed, daemon: Daemon, progress: Progress) -> BuildError:
        lost = failed.loss(daemon)
        return lost or failure_of(details_of(failed.error), self._request, progress)

    def _artifact(self, response: Mapping[str, str]) -> Artifact:
        text = response.get("containerimage.descriptor", "")
        digest = response.get("containerimage.digest", "")
        reference = self._request.repository.with_tag("").with_digest(digest)
        if text:
            fields = json.loads(base64.b64decode(text))
            descriptor = Descriptor(
                fields["mediaType"], fields["digest"], fields["size"], fields.get("annotations", {})
            )
            return Artifact(reference.with_digest(descriptor.digest), descriptor)
        found = self._registry.resolve(reference) if digest else None
        if found is None:
            raise BuildError(
                "the daemon did not say what it built",
                hint="it may be too old: okplug needs BuildKit 0.13 or later",
            )
        return Artifact(reference, found)
