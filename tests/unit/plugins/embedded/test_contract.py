"""The embedded builder keeps the contract of builders."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from okplug.testing import BuilderContract, FakeRegistry
from okplug_embedded.builder import EmbeddedBuilder

if TYPE_CHECKING:
    from okplug import Registry


class TestEmbeddedBuilder(BuilderContract):
    """With a registry in memory."""

    @pytest.fixture
    def builder(self) -> EmbeddedBuilder:
        """Return the builder."""
        return EmbeddedBuilder()

    @pytest.fixture
    def registry(self) -> Registry:
        """Return the registry."""
        return FakeRegistry()
