"""A builder that builds nothing, writes down what it is asked, and fails when it is told to."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING

from okplug.backends import Artifact
from okplug.dockerfile import instruction_text
from okplug.errors import CancelledError
from okplug.hookspecs import hookimpl
from okplug.testing.images import push_image, push_index

if TYPE_CHECKING:
    from collections.abc import Sequence

    from okplug.backends import BuildControl, BuildOutline, BuildRequest, Registry

_SLICE = 0.01


class FakeBuilder:
    """A builder for tests of what uses one; registered as a plugin, it is the run's builder.

    What it stores is a small image whose content, and so its digest, follows from the request.

    :param requests: what it was asked to build, in the order of the questions.
    :param outlines: what it was shown before.
    :param refusal: what ``check`` raises.
    :param failures: address -> error that building it raises.
    :param delays: address -> seconds that building it takes.
    :param most_at_once: the greatest number of builds that were under way together.
    """

    name = "fake"

    def __init__(self, jobs: int = 4) -> None:
        self.jobs = jobs
        self.requests: list[BuildRequest] = []
        self.outlines: list[BuildOutline] = []
        self.refusal: Exception | None = None
        self.failures: dict[str, Exception] = {}
        self.delays: dict[str, float] = {}
        self.most_at_once = 0
        self._at_once = 0
        self._lock = threading.Lock()

    @hookimpl(tryfirst=True)
    def okplug_builder(self) -> FakeBuilder:
        """Be the builder of the run."""
        return self

    @property
    def addresses(self) -> list[str]:
        """The addresses of the images that were asked for, in order."""
        return [request.image.address for request in self.requests]

    def describe(self) -> str:
        """Return the header's line."""
        return "fake (nothing is built)"

    def check(self, outlines: Sequence[BuildOutline]) -> None:
        """Write the outlines down; refuse them if it was told to."""
        self.outlines += outlines
        if self.refusal is not None:
            raise self.refusal

    def build(self, request: BuildRequest, registry: Registry, control: BuildControl) -> Artifact:
        """Store an image that tells the request, unless it was told to fail.

        :raises CancelledError: if the run is interrupted meanwhile.
        """
        address = request.image.address
        with self._lock:
            self.requests.append(request)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            control.log(f"building {address}")
            _wait(self.delays.get(address, 0), control)
            if address in self.failures:
                raise self.failures[address]
            return _store(request, registry)
        finally:
            with self._lock:
                self._at_once -= 1


def _wait(seconds: float, control: BuildControl) -> None:
    end = time.monotonic() + seconds
    while True:
        if control.is_cancelled:
            raise CancelledError
        left = end - time.monotonic()
        if left <= 0:
            return
        time.sleep(min(left, _SLICE))


def _store(request: BuildRequest, registry: Registry) -> Artifact:
    repository = request.repository.with_tag("")
    is_index = len(request.platforms) > 1
    images = {
        platform: push_image(
            registry,
            repository,
            files={"request.json": _told(request)},
            config={"Labels": dict(request.image.labels)},
            platform=platform,
            annotations=dict(request.image.annotations) if is_index else request.annotations,
        )
        for platform in request.platforms
    }
    descriptor = images[request.platforms[0]]
    if is_index:
        descriptor = push_index(registry, repository, images, annotations=request.annotations)
    return Artifact(repository.with_digest(descriptor.digest), descriptor)


def _told(request: BuildRequest) -> str:
    """Write down what determines the image."""
    told = {
        "address": request.image.address,
        "args": dict(request.args),
        "context": request.context.digest,
        "images": {name: str(reference) for name, reference in request.images.items()},
        "instructions": [
            instruction_text(instruction)
            for stage in request.resolution.stages
            for instruction in (stage.origin, *stage.instructions)
        ],
        "key": request.key,
        "source_date_epoch": request.source_date_epoch,
        "target": request.image.target,
    }
    return json.dumps(told, indent=2, sort_keys=True)
