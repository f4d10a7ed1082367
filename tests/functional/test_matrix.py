"""The matrix of edits on the embedded builder: the image differs exactly if the key does.

The rows are below ``tests/matrix``; ``docs/keys.md`` shows them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from okplug_layout.registry import LayoutRegistry
from tests.matrix.model import REFUSED, Scene
from tests.matrix.oracle import try_edit
from tests.matrix.table import EDITS

if TYPE_CHECKING:
    from okplug.testing import Workspace
    from tests.matrix.model import Edit


@pytest.fixture
def scene(workspace: Workspace) -> Scene:
    """An empty workspace whose images have no time of their own."""
    images = workspace.home / "images"
    workspace.environ |= {"OKPLUG_REGISTRY": f"layout:{images}", "SOURCE_DATE_EPOCH": "0"}
    return Scene(workspace, LayoutRegistry(images))


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.name)
def test_the_key_is_new_exactly_if_the_image_is(edit: Edit, scene: Scene) -> None:
    expected = edit.image["embedded"]
    assert try_edit(edit, scene) == (REFUSED if expected == REFUSED else edit.key, expected)
