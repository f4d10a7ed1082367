"""Which daemons are engines of this kind, and one build on such an engine."""

from __future__ import annotations

import threading
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from okplug import BuildError, CancelledError
from okplug_buildkit.connect.endpoints import engine_endpoint
from okplug_buildkit.connect.engineapi import EngineAPI
from okplug_buildkit.graphstore.limits import check_request
from okplug_buildkit.graphstore.loading import LoadedImages, remove, temporary_name
from okplug_buildkit.graphstore.transfer import Form, Transfer
from okplug_buildkit.solve.exporters import Exporter

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from okplug import Artifact, BuildControl, BuildRequest, Reference, Registry
    from okplug_buildkit.daemon import Daemon
    from okplug_buildkit.solve.caches import Cache
    from okplug_buildkit.solve.contexts import Contexts
    from okplug_buildkit.solve.options import SolveOptions

#: label of workers whose images are in containerd, or in the daemon's own store
_SNAPSHOTTER = "org.mobyproject.buildkit.worker.snapshotter"
_LAYOUT = "oci-layout://"


def keeps_by_driver(daemon: Daemon) -> bool:
    """Tell whether a daemon is an engine that keeps images by graph drivers.

    :raises DaemonError: if it does not answer.
    """
    if daemon.address.scheme != "docker":
        return False
    return not any(_SNAPSHOTTER in worker.labels for worker in daemon.workers())


class Engines:
    """The engines of a run; used from several threads.

    :param environ: says where ``docker://`` is.
    """

    def __init__(self, environ: Mapping[str, str], options: SolveOptions) -> None:
        self._environ = environ
        self._options = options
        self._lock = threading.Lock()
        self._found: dict[str, Engine | None] = {}

    def find(self, daemon: Daemon) -> Engine | None:
        """Return the engine that a daemon is, None if it hands out images by itself.

        :raises DaemonError: if it does not answer.
        """
        address = str(daemon.address)
        with self._lock:
            if address not in self._found:
                engine = None
                if keeps_by_driver(daemon):
                    endpoint = engine_endpoint(daemon.address, self._environ)
                    engine = Engine(address, EngineAPI(endpoint, self._environ), self._options)
                self._found[address] = engine
            return self._found[address]


class Engine:
    """An engine that keeps images by graph drivers."""

    def __init__(self, address: str, api: EngineAPI, options: SolveOptions) -> None:
        self.address = address
        self._api = api
        self._options = options
        self._form = Form.of(options)
        self._known = self._form.known_layers()
        self._loaded = LoadedImages(api)

    def check(self, request: BuildRequest, exports: Sequence[Cache]) -> None:
        """See that an image can be built here.

        :raises BuildError: if it asks for what the engine cannot do.
        """
        check_request(self.address, request, self._options, exports)

    @contextmanager
    def build(
        self, request: BuildRequest, registry: Registry, named: Contexts, control: BuildControl
    ) -> Iterator[EngineBuild]:
        """Have what one build needs; what is only there for it is removed afterwards.

        :param named: dependencies as other daemons would have them.
        :raises BuildError: if the engine cannot be reached, or does not take a dependency.
        :raises RegistryError: if a dependency cannot be read.
        :raises CancelledError: if the run is interrupted.
        """
        control.on_cancel(self._api.interrupt)
        name = temporary_name("build")
        target = request.repository.repository_only()
        for image in request.images.values():
            self._known.learn(registry, image)
        transfer = Transfer(
            self._api, registry, target, self._form, self._known, lambda: control.is_cancelled
        )
        try:
            with ExitStack() as stack:
                contexts = self._contexts(stack, request, registry, named, control)
                stack.callback(remove, self._api, name, control.warn)
                yield EngineBuild(name, contexts, transfer, request.annotations)
        except BuildError as error:
            if control.is_cancelled:
                raise CancelledError from error
            raise

    def _contexts(
        self,
        stack: ExitStack,
        request: BuildRequest,
        registry: Registry,
        named: Contexts,
        control: BuildControl,
    ) -> Contexts:
        """Return what the names of a build stand for, with images that this side would serve."""
        served = {
            f"{_LAYOUT}{image.repository}@{image.digest}": image
            for images in named.images.values()
            for image in images
        }
        values = dict(named.values)
        for name, value in values.items():
            if value in served:
                loaded = self._loaded.loaded(
                    registry, served[value], request.platforms[0], control.warn
                )
                values[name] = f"docker-image://{stack.enter_context(loaded)}"
        return replace(named, values=values, images={})


@dataclass(frozen=True, slots=True)
class EngineBuild:
    """One build on an engine.

    :param name: what the engine is to call the image.
    :param contexts: what the names in the Dockerfile stand for.
    """

    name: Reference
    contexts: Contexts
    transfer: Transfer
    annotations: Mapping[str, str]

    @property
    def exporter(self) -> Exporter:
        """What leaves the image in the engine."""
        return Exporter("moby", {"name": str(self.name)})

    def fetch(self, response: Mapping[str, str]) -> Artifact:
        """Store the image in the registry.

        :param response: of the exporter.
        :raises BuildError: if the engine does not hand it out.
        :raises RegistryError: if the registry does not take it.
        :raises CancelledError: if the run is interrupted.
        """
        config = response.get("containerimage.config.digest", "")
        return self.transfer.run(str(self.name), config, self.annotations)
