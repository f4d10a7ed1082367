"""How the result of a build gets into the registry."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from okplug import BuildRequest
    from okplug_buildkit.solve.options import SolveOptions

#: a build argument that asks for an index of one platform
_INDEX = "BUILDKIT_MULTI_PLATFORM"


@dataclass(frozen=True, slots=True)
class Exporter:
    """One exporter of a solve, with its attributes as the daemon takes them."""

    type: str
    attributes: Mapping[str, str] = field(default_factory=dict)


def push_exporter(request: BuildRequest, options: SolveOptions) -> Exporter:
    """Return what has the daemon push to ``request.repository``, by digest and without a tag."""
    return Exporter(
        "image",
        {
            "name": str(request.repository),
            "push": "true",
            "push-by-digest": "true",
            "store": "false",  # or a Docker engine would list it among its images
            **_image_attributes(request, options),
        },
    )


def content_exporter(request: BuildRequest, options: SolveOptions) -> Exporter:
    """Return what has the daemon write the image's parts to a content store of this side."""
    return Exporter("oci", {"tar": "false", **_image_attributes(request, options)})


def is_index(request: BuildRequest, options: SolveOptions) -> bool:
    """Tell whether the result is an index rather than a manifest."""
    is_asked = request.args.get(_INDEX) in ("1", "true")
    return len(request.platforms) > 1 or is_asked or options.has_attestations


def _image_attributes(request: BuildRequest, options: SolveOptions) -> dict[str, str]:
    attributes = {"oci-mediatypes": str(options.oci_mediatypes).lower()}
    if options.compression != "gzip":
        attributes["compression"] = options.compression
    if options.is_forced:
        attributes["force-compression"] = "true"
    if options.level:
        attributes["compression-level"] = options.level
    if request.source_date_epoch is not None:
        attributes["rewrite-timestamp"] = "true"
    place = "annotation-index" if is_index(request, options) else "annotation"
    attributes.update((f"annotation.{name}", text) for name, text in request.image.annotations)
    attributes.update((f"{place}.{name}", text) for name, text in request.annotations.items())
    return attributes
