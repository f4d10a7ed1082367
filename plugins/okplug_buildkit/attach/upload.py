"""Streams that the daemon fetches once, moby.upload.v1.Upload, such as a context in an archive."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, BinaryIO

from okplug_buildkit.proto import filesync_pb2
from okplug_buildkit.rpc import Code, RpcError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from okplug_buildkit.rpc import Call, Handler

#: what the address of a stream begins with, as value of the frontend attribute ``context``
ADDRESS = "http://buildkit-session/"
_PIECE = 1024 * 1024


def handlers(streams: Mapping[str, BinaryIO]) -> dict[str, Handler]:
    """Return the handlers of the service.

    :param streams: id -> stream, whose address is ``ADDRESS`` and the id; it is read and closed by
        the first call that asks for it.
    """
    left = dict(streams)
    lock = threading.Lock()

    def pull(call: Call) -> None:
        key = next(iter(call.metadata("urlpath")), "").removeprefix("/")
        with lock:
            stream = left.pop(key, None)
        if stream is None:
            raise RpcError(Code.NOT_FOUND, f"there is no upload {key}, or it was fetched before")
        with stream:
            while data := stream.read(_PIECE):
                call.send([filesync_pb2.BytesMessage(data=data).SerializeToString()])

    return {"/moby.upload.v1.Upload/Pull": pull}
