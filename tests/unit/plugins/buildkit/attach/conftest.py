"""Calls as a daemon makes them, without a daemon."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, TypeVar

import pytest

from okplug_buildkit.rpc import CallCancelled, Handler, Message

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Answer = TypeVar("Answer")


class FakeCall:
    """One call: what the daemon sends is put into it, what it gets is taken out of it."""

    def __init__(
        self, method: str = "", metadata: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        self.method = method
        self.sent: queue.Queue[bytes] = queue.Queue()
        self._metadata = dict(metadata or {})
        self._received: queue.Queue[bytes | None] = queue.Queue()
        self._is_over = threading.Event()

    def put(self, *messages: bytes | None) -> FakeCall:
        """Have the daemon send messages; None is the end."""
        for message in messages:
            self._received.put(message)
        return self

    def cancel(self) -> None:
        """Have the daemon lose its interest."""
        self._is_over.set()

    def metadata(self, key: str) -> list[str]:
        """Return what the daemon said."""
        return list(self._metadata.get(key, ()))

    def receive(self) -> bytes | None:
        """Wait for a message."""
        while not self._is_over.is_set():
            try:
                return self._received.get(timeout=0.02)
            except queue.Empty:
                continue
        raise CallCancelled

    def receive_nowait(self) -> bytes | None:
        """Return a message that is there."""
        try:
            return self._received.get_nowait()
        except queue.Empty:
            return None

    def send(self, messages: Sequence[Message]) -> None:
        """Keep what the daemon gets."""
        if self._is_over.is_set():
            raise CallCancelled
        for message in messages:
            parts = [message] if isinstance(message, bytes | memoryview) else message
            self.sent.put(b"".join(parts))

    def answers(self, decode: Callable[[bytes], Answer]) -> list[Answer]:
        """Return all that the daemon got."""
        return [decode(self.sent.get()) for _ in range(self.sent.qsize())]

    def run(self, handler: Handler) -> None:
        """Serve the call, after which nobody waits for its answer."""
        try:
            handler(self)
        finally:
            self.cancel()


def _ask(
    handler: Handler, request: bytes, metadata: Mapping[str, Sequence[str]] | None = None
) -> bytes:
    call = FakeCall(metadata=metadata).put(request, None)
    call.run(handler)
    (answer,) = call.answers(bytes)
    return answer


@pytest.fixture
def make_call() -> Callable[..., FakeCall]:
    """Return what makes calls."""
    return FakeCall


@pytest.fixture
def ask() -> Callable[..., bytes]:
    """Return what makes a call with one request and returns its one answer."""
    return _ask
