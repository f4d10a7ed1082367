"""Daemons that answer what a test says, and a pool of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import pytest

from okplug_buildkit.connect.addresses import Address, parse_address
from okplug_buildkit.daemon import Version, Worker
from okplug_buildkit.pool.member import Member
from okplug_buildkit.pool.pool import Pool
from okplug_buildkit.proto import control_pb2

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from okplug_buildkit.daemon import Daemon
    from okplug_buildkit.pool.managed import ManagedDaemon


@dataclass
class FakeDaemon:
    """What a daemon says.

    :param failures: name of a method -> what it raises.
    :param pruned: what it was asked to remove.
    """

    platforms: tuple[str, ...] = ("linux/amd64", "linux/386")
    version: str = "v0.32.2"
    builds_now: int = 0
    address: Address | None = None
    labels: dict[str, str] = field(default_factory=dict)
    records: list[control_pb2.UsageRecord] = field(default_factory=list)
    failures: dict[str, Exception] = field(default_factory=dict)
    pruned: list[control_pb2.PruneRequest] = field(default_factory=list)

    def _fail(self, name: str) -> None:
        if name in self.failures:
            raise self.failures[name]

    def info(self, timeout: float, absence: float = 1.0) -> Version:
        """Tell the version."""
        assert timeout > 0 < absence
        self._fail("info")
        return Version(version=self.version)

    def workers(self, timeout: float = 1) -> tuple[Worker, ...]:
        """Tell the platforms."""
        assert timeout > 0
        self._fail("workers")
        return (Worker("w", self.labels, self.platforms),)

    def builds(self, *, active_only: bool) -> tuple[object, ...]:
        """Tell what it builds now."""
        assert active_only
        self._fail("builds")
        return (object(),) * self.builds_now

    def disk_usage(self) -> tuple[control_pb2.UsageRecord, ...]:
        """Tell what is in the cache."""
        self._fail("disk_usage")
        return tuple(self.records)

    def prune(self, request: control_pb2.PruneRequest) -> Iterator[control_pb2.UsageRecord]:
        """Remove everything, until it fails."""
        self.pruned.append(request)
        yield from self.records
        self._fail("prune")

    def close(self) -> None:
        """Do nothing."""


def record(name: str, size: int, description: str = "") -> control_pb2.UsageRecord:
    return control_pb2.UsageRecord(id=name, size=size, description=description)


@pytest.fixture(name="record")
def record_fixture() -> Callable[..., control_pb2.UsageRecord]:
    return record


@pytest.fixture
def pool_of() -> Callable[..., Pool]:
    """Make a pool of fakes by address; a daemon of our own may stand behind ``buildkitd://``."""

    def make(managed: ManagedDaemon | None = None, **named: FakeDaemon) -> Pool:
        daemons = {
            "docker://" if name == "docker" else f"tcp://{name}:1234": daemon
            for name, daemon in named.items()
        }

        def open_daemon(address: Address) -> Daemon:
            daemon = daemons[str(address)]
            daemon.address = address
            return cast("Daemon", daemon)

        members = [Member(parse_address(address), open_daemon) for address in daemons]
        if managed is not None:
            members.append(Member(parse_address("buildkitd://"), open_daemon, managed))
        return Pool(members, print)

    return make


@pytest.fixture
def fake() -> type[FakeDaemon]:
    return FakeDaemon
