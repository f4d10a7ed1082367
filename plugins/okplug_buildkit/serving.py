"""gRPC over HTTP/2: each request becomes a call, which its handler serves in its own thread."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING
from urllib.parse import quote

from okplug_buildkit.http2.connection import StreamResetError
from okplug_buildkit.messages import MessageReader, pack
from okplug_buildkit.rpc import CallCancelled, Code, RpcError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from okplug_buildkit.http2.connection import Connection
    from okplug_buildkit.http2.streams import Stream
    from okplug_buildkit.rpc import Handler, Message

_HEADERS = ((":status", "200"), ("content-type", "application/grpc"))
#: what gRPC leaves as it is in a message: printable ASCII but the percent sign
_PLAIN = "".join(chr(code) for code in range(0x20, 0x7F) if code != ord("%"))
#: characters of a message; with all of them escaped it fits into one frame
_LONGEST = 1000


class StreamCall:
    """A call that a stream carries; a ``Call``."""

    def __init__(self, connection: Connection, stream: Stream) -> None:
        self.method = next((value for name, value in stream.headers if name == ":path"), "")
        self._connection = connection
        self._stream = stream
        self._messages = MessageReader()
        self._has_headers = False

    def metadata(self, key: str) -> list[str]:
        """Return all values of a lower-case key, none if it was not sent."""
        return [value for name, value in self._stream.headers if name == key]

    def receive(self) -> bytes | None:
        """Wait for the next message; None after the last.

        :raises CallCancelled: as soon as nobody waits for the answer.
        :raises RpcError: if the message is compressed, too large or cut off.
        """
        while (message := self._next()) is None:
            pieces = self._read(wait=True)
            if not pieces:
                if self._messages.is_between:
                    return None
                raise RpcError(Code.INTERNAL, "expected the rest of a message")
            self._messages.feed(pieces)
        return message

    def receive_nowait(self) -> bytes | None:
        """Return a message that is already here, None if there is none.

        :raises CallCancelled: as soon as nobody waits for the answer.
        :raises RpcError: if the message is compressed or too large.
        """
        message = self._next()
        if message is None:
            self._messages.feed(self._read(wait=False))
            message = self._messages.next()
        return message

    def _next(self) -> bytes | None:
        if self._stream.is_reset:
            raise CallCancelled
        return self._messages.next()

    def _read(self, *, wait: bool) -> list[memoryview]:
        try:
            return self._connection.read(self._stream, wait=wait)
        except StreamResetError:
            raise CallCancelled from None

    def send(self, messages: Sequence[Message]) -> None:
        """Send messages, in as few frames as possible.

        :raises CallCancelled: as soon as nobody waits for the answer.
        """
        try:
            self._send_headers()
            self._connection.write(self._stream, pack(messages))
        except StreamResetError:
            raise CallCancelled from None

    def finish(self, code: Code, message: str) -> None:
        """Send the status, after which nothing can be sent.

        :raises CallCancelled: if nobody waits for the answer.
        """
        status = [("grpc-status", str(int(code)))]
        if message:
            text = message[:_LONGEST].encode("utf-8", "replace")
            status.append(("grpc-message", quote(text, safe=_PLAIN)))
        try:
            self._send_headers()
            self._connection.write_headers(self._stream, status, is_last=True)
        except StreamResetError:
            raise CallCancelled from None

    def _send_headers(self) -> None:
        if not self._has_headers:
            self._has_headers = True
            self._connection.write_headers(self._stream, _HEADERS, is_last=False)


class Server:
    """The handlers, and the threads in which they run.

    :param name: of the threads.
    """

    def __init__(self, handlers: Mapping[str, Handler], name: str) -> None:
        self.errors: list[BaseException] = []  # of handlers, but for refusals and cancelled calls
        self._handlers = {method.lower(): handler for method, handler in handlers.items()}
        self._name = name
        self._lock = threading.Lock()
        self._threads: set[threading.Thread] = set()

    def serve(self, call: StreamCall) -> None:
        """Start to serve a call."""
        thread = threading.Thread(target=self._run, args=(call,), name=self._name, daemon=True)
        with self._lock:
            thread.start()
            self._threads.add(thread)

    def join(self, timeout: float) -> None:
        """Wait until nothing is served, but for the thread that waits.

        :param timeout: seconds in all.
        """
        deadline = time.monotonic() + timeout
        with self._lock:
            threads = self._threads - {threading.current_thread()}
        for thread in threads:
            thread.join(max(0, deadline - time.monotonic()))

    def _run(self, call: StreamCall) -> None:
        try:
            code, message = self._status(call)
            call.finish(code, message)
        except CallCancelled:
            pass  # nobody is there to be told
        finally:
            with self._lock:
                self._threads.discard(threading.current_thread())

    def _status(self, call: StreamCall) -> tuple[Code, str]:
        handler = self._handlers.get(call.method.lower())
        if handler is None:
            return Code.UNIMPLEMENTED, f"unknown method {call.method}"
        try:
            handler(call)
        except RpcError as error:
            return error.code, error.message
        except CallCancelled:
            raise
        except Exception as error:  # noqa: BLE001  # its call fails; the session serves others
            self.errors.append(error)
            return Code.INTERNAL, "internal error"
        return Code.OK, ""
