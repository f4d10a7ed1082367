"""The tags that ``--tag`` gives the one selected image, in place of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from okplug.errors import UsageError
from okplug.naming import ImageNames

if TYPE_CHECKING:
    from collections.abc import Iterable

    from okplug.graph import ImageGraph
    from okplug.naming import Naming
    from okplug.reference import Reference


def given_tags(
    texts: Iterable[str], naming: Naming, graph: ImageGraph, asked: frozenset[str]
) -> dict[str, tuple[Reference, ...]]:
    """Return the address of the one selected image with the tags that it gets; empty without any.

    :param texts: references as manifests write them, several with commas between.
    :raises UsageError: if one is no tag or another image's, or not one image is selected.
    """
    names = [name.strip() for text in texts for name in text.split(",")]
    if not names:
        return {}
    if len(asked) != 1:
        raise UsageError(
            f"--tag names one image, and {len(asked)} are selected",
            hint="select one: okplug build ADDRESS --tag REFERENCE",
        )
    (address,) = asked
    owners = ImageNames(naming, graph.images())
    tags = {naming.parse(name): name for name in names}
    for reference, name in tags.items():
        if reference.digest:
            raise UsageError(f"--tag {name}: a digest cannot be chosen", hint="name a tag")
        owner = owners.find(str(reference))
        if owner not in (None, address):
            raise UsageError(
                f"--tag {name}: {reference} is the name of {owner}", hint="choose another tag"
            )
    return {address: tuple(tags)}
