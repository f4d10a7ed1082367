"""The contents of build secrets, read for what nobody may see of them when an image is built."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from okplug.masking import LARGEST

if TYPE_CHECKING:
    from okplug.config import Config
    from okplug.manifest.model import Image, Secret


def mask_secrets(image: Image, config: Config) -> None:
    """Mask what the secrets of an image hold; that one cannot be read is for the builder to say."""
    for secret in image.secrets:
        with suppress(OSError):
            config.masks.add_secret(_content(secret, image, config))


def _content(secret: Secret, image: Image, config: Config) -> bytes:
    if secret.kind == "file":
        with Path(secret.source).open("rb") as file:
            return file.read(LARGEST + 1)
    environ = config.environ_of(config.root / image.folder)
    return environ.get(secret.source, "").encode("utf-8", "surrogateescape")
