from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from okplug.drafting.search import find_build_files

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from okplug.drafting.search import BuildFile


@pytest.fixture
def found(tmp_path: Path) -> Callable[..., tuple[BuildFile, ...]]:
    """Write files and return the Dockerfiles among them; a bare path is a Dockerfile."""

    def find(*bare: str, **texts: str) -> tuple[BuildFile, ...]:
        for relpath, text in {**dict.fromkeys(bare, "FROM scratch\n"), **texts}.items():
            path = tmp_path / relpath
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        files, warnings = find_build_files(tmp_path)
        assert warnings == ()
        return files

    return find
