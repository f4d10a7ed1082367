"""Workspaces with a compose file, and the errors that reading it gives."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from okplug.errors import ManifestError
from okplug.manifest.compose import Surroundings, read_compose

if TYPE_CHECKING:
    from pathlib import Path

    from okplug.manifest.model import Image, Manifest


@dataclass
class Folder:
    """A workspace with a compose file at its root."""

    root: Path
    environ: dict[str, str] = field(default_factory=dict)
    registry: str = "registry.test"

    def write(self, **files: str) -> None:
        """Write YAML files: ``a__b`` is ``a/b.yaml``."""
        for name, text in files.items():
            path = self.root / f"{name.replace('__', '/')}.yaml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text))

    def add(self, *relpaths: str) -> None:
        """Make files."""
        for relpath in relpaths:
            path = self.root / relpath
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("FROM scratch\n")

    def read(self, text: str = "", name: str = "compose") -> Manifest:
        """Write the compose file, if there is a text, and read it."""
        if text:
            self.write(**{name: text})
        around = Surroundings(self.root, self.environ, self.registry)
        return read_compose(self.root / f"{name}.yaml", around)

    def images(self, text: str = "") -> dict[str, Image]:
        """Read a file that nothing is to be said about; return its images by name."""
        manifest = self.read(text)
        assert manifest.warnings == ()
        return {image.name: image for image in manifest.images}

    def image(self, text: str) -> Image:
        """Read a file of one image."""
        (image,) = self.images(text).values()
        return image

    def build(self, text: str) -> Image:
        """Read a file with one service, of which this is the build section."""
        return self.image(f"services:\n  web:\n    build:\n{textwrap.indent(text, ' ' * 6)}\n")

    def warnings(self, text: str) -> str:
        """Return the warnings, one to a line."""
        return "\n".join(self.read(text).warnings).replace(f"{self.root}/", "")

    def error(self, text: str) -> str:
        """Return what the user reads."""
        with pytest.raises(ManifestError) as caught:
            self.read(text)
        return str(caught.value).replace(f"{self.root}/", "").replace(str(self.root), "ROOT")
