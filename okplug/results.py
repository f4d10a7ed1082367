"""What a built image is called in ``OKTETO_BUILD_<NAME>_<FIELD>``, as Okteto defines the fields."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from okplug.backends import Artifact

FIELDS = ("IMAGE", "REGISTRY", "REPOSITORY", "TAG", "SHA")
#: those that another digest makes another one
NAMES_DIGEST = frozenset({"IMAGE", "TAG", "SHA"})


def result_value(artifact: Artifact, field: str) -> str:
    """Return one field of an image that is known by its digest.

    :param field: ``IMAGE`` is the whole reference, ``TAG`` what stands behind its name, and ``SHA``
        that with the personal tag before it.
    """
    reference = artifact.reference
    values = {
        "IMAGE": str(reference),
        "REGISTRY": reference.registry,
        "REPOSITORY": reference.repository,
        "TAG": reference.digest,
        "SHA": f"okteto@{reference.digest}",
    }
    return values[field]
