"""What ONBUILD instructions of base images from elsewhere read from the context.

Nobody here knows these instructions before the image is built, and so its key does not cover what
they read. A builder that comes upon such a read refuses it: the image would be another one with
other files, and would have the same key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from okplug.errors import BuildError, Location
from okplug.standins import standing_in

if TYPE_CHECKING:
    from collections.abc import Container, Iterable
    from pathlib import Path

    from okplug.dockerfile.model import ImageUse, Resolution


def unknown_bases(resolution: Resolution, known: Container[str]) -> list[ImageUse]:
    """Return the images that stages start from and whose ONBUILD instructions are not known.

    :param known: references of images of the workspace.
    """
    return [
        use
        for use in resolution.images
        if use.cause == "FROM" and use.reference not in known and not standing_in(use.reference)
    ]


def refuse_unknown_reads(
    resolution: Resolution, bases: Iterable[ImageUse], sources: Iterable[str], dockerfile: Path
) -> None:
    """Refuse sources of which no instruction tells, since an ONBUILD of a base must have them.

    :param bases: those that may have such an instruction; if there is none, nothing is refused.
    :param sources: relative to the context, as COPY takes them; ``.`` is all of it.
    :raises BuildError: at the FROM of the first base.
    """
    base = next(iter(bases), None)
    if base is None or resolution.whole_context:
        return
    for source in sources:
        if not _is_read(resolution, source):
            raise BuildError(
                f"the base image {base.reference} has an ONBUILD instruction that reads {source}, "
                "which is no part of the key",
                location=Location(dockerfile, base.line, 1),
                hint=f"copy {source} in this Dockerfile as well, which makes it part of the key, "
                "or make the base an image of the workspace",
            )


def _is_read(resolution: Resolution, source: str) -> bool:
    """Tell whether a source is among what the stages read, or below it."""
    patterns = (pattern for read in resolution.reads for pattern in read.patterns)
    for pattern in patterns:
        plain = pattern.replace("/./", "/")
        if plain in (".", source) or source.startswith(f"{plain}/"):
            return True
    return False
