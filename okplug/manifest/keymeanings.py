"""What the keys of an entry of a ``build`` section mean, in the words that editors show."""

from __future__ import annotations

from typing import Final

MEANINGS: Final = {
    "annotations": "annotations of each manifest, and of the index of several platforms",
    "args": "build arguments",
    "cache_from": "caches of the builder to read",
    "context": "the folder whose files the build may read; . without it",
    "contexts": "what names in the Dockerfile stand for: folders, images, images of the workspace",
    "depends_on": "images to build before this one",
    "dockerfile": "the Dockerfile, in the context; Dockerfile without it",
    "dockerfile_inline": "the text of the Dockerfile, in place of dockerfile",
    "export_cache": "caches of the builder to write",
    "extra_hosts": "further hosts that RUN instructions know, with their IP addresses",
    "image": "your own tags, with commas between several",
    "labels": "labels of the image, which win over those of the Dockerfile",
    "network": "the network of RUN instructions",
    "platforms": "what to build for, such as linux/amd64",
    "push": "whether your own tags are set",
    "secrets": "what RUN --mount=type=secret reads: files, or variables of the environment",
    "ssh": "agents for RUN --mount=type=ssh: ID, or ID=PATH of its socket",
    "tags": "further tags of yours, beside those of image",
    "target": "the stage to build; the last one without it",
}
