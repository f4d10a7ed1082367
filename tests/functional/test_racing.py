"""Files that change while they are built: no image is under a key that its content does not have."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import pytest

from okplug import contextsnapshot, hookimpl
from okplug.reference import Reference
from okplug.testing import ImageView, make_workspace
from okplug_layout.registry import LayoutRegistry
from tests.racing import DOCKERFILES, Editor, Image, write_group, wrong_keys

if TYPE_CHECKING:
    from collections.abc import Iterator

    from okplug.context import ContextFile
    from okplug.testing import Workspace

_KEY = re.compile(r"[0-9a-f]{32}")
_CHANGED = "the file changed while it was in use"


def stored_images(workspace: Workspace) -> Iterator[Image]:
    """Yield what is found under keys."""
    registry = LayoutRegistry(workspace.home / ".cache/okplug/registry")
    for name in DOCKERFILES:
        repository = Reference.parse(f"localhost/okteto/{name}").with_tag("")
        for tag in registry.tags(repository):
            if _KEY.fullmatch(tag):
                view = ImageView.read(registry, repository.with_tag(tag))
                yield Image(name, tag, view.config["config"]["Labels"], view.tree())


@pytest.fixture
def group(workspace: Workspace) -> Path:
    """Return the folder of three images."""
    folder = workspace.root / "group"
    write_group(folder)
    return folder


@pytest.fixture
def clean(tmp_path: Path) -> Workspace:
    """Return a second workspace, empty."""
    folder = tmp_path / "clean"
    folder.mkdir()
    return make_workspace(folder)


def test_files_that_are_edited_while_they_are_built(
    workspace: Workspace, group: Path, clean: Workspace, tmp_path: Path
) -> None:
    said = ""
    images: list[Image] = []
    with Editor([group], tmp_path / "spare", "embedded", (0, 0.001, 0.01, 0.03)) as editor:
        for _ in range(100):
            said += workspace.run("build").stderr
            images = list(stored_images(workspace))
            if len(images) > 30 and said.count(_CHANGED) > 3:
                break
    assert len(images) > 30, f"{editor.changes} changes\n{said}"
    assert _CHANGED in said
    assert "internal error" not in said
    assert wrong_keys(clean, images) == []


class EditOnce:
    """Changes a file of the context that two images share, when the first of them is built."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._is_done = False

    @hookimpl(tryfirst=True)
    def okplug_build(self) -> None:
        """Leave the building to the builder."""
        if not self._is_done:
            self._is_done = True
            before = self._path.stat()
            self._path.write_bytes(b"!".ljust(before.st_size))
            os.utime(self._path, ns=(before.st_atime_ns, before.st_mtime_ns))


def open_unverified(root: Path, file: ContextFile) -> BinaryIO:
    """Open a file whatever is in it."""
    return Path(root, file.relpath).open("rb")


@pytest.mark.parametrize("is_checked", [True, False])
def test_it_is_the_check_of_what_is_sent_that_prevents_it(
    workspace: Workspace,
    group: Path,
    clean: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    *,
    is_checked: bool,
) -> None:
    """Without it, size and time being the same, all three would be under wrong keys."""
    if not is_checked:
        monkeypatch.setattr(contextsnapshot, "open_verified", open_unverified)
    outcome = workspace.run("build", "-j", "1", plugins=[EditOnce(group / "low/x1")]).assert_ok()
    wrong = wrong_keys(clean, stored_images(workspace))
    assert (_CHANGED in outcome.stderr) == is_checked
    assert len(wrong) == (0 if is_checked else 3)
