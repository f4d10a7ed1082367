"""The graphs of repositories in many styles: what people write, and what they expect of it.

A file in ``repositories`` holds one: what it is, the images with what they are built from and why,
and the other files. They are made up after repositories that are known for their style.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from okplug.testing import Workspace

REPOSITORIES = sorted((Path(__file__).parent / "repositories").glob("*.txt"))


def parts(path: Path) -> dict[str, str]:
    """Return the files of a repository, and under ``images`` what is expected."""
    _, *pieces = re.split(r"^-- (.+) --\n", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(pieces[::2], pieces[1::2], strict=True))


def drawn(document: str) -> str:
    """Return a graph as the files of repositories have it."""
    lines = []
    for image in json.loads(document)["images"]:
        edges = [
            f"{one['address']} ({', '.join(dict.fromkeys(c['kind'] for c in one['causes']))})"
            for one in image["dependencies"]
        ]
        lines.append(f"{image['address']}{' <- ' if edges else ''}{', '.join(edges)}\n")
    return "".join(sorted(lines))


def test_there_are_many() -> None:
    assert len(REPOSITORIES) >= 10


@pytest.mark.parametrize("path", REPOSITORIES, ids=lambda path: path.stem)
def test_the_graph_is_what_a_person_expects(workspace: Workspace, path: Path) -> None:
    files = parts(path)
    expected = files.pop("images")
    workspace.write(files)
    outcome = workspace.run("graph", "--format", "json").assert_ok()
    assert drawn(outcome.stdout) == expected
    assert [line for line in outcome.stderr.splitlines() if " is called '" not in line] == []


@pytest.mark.parametrize("path", REPOSITORIES, ids=lambda path: path.stem)
def test_the_keys_are_the_same_in_every_checkout(
    workspace: Workspace, path: Path, tmp_path: Path
) -> None:
    files = parts(path)
    files.pop("images")
    workspace.write(files)
    keys = workspace.run("hash").assert_ok().stdout
    other = workspace.root.rename(tmp_path / "elsewhere")
    workspace.root = other
    assert workspace.run("hash", environ={"USER": "bob"}).assert_ok().stdout == keys
