"""An engine that is played, and a registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from okplug.testing import FakeRegistry
from tests.fakeengine import FakeEngine

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def engine() -> Iterator[FakeEngine]:
    """An engine without images."""
    with FakeEngine() as engine:
        yield engine


@pytest.fixture
def registry() -> FakeRegistry:
    """An empty registry."""
    return FakeRegistry()
