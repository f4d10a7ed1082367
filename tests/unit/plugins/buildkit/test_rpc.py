"""Handlers of one request and one response."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from okplug_buildkit.rpc import Code, RpcError, unary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from okplug_buildkit.rpc import Message


class Recorded:
    """A call whose requests are given."""

    method = "/s/m"

    def __init__(self, *requests: bytes) -> None:
        self.requests = list(requests)
        self.sent: list[Message] = []

    def metadata(self, key: str) -> list[str]:
        """Return nothing."""
        assert key.islower()
        return []

    def receive(self) -> bytes | None:
        """Return the next request."""
        return self.requests.pop(0) if self.requests else None

    def receive_nowait(self) -> bytes | None:
        """Return the next request."""
        return self.receive()

    def send(self, messages: Sequence[Message]) -> None:
        """Keep what is sent."""
        self.sent += messages


def test_codes_have_the_numbers_of_grpc() -> None:
    assert [code.value for code in Code] == list(range(17))
    assert (Code.NOT_FOUND, Code.UNIMPLEMENTED, Code.UNAUTHENTICATED) == (5, 12, 16)


def test_an_error_has_its_parts() -> None:
    error = RpcError(Code.NOT_FOUND, "no secret x")
    assert (error.code, error.message, str(error)) == (Code.NOT_FOUND, "no secret x", "no secret x")


def test_a_request_is_answered() -> None:
    call = Recorded(b"21")
    unary(int, lambda number: number * 2, lambda number: b"%d" % number)(call)
    assert call.sent == [b"42"]


def test_only_the_first_request_counts() -> None:
    call = Recorded(b"1", b"2")
    unary(int, lambda number: number, lambda number: b"%d" % number)(call)
    assert call.sent == [b"1"]


def test_a_request_is_needed() -> None:
    call = Recorded()
    with pytest.raises(RpcError, match="expected a request") as caught:
        unary(bytes, bytes, bytes)(call)
    assert caught.value.code is Code.INTERNAL
    assert call.sent == []


def test_a_refusal_passes() -> None:
    def refuse(_request: bytes) -> bytes:
        raise RpcError(Code.PERMISSION_DENIED, "no")

    call = Recorded(b"")
    with pytest.raises(RpcError) as caught:
        unary(bytes, refuse, bytes)(call)
    assert caught.value.code is Code.PERMISSION_DENIED
    assert call.sent == []
