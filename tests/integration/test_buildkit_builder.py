"""The BuildKit builder keeps the contract of builders, on a real daemon."""

from __future__ import annotations

import secrets
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

import okplug_registry
from okplug.credentials import Credentials
from okplug.reference import Reference
from okplug.testing import BuilderContract, FakeRegistry
from okplug_buildkit.builder import BuildKitBuilder, Setup
from okplug_buildkit.connect.addresses import parse_address
from okplug_buildkit.connect.options import ChannelOptions
from okplug_buildkit.pool.member import Member
from okplug_buildkit.pool.pool import Pool
from okplug_buildkit.services import Services
from okplug_buildkit.solve.caches import CacheReader
from okplug_buildkit.solve.options import SolveOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from okplug import Registry
    from okplug.testing import Workspace
    from tests.integration.conftest import BuildKit
    from tests.integration.registries import RegistryServer


@pytest.fixture
def pool(buildkit: BuildKit) -> Iterator[Pool]:
    """The daemons of a run: the one of the tests."""
    from okplug_buildkit.daemon import connect

    member = Member(
        parse_address(buildkit.address), lambda address: connect(address, ChannelOptions())
    )
    with closing(Pool([member], pytest.fail)) as pool:
        yield pool


@pytest.fixture
def builder(pool: Pool, tmp_path: Path) -> BuildKitBuilder:
    """Return the builder."""
    services = Services(Credentials({}), {})
    caches = CacheReader(tmp_path, {})
    return BuildKitBuilder(Setup(pool, "test", services, SolveOptions(), caches, "tests"))


class TestWithParts(BuilderContract):
    """Results come through the session into a registry that the daemon knows nothing of."""

    @pytest.fixture
    def builder(self, builder: BuildKitBuilder) -> BuildKitBuilder:
        """Return the builder."""
        return builder

    @pytest.fixture
    def registry(self) -> Registry:
        """Return a registry in memory."""
        return FakeRegistry()


class TestWithAPush(BuilderContract):
    """The daemon pushes results to a registry, and pulls dependencies from it, by itself."""

    @pytest.fixture
    def builder(self, builder: BuildKitBuilder) -> BuildKitBuilder:
        """Return the builder."""
        return builder

    @pytest.fixture
    def registry(self, registry_server: RegistryServer, workspace: Workspace) -> Iterator[Registry]:
        """Return a real registry."""
        config = workspace.config(
            plugins=[okplug_registry], settings={"registry": registry_server.host}
        )
        found = config.plugins.registry(registry_server.host, config)
        assert found is not None
        yield found
        config.plugins.unconfigure(config)

    @pytest.fixture
    def repository(self, registry: Registry) -> Callable[[str], Reference]:
        """Return what makes names that no other test has."""
        prefix = secrets.token_hex(4)
        return lambda name: Reference(registry.host, f"{prefix}/{name}")
