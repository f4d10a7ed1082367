"""The matrix of edits on a real BuildKit: the image differs exactly if the key does.

The rows are below ``tests/matrix``; ``docs/keys.md`` shows them. Those that the embedded builder
shows as well are tried here in the campaign.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from okplug.reference import Reference
from okplug.testing import Node, push_image
from okplug_layout.registry import LayoutRegistry
from tests.integration.conftest import program
from tests.matrix.model import SHELL, Scene
from tests.matrix.oracle import try_edit
from tests.matrix.table import EDITS

if TYPE_CHECKING:
    from okplug.testing import Workspace
    from tests.integration.conftest import BuildKit
    from tests.matrix.model import Edit

COMMANDS = ("cat", "cp", "grep", "sh", "test")


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a registry that has a system of one program."""
    folder = tmp_path_factory.mktemp("images")
    links = {f"bin/{name}": Node("link", 0o777, content="busybox") for name in COMMANDS}
    busybox = Node(mode=0o755, content=Path(program("busybox")).read_bytes())
    reference = Reference.parse(SHELL.removeprefix("FROM ").strip())
    push_image(LayoutRegistry(folder), reference, files={"bin/busybox": busybox, **links})
    return folder


@pytest.fixture
def scene(workspace: Workspace, buildkit: BuildKit, images: Path) -> Scene:
    """An empty workspace whose images have no time of their own."""
    workspace.environ |= {
        "OKPLUG_REGISTRY": f"layout:{images}",
        "OKPLUG_BUILDER": buildkit.address,
        "SOURCE_DATE_EPOCH": "0",
    }
    return Scene(workspace, LayoutRegistry(images))


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param(edit, marks=() if edit.is_of_buildkit else pytest.mark.campaign, id=edit.name)
        for edit in EDITS
    ],
)
def test_the_key_is_new_exactly_if_the_image_is(edit: Edit, scene: Scene) -> None:
    assert try_edit(edit, scene) == (edit.key, edit.image["buildkit"])
