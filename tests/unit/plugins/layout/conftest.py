"""What the tests of layouts share."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from okplug.reference import Reference
from okplug_layout.registry import LayoutRegistry

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The registry's folder, which nobody has made yet."""
    return tmp_path / "images"


@pytest.fixture
def registry(folder: Path) -> LayoutRegistry:
    return LayoutRegistry(folder)


@pytest.fixture
def api() -> Reference:
    return Reference("localhost", "okteto/api", "1.0")


@pytest.fixture
def os_error() -> Callable[[int], Callable[..., None]]:
    """Make functions that fail with an error number, to put in place of those of ``os``."""

    def make(number: int) -> Callable[..., None]:
        def fail(*_arguments: object, **_named: object) -> None:
            raise OSError(number, os.strerror(number))

        return fail

    return make
