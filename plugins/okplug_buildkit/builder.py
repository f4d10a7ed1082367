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
from okplug_buildkit.graphstore.engines import Engines
from okplug_buildkit.graphstore.limits import check_outlines
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
    from okplug_buildkit.connect.failures import DaemonLostError
    from okplug_buildkit.daemon import Daemon
    from okplug_buildkit.graphstore.engines import Engine
    from okplug_buildkit.pool.pool import Pool
    from okplug_buildkit.services import Services
    from okplug_buildkit.solve.caches import CacheReader
    from okplug_buildkit.solve.contexts import Contexts
    from okplug_buildkit.solve.exporters import Exporter
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


@dataclass(frozen=True, slots=True)
class _Parts:
    """What depends on how the daemon gets and gives images.

    :param stores: that it reads and writes, by their ids.
    """

    named: Contexts
    stores: Mapping[str, Store]
    exporter: Exporter


class BuildKitBuilder:
    """Builds images on BuildKit; a ``Builder``."""

    name = "buildkit"

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._contexts = SharedContexts()
        self._engines = Engines(setup.services.environ, setup.options)
        self.jobs = _JOBS_PER_DAEMON * len(setup.pool.members)

    def describe(self) -> str:
        """Return what the header says."""
        return f"{self._setup.pool.describe()} ({self._setup.origin})"

    def check(self, outlines: Sequence[BuildOutline]) -> None:
        """See that there is a daemon, and that it can do what is wanted, before anything is built.

        :raises OkplugError: if no daemon answers, or it cannot.
        """
        self._contexts.learn(outlines)
        if outlines:
            with self._setup.pool.pick(outlines[0].image.address) as daemon:
                engine = self._engines.find(daemon)
            if engine is not None and len(self._setup.pool.members) == 1:
                check_outlines(engine.address, outlines, self._setup.options)

    def build(self, request: BuildRequest, registry: Registry, control: BuildControl) -> Artifact:
        """Build on the daemon that the image belongs to, or on another if that one is lost.

        :raises BuildError: if it fails, or no daemon can be used.
        :raises ContextChangedError: if a file is not what was hashed.
        :raises RegistryError: if the registry cannot be read or written from here.
        :raises CancelledError: if the run is interrupted.
        """
        if control.is_cancelled:
            raise CancelledError
        work = _Work(self._setup, self._engines, request, registry, control)
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

        def retrying(lost: DaemonLostError) -> None:
            control.warn(f"BuildKit service connection failure. Retrying... ({lost.message})")

        return self._setup.pool.run(request.image.address, attempt, cancelled, retrying)


class _Work:
    """One build, whichever daemon does it."""

    def __init__(
        self,
        setup: Setup,
        engines: Engines,
        request: BuildRequest,
        registry: Registry,
        control: BuildControl,
    ) -> None:
        self._setup = setup
        self._engines = engines
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
        engine = self._engines.find(daemon)
        if engine is not None:
            return self._run_on_engine(engine, daemon, snapshots, progress)
        exporter = push_exporter if self._registry.is_remote else content_exporter
        with ExitStack() as stack:
            parts = _Parts(
                self._named,
                self._stores(stack),
                exporter(self._request, self._setup.options),
            )
            response = self._solve(daemon, self._job(snapshots, parts), progress)
        return self._artifact(response)

    def _run_on_engine(
        self,
        engine: Engine,
        daemon: Daemon,
        snapshots: Sequence[ContextSnapshot],
        progress: Progress,
    ) -> Artifact:
        """Build on an engine that does not bring the image into the registry by itself."""
        engine.check(self._request, self._caches.exports)
        with engine.build(self._request, self._registry, self._named, self._control) as build:
            parts = _Parts(build.contexts, dict(self._caches.stores()), build.exporter)
            response = self._solve(daemon, self._job(snapshots, parts), progress)
            return build.fetch(response)

    def _solve(self, daemon: Daemon, job: Job, progress: Progress) -> dict[str, str]:
        try:
            response = run_job(daemon, job, self._control, progress)
        except SolveFailed as failed:
            raise self._failure(failed, daemon, progress) from failed.error
        self._caches.finish(response)
        return response

    def _job(self, snapshots: Sequence[ContextSnapshot], parts: _Parts) -> Job:
        request, options = self._request, self._setup.options
        imports = self._caches.imports(self._control)
        return Job(
            frontend_attributes(request, parts.named.values, imports, options),
            self._setup.services.handlers(request, snapshots, parts.named, parts.stores),
            exporters=[parts.exporter],
            imports=imports,
            exports=self._caches.exports,
            entitlements=tuple(entitlements(request)),
            is_internal=options.is_internal,
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
        frontend = self._setup.options.frontend_image
        return lost or failure_of(details_of(failed.error), self._request, progress, frontend)

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
