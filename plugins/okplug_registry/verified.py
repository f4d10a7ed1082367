"""A blob on its way: it goes on after a cut, and its end tells whether its bytes were right."""

from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING

import urllib3.exceptions as broken  # noqa: TID253  # loaded when a registry is spoken to

from okplug import RegistryError
from okplug_registry.failures import UnreachableError, unreachable

if TYPE_CHECKING:
    from collections.abc import Callable

    import urllib3
    from _typeshed import WriteableBuffer

#: bytes that are read at once
PIECE = 1024 * 1024

_PARTIAL = 206
_MOST_CUTS = 3  # in a row, without a byte in between


def digest_mismatch(place: str, digest: str, found: str) -> RegistryError:
    """Return the error about content that does not have the digest that it is named after."""
    return RegistryError(
        f"{place} gave wrong bytes for {digest}: theirs is {found}",
        hint="its storage, or a cache before it, is damaged: remove it there and build again",
    )


class VerifiedStream(io.RawIOBase):
    """The bytes of a blob.

    :param place: the repository, for messages.
    :param ask: sends the request for the blob from a byte on; the answer has the status 206 if it
        begins there, 200 if it begins at the blob's beginning.
    """

    def __init__(
        self, place: str, digest: str, ask: Callable[[int], urllib3.BaseHTTPResponse]
    ) -> None:
        super().__init__()
        self._place = place
        self._digest = digest
        self._ask = ask
        self._hash = hashlib.new(digest.partition(":")[0])
        self._offset = 0
        self._cuts = 0
        self._response = ask(0)

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Read some bytes; at the end, check them all.

        :raises RegistryError: if they are wrong, or if the connection breaks again and again.
        """
        view = memoryview(buffer)
        data = self._read(len(view))
        view[: len(data)] = data
        self._hash.update(data)
        self._offset += len(data)
        if not data and view:
            self._check()
        return len(data)

    def close(self) -> None:
        """Let go of the connection; what was not read is not checked."""
        if not self.closed:
            self._response.close()
            self._response.release_conn()
        super().close()

    def _check(self) -> None:
        found = f"{self._digest.partition(':')[0]}:{self._hash.hexdigest()}"
        if found != self._digest:
            raise digest_mismatch(self._place, self._digest, found)

    def _read(self, most: int) -> bytes:
        while True:
            try:
                data = self._response.read(most)
            except (broken.HTTPError, OSError) as error:
                self._resume(unreachable(self._place, error))
            else:
                self._cuts = 0
                return data

    def _resume(self, failure: UnreachableError) -> None:
        """Ask for what is missing."""
        self._cuts += 1
        self._response.close()
        if self._cuts > _MOST_CUTS:
            raise failure from None
        self._response = self._ask(self._offset)
        if self._offset and self._response.status != _PARTIAL:
            self._skip(self._offset)

    def _skip(self, count: int) -> None:
        """Pass over what was read before; a cut in here is found by the next read."""
        try:
            while count:
                count -= len(self._response.read(min(count, PIECE))) or count
        except (broken.HTTPError, OSError) as error:
            raise unreachable(self._place, error) from None
