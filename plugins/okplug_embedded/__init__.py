"""A builder without a daemon, for images that package what is already there.

It reads Dockerfiles as BuildKit does and carries out all instructions but RUN, which needs a
process. The file system of an image is never unpacked: it is a tree in memory whose files point to
where their bytes are, so that root is not needed, and owners and modes are what the Dockerfile
says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from okplug import hookimpl

if TYPE_CHECKING:
    from okplug import Builder, Config


@hookimpl(trylast=True)
def okplug_builder(config: Config) -> Builder | None:
    """Offer the builder where it is named, and where no other plugin has one."""
    if config.words("builder") not in (("auto",), ("embedded",)):
        return None
    from okplug_embedded.builder import EmbeddedBuilder

    return EmbeddedBuilder()
