"""The builder itself."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING

from okplug import Artifact
from okplug_embedded.assembly import store_image, store_index
from okplug_embedded.refusals import refuse
from okplug_embedded.stages import StageBuilder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from okplug import BuildControl, BuildOutline, BuildRequest, Descriptor, Registry


class EmbeddedBuilder:
    """Builds images that reach no RUN, in this process; a ``Builder``."""

    name = "embedded"

    def __init__(self) -> None:
        self.jobs = max(2, os.cpu_count() or 1)

    def describe(self) -> str:
        """Return what the header says."""
        return "embedded (no daemon; for images without RUN)"

    def check(self, outlines: Sequence[BuildOutline]) -> None:
        """Refuse images that need a process or the network.

        :raises ManifestError: located at the first of them.
        """
        refuse(outlines)

    def build(self, request: BuildRequest, registry: Registry, control: BuildControl) -> Artifact:
        """Build an image for each platform, and an index if there are several.

        :raises BuildError: if an instruction fails.
        :raises ContextChangedError: if a file is not what was hashed.
        :raises RegistryError: if the registry cannot be read or written.
        :raises CancelledError: if the run is interrupted.
        """
        images: dict[str, Descriptor] = {}
        for platform in request.platforms:
            with ExitStack() as spools:
                stage = StageBuilder(request, registry, control, platform, spools).build()
                images[platform] = store_image(stage, platform, request, registry)
        descriptor = images[request.platforms[0]]
        if len(images) > 1:
            descriptor = store_index(images, request, registry)
        reference = request.repository.with_tag("").with_digest(descriptor.digest)
        return Artifact(reference, descriptor)
