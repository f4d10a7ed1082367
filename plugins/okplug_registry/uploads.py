"""Uploads of blobs: in one request, or in chunks from where a broken one left off.

A blob is spooled before it is sent unless it can be read twice, since some registries can only
start over when a connection breaks.
"""

from __future__ import annotations

import hashlib
import random
import re
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, BinaryIO, cast

from okplug import RegistryError
from okplug_registry.blobs import cancel_upload, has_blob
from okplug_registry.failures import StatusError, UnreachableError
from okplug_registry.server import PUSH, Call
from okplug_registry.transport import LONGEST_WAIT, TRANSIENT, finish
from okplug_registry.verified import PIECE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import urllib3

    from okplug_registry.server import Server

#: bytes of a chunk, unless the registry wants larger ones
CHUNK = 8 * 1024 * 1024

_CREATED, _ACCEPTED, _NO_CONTENT = 201, 202, 204
_TOO_LARGE = 413
_MOST_FAILURES = 5  # in a row, without a byte more being there
_LARGEST_IN_MEMORY = 16 * 1024 * 1024
_RANGE = re.compile(r"(?:bytes=)?0-(\d+)")


@dataclass(frozen=True, slots=True)
class Content:
    """A blob that can be read from any place, as often as need be.

    :param start: where it begins in *file*.
    """

    file: BinaryIO
    start: int
    size: int
    digest: str

    def pieces(self, begin: int, end: int) -> Iterator[bytes]:
        """Yield the bytes from one offset to another.

        :raises RegistryError: if the file has become shorter.
        """
        self.file.seek(self.start + begin)
        while begin < end:
            piece = self.file.read(min(PIECE, end - begin))
            if not piece:
                raise RegistryError(f"{self.digest} became shorter while it was sent")
            begin += len(piece)
            yield piece


@contextmanager
def spooled(data: BinaryIO) -> Iterator[Content]:
    """Give what *data* yields from where it is, with its digest and size."""
    if data.seekable():
        start = data.tell()
        yield _measured(data, start, None)
        return
    with tempfile.SpooledTemporaryFile(_LARGEST_IN_MEMORY) as file:
        yield _measured(data, 0, cast("BinaryIO", file))


def _measured(data: BinaryIO, start: int, copy: BinaryIO | None) -> Content:
    """Read to the end, and write a copy if one is wanted."""
    sha256 = hashlib.sha256()
    size = 0
    while piece := data.read(PIECE):
        sha256.update(piece)
        size += len(piece)
        if copy is not None:
            copy.write(piece)
    return Content(data if copy is None else copy, start, size, f"sha256:{sha256.hexdigest()}")


def upload(server: Server, repository: str, content: Content, chunk: int = CHUNK) -> None:
    """Bring a blob into a repository, unless it is there.

    :raises RegistryError: if the registry does not take it.
    """
    if not has_blob(server, repository, content.digest):
        _Upload(server, repository, content, chunk).run()


