"""Blobs of a repository: whether they are there, reading, mounting."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, BinaryIO, cast

from okplug import RegistryError
from okplug_registry.failures import StatusError
from okplug_registry.server import DELETE, PUSH, Call
from okplug_registry.transport import finish
from okplug_registry.verified import PIECE, VerifiedStream

if TYPE_CHECKING:
    import urllib3

    from okplug_registry.server import Server

_OK, _CREATED, _ACCEPTED, _PARTIAL, _NO_CONTENT, _NOT_FOUND = 200, 201, 202, 206, 204, 404
_NOT_ALLOWED = (401, 403, 405)
#: the registry knows where the blob is, so that it is there
_ELSEWHERE = (301, 302, 303, 307, 308)


def has_blob(server: Server, repository: str, digest: str) -> bool:
    """Tell whether the repository holds the blob."""
    call = Call("HEAD", repository, f"blobs/{digest}", f"look for {digest}", is_followed=False)
    response = server.call(call, _OK, _NOT_FOUND, *_ELSEWHERE)
    finish(response)
    return response.status != _NOT_FOUND


def open_blob(server: Server, repository: str, digest: str) -> BinaryIO:
    """Open a blob; the read that reaches its end verifies it.

    :raises RegistryError: if it is not there.
    """
    place = f"{server.address.host}/{repository}"

    def ask(start: int) -> urllib3.BaseHTTPResponse:
        headers = {"Range": f"bytes={start}-"} if start else {}
        call = Call(
            "GET",
            repository,
            f"blobs/{digest}",
            f"read {digest}",
            headers=headers,
            is_streamed=True,
        )
        return server.call(call, _OK, _PARTIAL)

    try:
        stream = VerifiedStream(place, digest, ask)
    except StatusError as error:
        if error.status != _NOT_FOUND:
            raise
        raise RegistryError(f"{place} has no blob {digest}", hint="build it again") from None
    except ValueError as error:
        raise RegistryError(f"{digest:.80} is no digest that can be verified") from error
    return cast("BinaryIO", io.BufferedReader(stream, PIECE))


def mount_blob(server: Server, source: str, target: str, digest: str) -> bool:
    """Make a blob of one repository part of another; False if the registry does not do that."""
    call = Call(
        "POST",
        target,
        f"blobs/uploads/?mount={digest}&from={source}",
        f"mount {digest} of {source}",
        rights=PUSH,
        also=source,
    )
    try:
        response = server.call(call, _CREATED, _ACCEPTED)
    except StatusError as error:
        if error.status in {400, 404, 405}:
            return has_blob(server, target, digest)
        raise
    finish(response)
    if response.status == _CREATED:
        return True
    cancel_upload(server, target, server.location(response, call))
    return has_blob(server, target, digest)


def can_upload(server: Server, repository: str) -> bool:
    """Tell whether the registry lets the user begin an upload; none is left behind.

    :raises RegistryError: if it cannot be asked.
    """
    call = Call("POST", repository, "blobs/uploads/", "begin an upload", rights=PUSH)
    try:
        response = server.call(call, _ACCEPTED, _CREATED)
    except StatusError as error:
        if error.status in _NOT_ALLOWED:
            return False
        raise
    finish(response)
    cancel_upload(server, repository, server.location(response, call))
    return True


def cancel_upload(server: Server, repository: str, location: str) -> None:
    """End an upload that is not wanted; registries end those that are left alone by themselves."""
    if not location:
        return
    call = Call(
        "DELETE", repository, location, "cancel an upload", rights=DELETE, is_repeatable=False
    )
    try:
        finish(server.call(call, _OK, _ACCEPTED, _NO_CONTENT))
    except RegistryError:
        return
