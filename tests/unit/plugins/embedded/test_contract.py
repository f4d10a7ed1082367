"""The embedded builder keeps the contract of builders, and so does the fake one where it can."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from okplug.testing import BuilderContract, FakeRegistry
from okplug_embedded.builder import EmbeddedBuilder

if TYPE_CHECKING:
    from okplug import Registry


class TestEmbeddedBuilder(BuilderContract):
    @pytest.fixture
    def builder(self) -> EmbeddedBuilder:
        return EmbeddedBuilder()

    @pytest.fixture
    def registry(self) -> Registry:
        return FakeRegistry()
