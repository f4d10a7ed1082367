"""What cannot be built on an engine that keeps images by graph drivers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from okplug import BuildError
from okplug_buildkit.solve.exporters import is_index

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from okplug import BuildOutline, BuildRequest, Location
    from okplug_buildkit.solve.caches import Cache
    from okplug_buildkit.solve.options import SolveOptions

_REMEDY = (
    'turn on its containerd image store, {"features": {"containerd-snapshotter": true}} in '
    "daemon.json, or name another BuildKit with --builder or BUILDKIT_HOST"
)
_PLATFORMS = "holds no image of several platforms"
#: this side compresses the layers
COMPRESSIONS = ("gzip", "uncompressed")


def check_outlines(engine: str, outlines: Iterable[BuildOutline], options: SolveOptions) -> None:
    """See what can be seen before anything is built.

    :param engine: its address.
    :raises BuildError: if an image, or the settings, ask for what the engine cannot do.
    """
    _check_options(engine, options)
    for outline in outlines:
        if len(outline.platforms) > 1:
            raise refusal(engine, _PLATFORMS, outline.image.place("platforms"))


def check_request(
    engine: str, request: BuildRequest, options: SolveOptions, exports: Sequence[Cache]
) -> None:
    """See that one image can be built.

    :param engine: its address.
    :param exports: the caches that are wanted of the build.
    :raises BuildError: if it asks for what the engine cannot do.
    """
    _check_options(engine, options)
    if is_index(request, options):
        raise refusal(engine, _PLATFORMS, request.image.place("platforms"))
    if request.source_date_epoch is not None:
        raise refusal(engine, "does not set the times in layers, as SOURCE_DATE_EPOCH asks for")
    for cache in exports:
        if cache.type != "inline":
            raise refusal(engine, f"exports no cache of type {cache.type}, only inline")


def _check_options(engine: str, options: SolveOptions) -> None:
    if options.has_attestations:
        raise refusal(engine, "holds no attestations, as provenance and sbom ask for")
    if options.compression not in COMPRESSIONS:
        raise refusal(engine, f"does not go with compression={options.compression}")


def refusal(engine: str, what: str, location: Location | None = None) -> BuildError:
    """Return what to raise for what the engine cannot do."""
    return BuildError(
        f"the old image store of the Docker engine at {engine} {what}",
        location=location,
        hint=_REMEDY,
    )
