"""One write of the content service: the daemon's messages as a stream that a store reads.

The daemon sends the next message when it has the answer to the one before. It first asks how much
of the blob is there, which is nothing, then sends pieces with their offsets, and ends with a
commit; only then has the stream its end.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from okplug_buildkit.proto import content_pb2
from okplug_buildkit.rpc import CallCancelled, Code, RpcError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

    from okplug_buildkit.attach.stores import Store
    from okplug_buildkit.rpc import Call


class _Restart(Exception):  # noqa: N818  # no error: the daemon begins anew
    """The daemon sends the blob again, from its beginning.

    :param message: the first of it.
    """

    def __init__(self, message: content_pb2.WriteContentRequest) -> None:
        super().__init__()
        self.message = message


class _Incoming(io.RawIOBase):
    """The bytes of a blob; reading them answers the daemon's messages.

    :param pending: a message that has been received and not been looked at.
    """

    def __init__(self, write: Write, pending: content_pb2.WriteContentRequest) -> None:
        super().__init__()
        self._write = write
        self._pending: content_pb2.WriteContentRequest | None = pending
        self._piece = memoryview(b"")
        self._position = 0
        self._is_complete = False

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Read bytes that are here, or wait for more."""
        while not self._piece and not self._is_complete:
            self._advance()
        view = memoryview(buffer)
        count = min(len(view), len(self._piece))
        view[:count] = self._piece[:count]
        self._piece = self._piece[count:]
        return count

    def _advance(self) -> None:
        message, self._pending = self._pending or self._write.next(), None
        if message.action == content_pb2.STAT:
            self._write.answer(message.action, self._position)
            return
        if message.offset != self._position and (message.data or message.offset):
            if message.offset == 0:
                raise _Restart(message)
            text = f"expected offset {self._position}, not {message.offset}"
            raise RpcError(Code.OUT_OF_RANGE, text)
        self._piece = memoryview(message.data)
        self._position += len(self._piece)
        if message.action == content_pb2.COMMIT:
            self._is_complete = True
        else:
            self._write.answer(message.action, self._position)


class Write:
    """One call of the method."""

    def __init__(self, call: Call, store: Store) -> None:
        self._call = call
        self._store = store
        self._ref = self._expected = ""
        self._total = 0

    def run(self) -> None:
        """Serve the call to its end.

        :raises RpcError: with ALREADY_EXISTS, most of the time, which is no failure.
        """
        message = self.next()
        if not self._ref:
            raise RpcError(Code.INVALID_ARGUMENT, "a write without ref")
        if self._expected and self._store.has(self._ref, self._expected):
            raise RpcError(Code.ALREADY_EXISTS, f"content {self._expected}: already exists")
        digest, size = self._store_blob(message)
        if self._total and size != self._total:
            raise _mismatch(self._ref, f"size {size}, not {self._total}")
        if self._expected and digest != self._expected:
            raise _mismatch(self._ref, f"digest {digest}, not {self._expected}")
        self.answer(content_pb2.COMMIT, size, digest)

    def _store_blob(self, message: content_pb2.WriteContentRequest) -> tuple[str, int]:
        while True:
            try:
                return self._store.write(self._ref, io.BufferedReader(_Incoming(self, message)))
            except _Restart as restart:
                message = restart.message

    def next(self) -> content_pb2.WriteContentRequest:
        """Wait for the next message.

        :raises CallCancelled: if the daemon sends no more, though it has not committed.
        """
        data = self._call.receive()
        if data is None:
            raise CallCancelled
        message = content_pb2.WriteContentRequest.FromString(data)
        self._ref = message.ref or self._ref
        self._expected = message.expected or self._expected
        self._total = message.total or self._total
        return message

    def answer(self, action: int, offset: int, digest: str = "") -> None:
        """Tell the daemon how far the blob has come."""
        response = content_pb2.WriteContentResponse(
            action=content_pb2.WriteAction.Name(action),
            offset=offset,
            total=self._total,
            digest=digest,
        )
        response.updated_at.GetCurrentTime()
        response.started_at.CopyFrom(response.updated_at)
        self._call.send([response.SerializeToString()])


def _mismatch(ref: str, problem: str) -> RpcError:
    return RpcError(Code.FAILED_PRECONDITION, f"{ref} came with {problem}")
