"""One daemon, and what it can be asked.

with connect(parse_address("tcp://localhost:1234"), options) as daemon:
    print(daemon.info(timeout=5).version)
"""

from __future__ import annotations

import math
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, TypeVar

from okplug_buildkit.calls import Service
from okplug_buildkit.connect.channels import load_grpc, open_channel
from okplug_buildkit.connect.failures import (
    Contact,
    DaemonError,
    DaemonLostError,
    Fault,
    explain,
)
from okplug_buildkit.connect.routes import find_route

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import grpc
    from google.protobuf.message import Message

    from okplug_buildkit.calls import Metadata, StreamCall, UnaryCall
    from okplug_buildkit.connect.addresses import Address
    from okplug_buildkit.connect.options import ChannelOptions
    from okplug_buildkit.connect.routes import Route
    from okplug_buildkit.gateway import Gateway
    from okplug_buildkit.proto import control_pb2, llb_pb2

_CONTROL = "moby.buildkit.v1.Control"
#: seconds for a daemon to answer a question
_ATTEMPT = 5.0
#: seconds between two attempts to reach a daemon, at first
_FIRST_PAUSE = 0.1
#: seconds for a daemon to add up a large cache
_LONG = 120.0

_Answer = TypeVar("_Answer", bound="Message")


@dataclass(frozen=True, slots=True)
class Version:
    """What a daemon says that it is; empty texts from one that is too old to say."""

    package: str = ""
    version: str = ""
    revision: str = ""
    dockerfile_version: str = ""


@dataclass(frozen=True, slots=True)
class Worker:
    """What runs builds in a daemon.

    :param platforms: such as ``linux/arm/v7``, its own first.
    """

    id: str
    labels: dict[str, str]
    platforms: tuple[str, ...]


def connect(address: Address, options: ChannelOptions) -> Daemon:
    """Return a daemon, which is reached when it is first asked; close it when done.

    :raises UsageError: if a token would go over the network in the clear, or a variable of
        Docker's is wrong.
    :raises ValueError: for ``buildkitd://``, which has to be turned into the daemon's socket first.
    """
    load_grpc(options.environ)
    route = find_route(address, options)
    return Daemon(address, route, open_channel(route, options), options)


