"""What the Dockerfile frontend is told, as attributes of ``dockerfile.v0``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from okplug import Reference
from okplug_buildkit.solve.csvfields import join_fields

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from okplug import BuildRequest
    from okplug.dockerfile import Instruction
    from okplug_buildkit.solve.caches import Cache
    from okplug_buildkit.solve.options import SolveOptions

#: FileSync directories: the context, and the folder of the Dockerfile
CONTEXT_DIR = "context"
DOCKERFILE_DIR = "dockerfile"

_HUB = "docker.io/"
_OFFICIAL = "library/"
_NETWORKS = {"none": "none", "host": "host", "default": "sandbox"}


def frontend_attributes(
    request: BuildRequest,
    contexts: Mapping[str, str],
    imports: tuple[Cache, ...],
    options: SolveOptions,
) -> dict[str, str]:
    """Return the attributes of one build.

    :param contexts: what named contexts and dependencies stand for, such as
        ``docker-image://...``, by the name that the Dockerfile has for them.
    """
    attributes = {"filename": request.dockerfile.path.name}
    attributes.update(_of_image(request))
    attributes.update((f"build-arg:{name}", value) for name, value in request.args.items())
    if request.source_date_epoch is not None:
        attributes["build-arg:SOURCE_DATE_EPOCH"] = str(request.source_date_epoch)
    if request.no_cache:
        attributes["no-cache"] = ""
    attributes.update((f"context:{familiar(name)}", what) for name, what in contexts.items())
    if options.frontend_image:
        attributes["source"] = options.frontend_image
    if imports:
        entries = [{"Type": cache.type, "Attrs": dict(cache.attributes)} for cache in imports]
        attributes["cache-imports"] = json.dumps(entries)
    if options.provenance:
        attributes["attest:provenance"] = options.provenance
    if options.sbom:
        attributes["attest:sbom"] = options.sbom
    return attributes


def _of_image(request: BuildRequest) -> Iterator[tuple[str, str]]:
    image = request.image
    yield "platform", ",".join(request.platforms)
    if image.target:
        yield "target", image.target
    for name, value in image.labels:
        yield f"label:{name}", value
    if image.extra_hosts:
        yield "add-hosts", join_fields(f"{host}={address}" for host, address in image.extra_hosts)
    if image.network:
        yield "force-network-mode", _NETWORKS.get(image.network, image.network)


def entitlements(request: BuildRequest) -> dict[str, Instruction | None]:
    """Return what the build needs beyond what daemons grant everybody.

    :return: name -> the first instruction that needs it, None where the manifest does; sorted.
    """
    needs: dict[str, Instruction | None] = {}
    if request.image.network == "host":
        needs["network.host"] = None
    for stage in request.resolution.stages:
        for instruction in stage.instructions:
            if instruction.name != "RUN":
                continue
            if instruction.flag("network") == "host":
                needs.setdefault("network.host", instruction)
            if instruction.flag("security") == "insecure":
                needs.setdefault("security.insecure", instruction)
    return dict(sorted(needs.items()))


def familiar(name: str) -> str:
    """Return a reference as people write it, the form in which frontends look contexts up.

    Names of no reference, such as those of stages, are what they are.
    """
    from okplug import UsageError

    try:
        text = str(Reference.parse(name))
    except UsageError:
        return name
    if text.startswith(_HUB):
        text = text.removeprefix(_HUB).removeprefix(_OFFICIAL)
    return text.removesuffix(":latest")
