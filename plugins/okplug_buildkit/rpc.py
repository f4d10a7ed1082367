"""What the services of a session are written against: calls, handlers, status codes.

A handler serves one call and knows nothing of what carries it; ``serving`` runs it.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias, TypeVar

Part: TypeAlias = bytes | memoryview
#: one message, whole or in parts, which must not change any more once they are sent
Message: TypeAlias = Part | Sequence[Part]

Request = TypeVar("Request")
Response = TypeVar("Response")


class Code(enum.IntEnum):
    """The status codes of gRPC."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


class RpcError(Exception):
    """The answer to a call is a failure, which the daemon is told.

    :param message: what it is told; nothing secret.
    """

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class CallCancelled(Exception):  # noqa: N818  # it is nobody's error
    """The daemon wants no answer any more, or cannot be reached."""


class Call(Protocol):
    """One call that the daemon makes.

    One thread may receive while another one sends.
    """

    method: str  # /package.Service/Method

    def metadata(self, key: str) -> list[str]:
        """Return all values of a lower-case key, none if it was not sent.

        Bytes that are not UTF-8 are escaped as in file names.
        """

    def receive(self) -> bytes | None:
        """Wait for the next message; None after the last.

        :raises CallCancelled: as soon as nobody waits for the answer.
        :raises RpcError: if the message is compressed or too large.
        """

    def receive_nowait(self) -> bytes | None:
        """Return a message that is already here, None if there is none.

        :raises CallCancelled: as soon as nobody waits for the answer.
        :raises RpcError: if the message is compressed or too large.
        """

    def send(self, messages: Sequence[Message]) -> None:
        """Send messages, which costs the less the more of them come at once.

        It waits while the daemon takes nothing.

        :raises CallCancelled: as soon as nobody waits for the answer.
        """


#: serves one call in a thread of its own; to return is to say OK
Handler: TypeAlias = Callable[[Call], None]


def unary(
    decode: Callable[[bytes], Request],
    function: Callable[[Request], Response],
    encode: Callable[[Response], bytes],
) -> Handler:
    """Return the handler of a method that answers one request by one response.

    :param function: may raise ``RpcError``.
    """

    def handle(call: Call) -> None:
        data = call.receive()
        if data is None:
            raise RpcError(Code.INTERNAL, "expected a request, which did not come")
        call.send([encode(function(decode(data)))])

    return handle
