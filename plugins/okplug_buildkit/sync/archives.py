"""Exports that are one stream of bytes: ``type=oci``, ``docker`` and ``tar``."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

from okplug import BuildError
from okplug_buildkit.messages import unwrap
from okplug_buildkit.rpc import Code, RpcError
from okplug_buildkit.sync.downloads import receive
from okplug_buildkit.sync.failures import write_errors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from okplug_buildkit.rpc import Call

_BUFFER = 1 << 20  # bytes; the daemon sends 32 KiB at once


class ArchiveOutput:
    """A file that is there as a whole or not at all; an ``Output``.

    :param path: of the file; its folder is there. What is no file, such as a named pipe, is
        written to as it comes.
    """

    def __init__(self, path: Path) -> None:
        self._path = Path(os.path.realpath(path))
        self._lock = threading.Lock()
        self._received: Path | None = None
        self._is_complete = False

    def receive(self, call: Call) -> None:
        """Write a stream to a temporary file; the last one that is complete counts.

        :raises BuildError: if it cannot be written.
        """
        with write_errors(self._path):
            if self._path.exists() and not self._path.is_file():
                with self._path.open("wb", buffering=_BUFFER) as file:
                    _copy(call, file)
                self._keep(None)
                return
            temporary = self._path.with_name(f".okplug-{os.urandom(8).hex()}")
            try:
                with temporary.open("xb", buffering=_BUFFER) as file:
                    _copy(call, file)
                self._keep(temporary)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise

    def commit(self) -> None:
        """Give the file its name.

        :raises BuildError: if that cannot be, or there is no file.
        """
        with self._lock, write_errors(self._path):
            if not self._is_complete:
                raise nothing_came(str(self._path))
            if self._received is not None:
                self._received.replace(self._path)
                self._received = None

    def discard(self) -> None:
        """Remove the file, unless it has its name."""
        self._keep(None, is_complete=False)

    def _keep(self, path: Path | None, *, is_complete: bool = True) -> None:
        with self._lock:
            if self._received is not None:
                with suppress(OSError):  # it is in nobody's way
                    self._received.unlink(missing_ok=True)
            self._received = path
            self._is_complete = is_complete


class StreamOutput:
    """A stream that somebody reads, such as standard output; an ``Output``.

    :param stream: written to as it comes, and left open.
    :param name: for messages.
    """

    def __init__(self, stream: IO[bytes], name: str = "standard output") -> None:
        self._stream = stream
        self._name = name
        self._is_taken = False
        self._is_complete = False

    def receive(self, call: Call) -> None:
        """Write the stream, of which there can be one only.

        :raises BuildError: if it cannot be written.
        :raises RpcError: if it is not the first.
        """
        if self._is_taken:
            raise RpcError(Code.FAILED_PRECONDITION, "this output has been written already")
        self._is_taken = True
        with write_errors(Path(self._name)):
            _copy(call, self._stream)
            self._stream.flush()
        self._is_complete = True

    def commit(self) -> None:
        """Do nothing more.

        :raises BuildError: if nothing was received.
        """
        if not self._is_complete:
            raise nothing_came(self._name)

    def discard(self) -> None:
        """Do nothing: what is written is written."""


def nothing_came(name: str) -> BuildError:
    """Return the error of an output that the daemon never sent."""
    return BuildError(
        f"the daemon sent nothing for the output {name}",
        hint="look whether this daemon knows the type of the output",
    )


def _copy(call: Call, file: IO[bytes]) -> None:
    for piece in _pieces(call):
        file.write(piece)


def _pieces(call: Call) -> Iterator[memoryview]:
    while (message := receive(call)) is not None:
        try:
            yield unwrap(message)
        except ValueError as error:
            raise RpcError(Code.INVALID_ARGUMENT, str(error)) from None
