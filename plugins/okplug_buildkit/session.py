"""A session: what the daemon may ask of us while it builds, over a call that we make.

The daemon is the client of an HTTP/2 connection whose bytes are the messages of that call.
"""

from __future__ import annotations

import secrets
import string
import threading
from typing import TYPE_CHECKING, Protocol, Self

from okplug_buildkit.http2.connection import Connection
from okplug_buildkit.messages import unwrap, wrap
from okplug_buildkit.rpc import Code, RpcError
from okplug_buildkit.serving import Server, StreamCall

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import TracebackType

    from okplug_buildkit.http2.streams import Stream
    from okplug_buildkit.rpc import Call, Handler

HEALTH = "/grpc.health.v1.Health/Check"

_DIGITS = string.digits + string.ascii_lowercase
#: bytes of an outer message: with fewer of them each GiB takes longer, with more it does not
_LARGEST_SLICE = 1 << 20
#: seconds for the daemon to see that the session is over, and for a handler to see it
_PATIENCE = 2.0
#: the same where nobody cares any more for what the daemon says
_PATIENCE_IN_A_HURRY = 0.2
_SERVING = b"\x08\x01"  # a HealthCheckResponse


class SessionCall(Protocol):
    """The running outer call, whose responses are serialized messages."""

    def __iter__(self) -> Iterator[bytes]:
        """Return what waits for one response after the other."""

    def cancel(self) -> bool:
        """End it at once."""


class SessionOpener(Protocol):
    """A daemon, as far as a session knows it."""

    def session(
        self, metadata: Sequence[tuple[str, str]], requests: Iterator[bytes]
    ) -> SessionCall:
        """Start the outer call; both directions carry serialized messages."""


class Session:
    """Serves the daemon from ``open`` to ``close``; a context manager.

    :param handlers: by the path of their method.
    :param shared_key: sessions with the same one share what the daemon keeps of their files.
    """

    def __init__(
        self, daemon: SessionOpener, handlers: Mapping[str, Handler], *, shared_key: str = ""
    ) -> None:
        self.id = "".join(secrets.choice(_DIGITS) for _ in range(25))
        self._daemon = daemon
        self._handlers = {**handlers, HEALTH: _serve_health}
        self._shared_key = shared_key
        name = f"okplug session {self.id[:6]}"
        self._server = Server(self._handlers, name)
        self._connection = Connection(self._serve)
        self._reader = threading.Thread(target=self._read, name=name, daemon=True)
        self._call: SessionCall | None = None
        self._patience = _PATIENCE

    @property
    def errors(self) -> list[BaseException]:
        """What handlers raised that was neither a refusal nor a cancelled call, in order.

        The daemon may fail a little before the last of them is here; after ``close`` all are.
        """
        return self._server.errors

    @property
    def is_lost(self) -> bool:
        """Whether the session ended before it was closed."""
        return self._connection.failure is not None

    @property
    def failure(self) -> str:
        """Why the session was lost, empty if it was not."""
        return self._connection.failure or ""

    def open(self) -> None:
        """Start to serve; the daemon waits by itself for a session that it needs."""
        self._call = self._daemon.session(self._metadata(), self._requests())
        self._reader.start()

    def hurry(self) -> None:
        """Have ``close`` not wait for a daemon that may hang."""
        self._patience = _PATIENCE_IN_A_HURRY

    def close(self) -> None:
        """Stop to serve; whoever serves is told, and has ended when this returns."""
        self._connection.close()
        if self._call is None:
            return
        if threading.current_thread() is not self._reader:
            self._reader.join(self._patience)
            self._call.cancel()
            self._reader.join(_PATIENCE)
        self._server.join(_PATIENCE)

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _metadata(self) -> list[tuple[str, str]]:
        methods = [("x-docker-expose-session-grpc-method", method) for method in self._handlers]
        return [
            ("x-docker-expose-session-uuid", self.id),
            ("x-docker-expose-session-sharedkey", self._shared_key),
            *methods,
        ]

    def _requests(self) -> Iterator[bytes]:
        while (parts := self._connection.take(_LARGEST_SLICE)) is not None:
            yield wrap(parts)

    def _read(self) -> None:
        assert self._call is not None
        try:
            for message in self._call:
                self._connection.feed(unwrap(message))
        except Exception as error:  # noqa: BLE001  # whatever it was, the session is over
            self._connection.lose(f"the session was cut off: {_details(error)}")
        else:
            self._connection.lose("the daemon ended the session")

    def _serve(self, stream: Stream) -> None:
        self._server.serve(StreamCall(self._connection, stream))


def _details(error: Exception) -> str:
    """Return what is wrong in one line; errors of gRPC keep it in a method."""
    details = getattr(error, "details", None)
    text = details() if callable(details) else str(error)
    return " ".join(str(text).split()) or type(error).__name__


def _serve_health(call: Call) -> None:
    """Say that all is well; the daemon asks every five seconds, and leaves who does not answer."""
    if call.receive() is None:
        raise RpcError(Code.INTERNAL, "expected a request, which did not come")
    call.send([_SERVING])
