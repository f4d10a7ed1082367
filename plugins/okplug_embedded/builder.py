"""The builder itself."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING

from okplug import Artifact
from okplug_embedded.assembly import Assembly
from okplug_embedded.images import Images
from okplug_embedded.refusals import passed_over, refuse
from okplug_embedded.stages import StageBuilder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from okplug import BuildControl, BuildOutline, BuildRequest, Registry


#: a build argument that asks for an index of one platform
_INDEX = "BUILDKIT_MULTI_PLATFORM"


class EmbeddedBuilder:
    """Builds images that reach no RUN, in this process; a ``Builder``."""

    name = "embedded"

    def __init__(self) -> None:
        self.jobs = max(2, os.cpu_count() or 1)
        self._images = Images()

    def describe(self) -> str:
        """Return what the header says."""
        return "embedded (no daemon; images without RUN)"

    def check(self, outlines: Sequence[BuildOutline]) -> None:
        """Refuse images that need more than packaging.

        What only a RUN can use, such as secrets and the network, does not count.

        :raises ManifestError: located at the first of them; it names the others.
        """
        refuse(outlines)

    def build(self, request: BuildRequest, registry: Registry, control: BuildControl) -> Artifact:
        """Build an image for each platform, and an index if there are several.

        :raises BuildError: if an instruction fails.
        :raises ManifestError: if a word of the Dockerfile cannot be expanded.
        :raises UsageError: if SOURCE_DATE_EPOCH is no time.
        :raises ContextChangedError: if a file is not what was hashed.
        :raises RegistryError: if the registry cannot be read or written.
        :raises CancelledError: if the run is interrupted.
        """
        platforms = request.platforms
        is_index = len(platforms) > 1 or request.args.get(_INDEX) in ("1", "true")
        for message in passed_over(request):
            control.warn(message)
        with ExitStack() as spools:
            stages = StageBuilder(request, registry, control, self._images, spools)
            assembly = Assembly(request, registry, stages.check)
            images = {
                platform: assembly.store_image(
                    stages.build(platform),
                    platform,
                    dict(request.image.annotations) if is_index else request.annotations,
                )
                for platform in platforms
            }
            stages.check()
        descriptor = assembly.store_index(images) if is_index else images[platforms[0]]
        reference = request.repository.with_tag("").with_digest(descriptor.digest)
        return Artifact(reference, descriptor)
