"""A daemon that is played: gRPC's own server, with the answers that a test wants."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Self

import grpc  # noqa: TID253  # whoever imports this module plays a daemon

from okplug_buildkit.proto import control_pb2

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from google.protobuf.message import Message

CONTROL = "/moby.buildkit.v1.Control"

INFO = control_pb2.InfoResponse(
    buildkit_version=control_pb2.BuildkitVersion(
        package="played", version="v0.99.0", revision="abc", dockerfile_version="1.99"
    )
)


class FakeDaemon(grpc.GenericRpcHandler):
    """Answers by method; what it does not know is unimplemented.

    :param address: as gRPC's servers have it, such as ``unix:/path`` or ``127.0.0.1:0``.
    :param credentials: for TLS.
    """

    def __init__(self, address: str, credentials: grpc.ServerCredentials | None = None) -> None:
        self.answers: dict[str, Callable[[Iterator[bytes], grpc.ServicerContext], Any]] = {}
        self.metadata: list[dict[str, str | bytes]] = []
        self.calls: list[tuple[str, bytes]] = []
        self.changed = threading.Condition()
        self._server = grpc.server(
            ThreadPoolExecutor(8), handlers=[self], options=[("grpc.so_reuseport", 0)]
        )
        if credentials is None:
            self.port = self._server.add_insecure_port(address)
        else:
            self.port = self._server.add_secure_port(address, credentials)
        self.answer("Info", INFO)

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop(None).wait()

    def answer(self, method: str, *messages: Message, service: str = CONTROL) -> None:
        """Have a method answer with these messages, whatever it is asked."""
        serialized = [message.SerializeToString() for message in messages]

        def answer(requests: Iterator[bytes], _: grpc.ServicerContext) -> Iterator[bytes]:
            self.calls.extend((method, request) for request in requests)
            yield from serialized

        self.answers[f"{service}/{method}"] = answer

    def fail(self, method: str, code: grpc.StatusCode, details: str) -> None:
        """Have a method fail."""

        def answer(_: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
            yield from ()
            context.abort(code, details)

        self.answers[f"{CONTROL}/{method}"] = answer

    def service(
        self, handler_call_details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler[bytes, bytes] | None:
        """Return what answers; every call looks like a stream from here."""
        answer = self.answers.get(handler_call_details.method)
        self.metadata.append(dict(handler_call_details.invocation_metadata))
        return answer and grpc.stream_stream_rpc_method_handler(answer)