class Daemon:
    """One daemon; usable from several threads.

    The calls that ask and answer raise ``DaemonError``, with the cause and its remedy. Those that
    are handed out while they are under way raise ``grpc.RpcError``, which ``explain`` turns into
    one if it is for the connection.
    """

    def __init__(
        self, address: Address, route: Route, channel: grpc.Channel, options: ChannelOptions
    ) -> None:
        self.address = address
        self._options = options
        self._route = route
        self._channel = channel
        self._metadata: Metadata = ()
        if route.token:
            self._metadata = (("authorization", f"Bearer {route.token}"),)
        self._control = Service(channel, _CONTROL, self._metadata)
        self._has_answered = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Cancel all calls and end the connection; callable again."""
        self._channel.close()
        if self._route.relay is not None:
            self._route.relay.close()

    def info(self, timeout: float, absence: float = math.inf) -> Version:
        """Return what the daemon is, and wait for it to answer.

        :param timeout: seconds; attempts are repeated as long as that may help.
        :param absence: seconds after which one is given up that has never answered and is not
            there, as far as one sees from here.
        :raises DaemonError: if it does not answer in that time, or cannot be used.
        """
        began = time.monotonic()
        pause = _FIRST_PAUSE
        while True:
            left = began + timeout - time.monotonic()
            try:
                return self._version(max(0.1, min(left, self._options.attempt)))
            except DaemonLostError as error:
                is_absent = error.fault is Fault.NO_DAEMON and not self._has_answered
                limit = min(timeout, absence) if is_absent else timeout
                is_hopeless = self._is_hopeless(error) and not self._options.wait
                if is_hopeless or began + limit - time.monotonic() < pause:
                    raise
            time.sleep(pause)
            pause = min(2 * pause, self._options.pause)

    def _version(self, timeout: float) -> Version:
        from okplug_buildkit.proto import control_pb2

        try:
            answer = self._ask("Info", control_pb2.InfoRequest(), control_pb2.InfoResponse, timeout)
        except DaemonError as error:
            if error.fault is Fault.TOO_OLD:  # which is an answer
                self._has_answered = True
                return Version()
            raise
        told = answer.buildkit_version
        return Version(told.package, told.version, told.revision, told.dockerfile_version)

    def _is_hopeless(self, error: DaemonError) -> bool:
        """Tell whether another attempt would only be a wait: what is in between has failed."""
        relay = self._route.relay
        return error.fault is Fault.NO_DAEMON and relay is not None and relay.failure() is not None

    def workers(self, timeout: float = _ATTEMPT) -> tuple[Worker, ...]:
        """Return what runs builds, the default first.

        :param timeout: seconds.
        :raises DaemonError: if the daemon does not answer.
        """
        from okplug_buildkit.proto import control_pb2

        request, answer = control_pb2.ListWorkersRequest(), control_pb2.ListWorkersResponse
        return tuple(
            Worker(record.id, dict(record.labels), tuple(map(_platform, record.platforms)))
            for record in self._ask("ListWorkers", request, answer, timeout).record
        )

    def solve(self, request: control_pb2.SolveRequest) -> UnaryCall[control_pb2.SolveResponse]:
        """Start a build; the call takes as long as the build."""
        from okplug_buildkit.proto import control_pb2

        return self._control.start("Solve", request, control_pb2.SolveResponse)

    def status(self, ref: str) -> StreamCall[control_pb2.StatusResponse]:
        """Follow the progress of a build by its reference."""
        from okplug_buildkit.proto import control_pb2

        request = control_pb2.StatusRequest(ref=ref)
        return self._control.follow("Status", request, control_pb2.StatusResponse)

    def session(
        self, metadata: Sequence[tuple[str, str]], requests: Iterator[bytes]
    ) -> StreamCall[bytes]:
        """Open a tunnel.

        :param metadata: says what is served in it.
        :param requests: serialized ``BytesMessage``; what comes back is that, too.
        """
        return self._control.tunnel("Session", requests, tuple(metadata))

    def disk_usage(
        self, filters: Iterable[str] = (), timeout: float = _LONG
    ) -> tuple[control_pb2.UsageRecord, ...]:
        """Return what is in the daemon's cache.

        :param filters: in containerd's syntax; a record passes if one of them matches.
        :param timeout: seconds.
        :raises DaemonError: if the daemon does not answer, or does not understand a filter.
        """
        from okplug_buildkit.proto import control_pb2

        request = control_pb2.DiskUsageRequest(filter=filters)
        answer = self._ask("DiskUsage", request, control_pb2.DiskUsageResponse, timeout)
        return tuple(answer.record)

    def prune(self, request: control_pb2.PruneRequest) -> Iterator[control_pb2.UsageRecord]:
        """Remove from the daemon's cache, and yield what is removed.

        :raises DaemonError: if the daemon does not answer, or does not understand a filter.
        """
        from okplug_buildkit.proto import control_pb2

        with self._explained():
            yield from self._control.follow("Prune", request, control_pb2.UsageRecord)

    def builds(self, *, active_only: bool) -> tuple[control_pb2.BuildHistoryRecord, ...]:
        """Return the builds that the daemon knows of.

        :param active_only: those that run now.
        :raises DaemonError: if it does not answer, or is too old to know.
        """
        from okplug_buildkit.proto import control_pb2

        request = control_pb2.BuildHistoryRequest(active_only=active_only, early_exit=True)
        with self._explained():
            events = self._control.follow(
                "ListenBuildHistory", request, control_pb2.BuildHistoryEvent, _ATTEMPT
            )
            return tuple(event.record for event in events)

    def gateway(self, ref: str) -> Gateway:
        """Return what takes the frontend's place in a build that was started without one."""
        from okplug_buildkit.gateway import Gateway

        return Gateway(self._channel, ref, self._metadata)

    def explain(self, error: grpc.RpcError) -> DaemonError:
        """Return what to raise for a call that failed for the sake of the connection."""
        relay = self._route.relay
        return explain(
            error,
            Contact(
                self.address,
                was_made=self._has_answered,
                is_encrypted=self._route.tls is not None,
                failure=relay.failure() if relay is not None else None,
            ),
        )

    @contextmanager
    def _explained(self) -> Iterator[None]:
        import grpc

        try:
            yield
        except grpc.RpcError as error:
            raise self.explain(error) from error
        self._has_answered = True

    def _ask(self, method: str, request: Message, answer: type[_Answer], timeout: float) -> _Answer:
        with self._explained():
            return self._control.ask(method, request, answer, timeout)


def _platform(platform: llb_pb2.Platform) -> str:
    parts = (platform.os, platform.architecture, platform.variant)
    return "/".join(part for part in parts if part)
