"""Streams that the daemon fetches."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from okplug_buildkit.attach import upload
from okplug_buildkit.proto import filesync_pb2
from okplug_buildkit.rpc import CallCancelled, Code, RpcError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from okplug_buildkit.rpc import Handler
    from tests.unit.plugins.buildkit.attach.conftest import FakeCall

PULL = "/moby.upload.v1.Upload/Pull"


@pytest.fixture
def pull(make_call: Callable[..., FakeCall]) -> Callable[[Mapping[str, Handler], str], list[bytes]]:
    """Return what fetches a stream and returns its pieces."""

    def pull(handlers: Mapping[str, Handler], key: str) -> list[bytes]:
        call = make_call(metadata={"urlpath": [f"/{key}"], "urlhost": ["buildkit-session"]})
        call.run(handlers[PULL])
        return [message.data for message in call.answers(filesync_pb2.BytesMessage.FromString)]

    return pull


@pytest.mark.parametrize("size", [0, 1, 1 << 20, (1 << 20) + 1, 3 << 20])
def test_a_stream_comes_whole(pull: Callable[..., list[bytes]], size: int) -> None:
    data = bytes(index % 251 for index in range(1021)) * (size // 1021 + 1)
    stream = io.BytesIO(data[:size])
    pieces = pull(upload.handlers({"c": stream}), "c")
    assert b"".join(pieces) == data[:size]
    assert all(0 < len(piece) <= 1 << 20 for piece in pieces)
    assert stream.closed


def test_each_stream_is_fetched_once(pull: Callable[..., list[bytes]]) -> None:
    handlers = upload.handlers({"a": io.BytesIO(b"1"), "b": io.BytesIO(b"2")})
    assert pull(handlers, "b") == [b"2"]
    with pytest.raises(
        RpcError, match=r"^there is no upload b, or it was fetched before$"
    ) as caught:
        pull(handlers, "b")
    assert caught.value.code == Code.NOT_FOUND
    assert pull(handlers, "a") == [b"1"]


def test_what_nobody_offers_is_not_there(pull: Callable[..., list[bytes]]) -> None:
    with pytest.raises(RpcError, match=r"there is no upload x"):
        pull(upload.handlers({}), "x")


def test_a_call_that_is_cancelled_closes_its_stream(make_call: Callable[..., FakeCall]) -> None:
    stream = io.BytesIO(b"1")
    call = make_call(metadata={"urlpath": ["/c"]})
    call.cancel()
    with pytest.raises(CallCancelled):
        call.run(upload.handlers({"c": stream})[PULL])
    assert stream.closed


def test_the_address_is_what_the_frontend_knows_as_an_upload() -> None:
    assert upload.ADDRESS == "http://buildkit-session/"
