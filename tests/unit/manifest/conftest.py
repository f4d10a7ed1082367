"""Workspaces with one manifest, and the errors that reading it gives."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from okplug.errors import ManifestError
from okplug.manifest.okteto import read_manifest
from tests.unit.manifest.composefolder import Folder

if TYPE_CHECKING:
    from pathlib import Path

    from okplug.manifest.model import Image, Manifest


@dataclass
class Workspace:
    """A folder whose manifest is read again and again."""

    root: Path
    environ: dict[str, str] = field(default_factory=dict)
    name: str = "okteto.yaml"

    @property
    def manifest(self) -> Path:
        """The manifest's path."""
        return self.root / self.name

    def add(self, *relpaths: str) -> None:
        """Make files; a path that ends with a slash is a folder."""
        for relpath in relpaths:
            path = self.root / relpath
            if relpath.endswith("/"):
                path.mkdir(parents=True, exist_ok=True)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text("FROM scratch\n")

    def read(self, text: str | bytes) -> Manifest:
        """Write the manifest and read it; *text* is dedented."""
        data = text if isinstance(text, bytes) else textwrap.dedent(text).encode()
        self.manifest.parent.mkdir(parents=True, exist_ok=True)
        self.manifest.write_bytes(data)
        return read_manifest(self.manifest, self.root, self.environ)

    def image(self, text: str | bytes) -> Image:
        """Read a manifest of one image and no warnings."""
        manifest = self.read(text)
        (image,) = manifest.images
        assert manifest.warnings == ()
        return image

    def warnings(self, text: str) -> str:
        """Return the warnings, one per line, with the root's path as ROOT."""
        return "\n".join(self.read(text).warnings).replace(str(self.root), "ROOT")

    def error(self, text: str | bytes) -> str:
        """Return what the user reads, with the root's path as ROOT."""
        with pytest.raises(ManifestError) as caught:
            self.read(text)
        return str(caught.value).replace(str(self.root), "ROOT")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Return a workspace with an image in ``api`` and one at its root."""
    made = Workspace(tmp_path / "root")
    made.add("Dockerfile", "api/Dockerfile")
    return made


@pytest.fixture
def shop(tmp_path: Path) -> Folder:
    """A workspace with Dockerfiles in its root and in ``api``."""
    folder = Folder(tmp_path / "shop")
    folder.add("Dockerfile", "api/Dockerfile", "api/dev.Dockerfile", "lib/Dockerfile")
    return folder
