"""What the tests of the embedded builder share: a context, and what builds it."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from okplug.reference import Reference
from okplug.testing import BuildCase, FakeRegistry, ImageView, RecordingControl, push_image
from okplug_embedded.builder import EmbeddedBuilder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

CONTEXT = {
    "a.txt": "A",
    "b.txt": "B",
    "c.md": "C",
    "run.sh": "R",
    "dir/one": "1",
    "dir/two.md": "2",
    "dir/sub/three": "3",
    "dir/sub/four.md": "4",
    "etc/passwd": "shop:x:1000:2000::/:/x\n",
    "etc/group": "staff:x:50:\n",
    "p/q/r/x.txt": "X",
    "p/q/r/y.md": "Y",
    "p/s/x.txt": "Z",
    ".dockerignore": "Dockerfile\n.dockerignore\n",
}
LINKS = {
    "link": "a.txt",
    "dirlink": "/dir",
    "links/abs": "/a.txt",
    "links/dangling": "nowhere",
    "links/todir": "../dir",
}


def listing(image: ImageView) -> str:
    """Return a line for each path: mode, owner unless it is root, and content or target."""
    lines = []
    for path, (kind, mode, uid, gid, content) in image.tree().items():
        owner = f" {uid}:{gid}" if uid or gid else ""
        if kind == "link":
            lines.append(f"{path}{owner} -> {content!s}")
        elif kind == "directory":
            lines.append(f"{path}/ {mode:o}{owner}")
        else:
            text = content.decode() if isinstance(content, bytes) else content
            lines.append(f"{path} {mode:o}{owner} {text.strip()}".rstrip())
    return "\n".join(lines)


@dataclass
class Workshop:
    """Builds Dockerfiles in one folder.

    :param control: of the last build.
    """

    folder: Path
    registry: FakeRegistry = field(default_factory=FakeRegistry)
    builder: EmbeddedBuilder = field(default_factory=EmbeddedBuilder)
    control: RecordingControl = field(default_factory=RecordingControl)

    def write(self, files: Mapping[str, str | bytes], *, mode: int = 0o644) -> None:
        """Write files of the context."""
        for name, content in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
            path.chmod(mode)

    def case(self, dockerfile: str, **fields: Any) -> BuildCase:
        """Write a Dockerfile, dedented."""
        self.write({"Dockerfile": textwrap.dedent(dockerfile).lstrip("\n")})
        return BuildCase(self.folder, **fields)

    def build(self, dockerfile: str, platform: str = "", **fields: Any) -> ImageView:
        """Build a Dockerfile and read the image, or that of one platform."""
        case = self.case(dockerfile, **fields)
        self.control = RecordingControl()
        self.builder.check([case.outline()])
        artifact = self.builder.build(case.request(), self.registry, self.control)
        return ImageView.read(self.registry, artifact.reference, platform)

    def listing(self, dockerfile: str, **fields: Any) -> str:
        """Build a Dockerfile and list what is in the image."""
        return listing(self.build(dockerfile, **fields))

    def push(self, name: str, **fields: Any) -> Reference:
        """Store an image and return the reference that finds it."""
        repository = Reference("registry.test", name)
        pushed = push_image(self.registry, repository, **fields)
        return repository.with_digest(pushed.digest)


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    """A folder without files to build in."""
    folder = tmp_path / "image"
    folder.mkdir()
    return Workshop(folder)


@pytest.fixture
def shop(workshop: Workshop) -> Workshop:
    """A folder with files, folders and links."""
    workshop.write(CONTEXT)
    (workshop.folder / "run.sh").chmod(0o755)
    for name, target in LINKS.items():
        path = workshop.folder / name
        path.parent.mkdir(exist_ok=True)
        path.symlink_to(target)
    return workshop


@pytest.fixture
def lines() -> Callable[[str], str]:
    """Bring an expected listing to the form that listings have."""
    return lambda text: textwrap.dedent(text).strip()
