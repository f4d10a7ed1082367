"""Stores of blobs for the daemon, containerd.services.content.v1.Content.

Metadata of each call names the store: ``oci:NAME`` for a named context ``oci-layout://NAME@...``,
``local:PATH`` for a local cache, ``export`` for an exporter with ``tar=false``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from okplug_buildkit.attach.writes import Write
from okplug_buildkit.proto import content_pb2
from okplug_buildkit.rpc import Code, RpcError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from okplug_buildkit.attach.stores import Store
    from okplug_buildkit.rpc import Call, Handler

_SERVICE = "/containerd.services.content.v1.Content"
_STORE = "buildkit-attachable-store-id"


def handlers(stores: Mapping[str, Store]) -> dict[str, Handler]:
    """Return the handlers of the service.

    :param stores: by the id that the daemon asks for.
    """
    service = _Service(stores)
    methods: dict[str, Handler] = {
        "Info": service.info,
        "Read": service.read,
        "Write": service.write,
        "Status": service.status,
        "ListStatuses": service.list_statuses,
        "Abort": service.abort,
    }
    return {f"{_SERVICE}/{name}": handler for name, handler in methods.items()}


class _Service:
    """The methods; one whose call names no store that there is fails."""

    def __init__(self, stores: Mapping[str, Store]) -> None:
        self._stores = dict(stores)

    def info(self, call: Call) -> None:
        store = self._store(call)
        digest = content_pb2.InfoRequest.FromString(_request(call)).digest
        info = content_pb2.Info(digest=digest, size=_size(store, digest))
        call.send([content_pb2.InfoResponse(info=info).SerializeToString()])

    def read(self, call: Call) -> None:
        store = self._store(call)
        request = content_pb2.ReadContentRequest.FromString(_request(call))
        left = _size(store, request.digest) - request.offset
        if request.offset < 0 or left < 0:
            raise RpcError(
                Code.OUT_OF_RANGE, f"offset {request.offset} of {request.digest} is beyond its end"
            )
        position = 0
        size = min(request.size, left) if request.size > 0 else left
        for data in store.read(request.digest, request.offset, size):
            response = content_pb2.ReadContentResponse(offset=position, data=data)
            call.send([response.SerializeToString()])
            position += len(data)

    def write(self, call: Call) -> None:
        Write(call, self._store(call)).run()

    def status(self, call: Call) -> None:
        """Find nothing: a write that was broken off begins anew."""
        ref = content_pb2.StatusRequest.FromString(_request(call)).ref
        raise RpcError(Code.NOT_FOUND, f"no write of {ref} is under way")

    def list_statuses(self, call: Call) -> None:
        _request(call)
        call.send([content_pb2.ListStatusesResponse().SerializeToString()])

    def abort(self, call: Call) -> None:
        """Do nothing: what was not committed is not there."""
        _request(call)
        call.send([content_pb2.Empty().SerializeToString()])

    def _store(self, call: Call) -> Store:
        key = next(iter(call.metadata(_STORE)), "")
        store = self._stores.get(key)
        if store is None:
            raise RpcError(Code.NOT_FOUND, f"there is no store {key!r}")
        return store


def _size(store: Store, digest: str) -> int:
    size = store.size(digest)
    if size is None:
        raise RpcError(Code.NOT_FOUND, f"content {digest}: not found")
    return size


def _request(call: Call) -> bytes:
    data = call.receive()
    if data is None:
        raise RpcError(Code.INTERNAL, "expected a request, which did not come")
    return data
