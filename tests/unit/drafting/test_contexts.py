from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from okplug.dockerfile.model import ContextRead
from okplug.drafting.contexts import guess_context

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A monorepo with one service."""
    for name in ("services/api/main.py", "services/shared/lib.py", "go.mod", "docker/run.sh"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path


@pytest.mark.parametrize(
    ("folder", "sources", "context"),
    [
        ("services/api", ["main.py"], "services/api"),
        ("services/api", [], "services/api"),
        ("services/api", ["."], "services/api"),
        ("services/api", ["./"], "services/api"),
        ("services/api", ["/main.py"], "services/api"),
        ("services/api", ["api/main.py", "shared"], "services"),
        ("services/api", ["go.mod"], ""),
        ("services/api", ["services/api/main.py", "go.mod"], ""),
        ("services/api", ["*.py"], "services/api"),
        ("services/api", ["go.*"], ""),
        ("services/api", ["**.mod"], ""),
        ("services/api", ["shared/./lib.py"], "services"),
        ("docker", ["run.sh"], "docker"),
        ("docker", ["."], ""),
        ("docker", ["run.sh", "."], "docker"),
        ("docker", ["docker/run.sh"], ""),
        ("", ["go.mod"], ""),
    ],
)
def test_it_is_the_nearest_folder_with_all_that_is_copied(
    root: Path, folder: str, sources: list[str], context: str
) -> None:
    reads = [ContextRead((source,), 1) for source in sources]
    assert guess_context(root, folder, reads) == (context, "")


@pytest.mark.parametrize("source", ["dist/app.jar", "dist/*.jar"])
def test_without_any_it_is_the_own_one_and_what_is_missing_is_told(root: Path, source: str) -> None:
    reads = [ContextRead(("main.py", source), 2)]
    assert guess_context(root, "services/api", reads) == ("services/api", source)
