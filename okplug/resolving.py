"""What a Dockerfile comes to for an image that is built for several platforms at once.

Stages, sources and images can depend on the platform, as in ``COPY bin/${TARGETARCH} /bin/``. The
image's key and its upload have what any of its platforms needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from okplug.dockerfile import resolve
from okplug.dockerfile.model import Inherited, Resolution

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from okplug.dockerfile.model import Dockerfile


def resolve_on_all(
    dockerfile: Dockerfile,
    *,
    target: str,
    args: Mapping[str, str],
    platforms: Sequence[str],
    inherited: Callable[[str], Inherited],
) -> Resolution:
    """Return what building *target* for all of the platforms comes to.

    :param platforms: at least one.
    :raises ManifestError: if the Dockerfile cannot be built for one of them.
    """
    found = [
        resolve(dockerfile, target=target, args=args, platform=platform, inherited=inherited)
        for platform in platforms
    ]
    return found[0] if all(one == found[0] for one in found) else _union(found)


def _union(found: Sequence[Resolution]) -> Resolution:
    built = found[0].stages[-1]
    stages = {stage.index: stage for one in found for stage in one.stages if stage != built}
    images = dict.fromkeys(use for one in found for use in one.images)
    return Resolution(
        stages=(*(stages[index] for index in sorted(stages)), built),
        args=tuple(sorted({pair for one in found for pair in one.args})),
        reads=tuple(dict.fromkeys(read for one in found for read in one.reads)),
        whole_context=next((one.whole_context for one in found if one.whole_context), ""),
        images=tuple(sorted(images, key=lambda use: use.line)),
        passes_on=_common([one.passes_on for one in found]),
        triggers=tuple(dict.fromkeys(each for one in found for each in one.triggers)),
    )


def _common(found: Sequence[Inherited]) -> Inherited:
    """Return what is passed on by all alike; what differs is not known."""
    first = found[0]
    env = tuple(pair for pair in first.env if all(pair in one.env for one in found))
    is_complete = all(one.is_complete and len(one.env) == len(env) for one in found)
    return Inherited(env, first.triggers, is_complete)
