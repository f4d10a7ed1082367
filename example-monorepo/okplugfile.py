"""A plugin of this monorepo: every image says who made it.

A file of this name at the root serves the whole workspace; one in a folder serves the images at and
below it.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from okplug import hookimpl

if TYPE_CHECKING:
    from okplug import ImageGraph

VENDOR = ("org.opencontainers.image.vendor", "The Example Shop")


@hookimpl
def okplug_graph_modify(graph: ImageGraph) -> None:
    """Label every image with the vendor; the label is part of the key, as all labels are."""
    for image in graph.images():
        graph.replace_image(dataclasses.replace(image, labels=(*image.labels, VENDOR)))
