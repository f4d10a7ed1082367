"""Calls that we make of a daemon."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

    import grpc
    from google.protobuf.message import Message

Answer_co = TypeVar("Answer_co", covariant=True)
Metadata: TypeAlias = tuple[tuple[str, str | bytes], ...]
_M = TypeVar("_M", bound="Message")


class UnaryCall(Protocol[Answer_co]):
    """A call with one answer; an error of it is a ``grpc.RpcError`` that is a call, too."""

    def result(self, timeout: float | None = None) -> Answer_co:
        """Wait for the answer.

        :param timeout: seconds.
        :raises grpc.RpcError: if the daemon refuses, or cannot be reached.
        :raises grpc.FutureTimeoutError: if it takes longer.
        :raises grpc.FutureCancelledError: after ``cancel``.
        """

    def done(self) -> bool:
        """Tell whether it has ended, one way or another."""

    def cancel(self) -> bool:
        """Have the daemon stop; safe at any time."""

    def code(self) -> grpc.StatusCode:
        """Wait for the end, and return its status."""


class StreamCall(Protocol[Answer_co]):
    """A call with many answers, which come by iterating over it."""

    def __iter__(self) -> Iterator[Answer_co]: ...

    def __next__(self) -> Answer_co: ...

    def cancel(self) -> bool:
        """Have the daemon stop; iterating then raises ``grpc.RpcError``."""

    def code(self) -> grpc.StatusCode:
        """Wait for the end, and return its status."""


class Service:
    """The methods of one service of a daemon.

    What fails raises ``grpc.RpcError``.

    :param name: such as ``moby.buildkit.v1.Control``.
    :param metadata: goes with every call; its keys are lower-case.
    """

    def __init__(self, channel: grpc.Channel, name: str, metadata: Metadata) -> None:
        self._channel = channel
        self._name = name
        self._metadata = metadata

    def ask(
        self, method: str, request: Message, answer: type[_M], timeout: float | None = None
    ) -> _M:
        """Make a call and wait for its answer.

        :param timeout: seconds, None for as long as it takes.
        """
        return self._unary(method, answer)(request, timeout=timeout, metadata=self._metadata)

    def start(self, method: str, request: Message, answer: type[_M]) -> UnaryCall[_M]:
        """Make a call that has one answer, and return at once."""
        return self._unary(method, answer).future(request, metadata=self._metadata)

    def follow(
        self, method: str, request: Message, answer: type[_M], timeout: float | None = None
    ) -> StreamCall[_M]:
        """Make a call that has many answers, and return at once.

        :param timeout: seconds for all of them, None for as long as it takes.
        """
        stream = self._channel.unary_stream(
            f"/{self._name}/{method}",
            request_serializer=_serialize,
            response_deserializer=answer.FromString,
        )
        return stream(request, timeout=timeout, metadata=self._metadata)

    def tunnel(
        self, method: str, requests: Iterator[bytes], metadata: Metadata
    ) -> StreamCall[bytes]:
        """Make a call of messages that are already serialized, both ways, and return at once."""
        stream: grpc.StreamStreamMultiCallable[bytes, bytes] = self._channel.stream_stream(
            f"/{self._name}/{method}"
        )
        return stream(requests, metadata=(*metadata, *self._metadata))

    def _unary(self, method: str, answer: type[_M]) -> grpc.UnaryUnaryMultiCallable[Message, _M]:
        return self._channel.unary_unary(
            f"/{self._name}/{method}",
            request_serializer=_serialize,
            response_deserializer=answer.FromString,
        )


def _serialize(message: Message) -> bytes:
    return message.SerializeToString()
