"""However a Dockerfile is written: what has one key gives one image.

Whether it should have one key is another question, which the matrix of edits answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from okplug_layout.registry import LayoutRegistry
from tests.integration.test_buildkit_parity import DOCKERFILES, write_context
from tests.matrix.dockerfiles import EACH
from tests.matrix.model import Scene
from tests.matrix.mutants import mutants
from tests.matrix.oracle import look

if TYPE_CHECKING:
    from okplug.testing import Workspace

FILES = {
    "okteto.yaml": "build: {app: .}\n",
    "README.md": "read me\n",
    "src/main.py": "print(1)\n",
    ".dockerignore": "Dockerfile\n.dockerignore\n*.yaml\n*.toml\n",
}
SEED = 1


@pytest.fixture
def scene(workspace: Workspace) -> Scene:
    """A workspace with all that the Dockerfiles read; images have no time of their own."""
    images = workspace.home / "images"
    workspace.environ |= {"OKPLUG_REGISTRY": f"layout:{images}", "SOURCE_DATE_EPOCH": "0"}
    write_context(workspace.root)
    workspace.write(FILES)
    return Scene(workspace, LayoutRegistry(images))


def same_keys(scene: Scene, text: str, most: int) -> list[str]:
    """Return other ways of writing a Dockerfile that have its key."""
    found: list[str] = []
    keys = {key_of(scene, text)}
    for other in mutants(text, SEED):
        if len(found) < most and key_of(scene, other) in keys:
            found.append(other)
    return found


def key_of(scene: Scene, text: str) -> str:
    """Return the key that the image of a Dockerfile has, ``""`` if it is wrong."""
    write(scene, text)
    return scene.workspace.run("hash", "app").stdout.partition(" ")[0]


def write(scene: Scene, text: str) -> None:
    (scene.root / "Dockerfile").write_bytes(text.encode())


def different_images(scene: Scene, text: str, most: int) -> list[str]:
    """Return the ways of writing a Dockerfile that have its key, and not its image."""
    others = same_keys(scene, text, most)
    assert others
    write(scene, text)
    image = look(scene)
    found = []
    for other in others:
        write(scene, other)
        if look(scene) != image:
            found.append(other)
    return found


def plain(text: str) -> str:
    """Return the text of an instruction of each kind, without the marks in it."""
    return "\n".join(line.strip() for line in text.replace("%", " ").strip().splitlines())


ALL = {**DOCKERFILES, "each": f"{plain(EACH)}\n"}


def test_instructions_of_all_kinds(scene: Scene) -> None:
    assert different_images(scene, ALL["each"], 40) == []


@pytest.mark.campaign
@pytest.mark.parametrize("name", ALL)
def test_on_the_embedded_builder(scene: Scene, name: str) -> None:
    assert different_images(scene, ALL[name], 100) == []


@pytest.mark.campaign
@pytest.mark.parametrize("name", ALL)
def test_on_buildkit(scene: Scene, name: str, request: pytest.FixtureRequest) -> None:
    scene.environ["OKPLUG_BUILDER"] = request.getfixturevalue("buildkit").address
    assert different_images(scene, ALL[name], 30) == []