class _Upload:
    """One blob on its way into one repository."""

    def __init__(self, server: Server, repository: str, content: Content, chunk: int) -> None:
        self._server = server
        self._repository = repository
        self._content = content
        self._chunk = chunk
        self._is_chunked = False
        self._location = ""  # of the session, "" without one
        self._offset = 0  # up to where the registry has the bytes

    def run(self) -> None:
        """Try until it is there, or until tries bring it no further."""
        failures, reached = 0, 0
        while True:
            try:
                self._advance()
            except UnreachableError as error:
                if error.is_dead or failures >= _MOST_FAILURES:
                    raise
                wait = 0.0
            except StatusError as error:
                if not self._can_go_on(error) or failures >= _MOST_FAILURES:
                    self._cancel()
                    raise
                wait = error.wait
            else:
                return
            failures = 0 if self._offset > reached else failures + 1
            reached = max(reached, self._offset)
            self._pause(failures, wait)

    def _advance(self) -> None:
        """Send what is missing."""
        if self._location and self._is_stored():
            return
        if not self._location:
            self._begin()
        if not self._offset and not self._is_chunked:
            self._close(0, self._content.size)
            return
        while self._offset < self._content.size:
            self._send_chunk()
        self._close(self._content.size, self._content.size)

    def _can_go_on(self, error: StatusError) -> bool:
        """Tell whether an answer leaves something to be tried."""
        if error.status == _TOO_LARGE and not self._is_chunked:
            self._cancel()
            self._is_chunked = self._content.size > self._chunk
            return self._is_chunked
        return error.status in TRANSIENT

    def _pause(self, failures: int, wait: float) -> None:
        longest = self._server.transport.pause * 2**failures
        time.sleep(min(wait or random.uniform(longest / 2, longest), LONGEST_WAIT))  # noqa: S311  # spreads tries, guards nothing

    # ------------------------------------------------------------------------------------ requests

    def _begin(self) -> None:
        call = Call("POST", self._repository, "blobs/uploads/", "begin an upload", rights=PUSH)
        response = self._server.call(call, _ACCEPTED)
        finish(response)
        self._offset = 0
        self._take_location(call, response)
        if not self._location:
            raise RegistryError(f"{self._server.address.host} says not where to upload to")
        least = response.headers.get("OCI-Chunk-Min-Length", "")
        self._chunk = max(self._chunk, int(least) if least.isdecimal() else 0)

    def _is_stored(self) -> bool:
        """Ask how far a broken upload came; True if only the answer to its end was lost.

        A registry that cannot tell has the upload start over.
        """
        call = self._call("GET", "ask how far an upload came")
        self._offset = 0
        try:
            response = self._server.call(call, _NO_CONTENT)
        except StatusError as error:
            if error.status in TRANSIENT:
                raise
            self._location = ""
            return has_blob(self._server, self._repository, self._content.digest)
        finish(response)
        self._take_location(call, response)
        found = _RANGE.fullmatch(response.headers.get("Range", ""))
        if found and not int(found[1]):  # registries say 0-0 of one byte, and of none
            self._cancel()
        elif found:
            self._offset = min(int(found[1]) + 1, self._content.size)
        return False

    def _send_chunk(self) -> None:
        end = min(self._offset + self._chunk, self._content.size)
        call = self._call(
            "PATCH",
            f"send bytes from {self._offset} on",
            {
                "Content-Range": f"{self._offset}-{end - 1}",
                "Content-Length": str(end - self._offset),
                "Content-Type": "application/octet-stream",
            },
            (self._offset, end),
        )
        response = self._server.call(call, _ACCEPTED, _NO_CONTENT)
        finish(response)
        self._offset = end
        self._take_location(call, response)

    def _close(self, begin: int, end: int) -> None:
        """End the upload, with the bytes that come along."""
        digest = self._content.digest
        query = f"{'&' if '?' in self._location else '?'}digest={digest}"
        headers = {
            "Content-Length": str(end - begin),
            "Content-Type": "application/octet-stream",
        }
        call = self._call("PUT", f"store {digest}", headers, (begin, end))
        call = replace(call, path=f"{call.path}{query}")
        finish(self._server.call(call, _CREATED, _NO_CONTENT))

    def _cancel(self) -> None:
        cancel_upload(self._server, self._repository, self._location)
        self._location = ""

    def _call(
        self,
        method: str,
        doing: str,
        headers: Mapping[str, str] | None = None,
        span: tuple[int, int] | None = None,
    ) -> Call:
        """Return a request to the session, with the bytes of a span as its body."""
        return Call(
            method,
            self._repository,
            self._location,
            doing,
            rights=PUSH,
            headers=headers or {},
            body=partial(self._content.pieces, *span) if span else None,
            is_repeatable=span is None,
        )

    def _take_location(self, call: Call, response: urllib3.BaseHTTPResponse) -> None:
        """Go on where the registry says, or where it said last."""
        self._location = self._server.location(response, call) or self._location
