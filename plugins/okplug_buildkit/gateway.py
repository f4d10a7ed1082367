"""What takes the frontend's place in a build: how a Dockerfile is asked about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from okplug_buildkit.calls import Service
from okplug_buildkit.proto import gateway_pb2

if TYPE_CHECKING:
    import grpc

    from okplug_buildkit.calls import Metadata

_SERVICE = "moby.buildkit.v1.frontend.LLBBridge"
_BUILD = "buildkit-controlapi-buildid"


class Gateway:
    """The frontend's side of one build, which has been started without a frontend.

    What fails raises ``grpc.RpcError``.

    :param ref: of the build.
    """

    def __init__(self, channel: grpc.Channel, ref: str, metadata: Metadata) -> None:
        self._service = Service(channel, _SERVICE, (*metadata, (_BUILD, ref)))

    def ping(self, timeout: float | None = None) -> gateway_pb2.PongResponse:
        """Wait for the build to be there, and return what the daemon is able to.

        :param timeout: seconds, None for as long as the daemon waits.
        """
        return self._service.ask(
            "Ping", gateway_pb2.PingRequest(), gateway_pb2.PongResponse, timeout
        )

    def solve(
        self, request: gateway_pb2.SolveRequest, timeout: float | None = None
    ) -> gateway_pb2.SolveResponse:
        """Run a frontend or a definition.

        :param timeout: seconds, None for as long as it takes.
        """
        return self._service.ask("Solve", request, gateway_pb2.SolveResponse, timeout)

    def return_(
        self, request: gateway_pb2.ReturnRequest, timeout: float | None = None
    ) -> gateway_pb2.ReturnResponse:
        """Say what became of it, which lets the build go on to its exports.

        :param timeout: seconds, None for as long as it takes.
        """
        return self._service.ask("Return", request, gateway_pb2.ReturnResponse, timeout)
