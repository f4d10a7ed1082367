"""A private socket for gRPC to connect to, where a daemon has none that gRPC can reach.

gRPC opens connections itself and takes none that is already open. So each connection that it makes
to the socket is handed to a dialer, which joins it to the daemon by whatever way there is.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import struct
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

#: connections that may wait to be joined; gRPC opens one at a time
_BACKLOG = 8
#: seconds that closing waits for a connection that is just being joined
_PATIENCE = 1.0
#: whether sockets can have names that are no files
_HAS_ABSTRACT_NAMES: bool = sys.platform == "linux"


class DialError(Exception):
    """A connection cannot be joined to the daemon.

    :param message: why, one line without a full stop.
    :param hint: the remedy, ``""`` if it is not known.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class Link(Protocol):
    """A connection that is joined to the daemon."""

    def is_over(self) -> bool:
        """Tell whether it has ended and left nothing behind."""

    def complaint(self) -> str:
        """Return what the way to the daemon has to say for itself, ``""`` if nothing."""

    def close(self) -> None:
        """End it and free all that it holds."""


class Relay:
    """The socket, until it is closed.

    :param dial: joins an accepted connection, which is its own from then on.
    """

    def __init__(self, dial: Callable[[socket.socket], Link]) -> None:
        self._dial = dial
        self._listener, self.target, self._folder = listen()
        self._lock = threading.Lock()
        self._links: list[Link] = []
        self._failure: DialError | None = None
        self._is_closed = False
        self._thread = threading.Thread(target=self._serve, name="okplug relay", daemon=True)
        self._thread.start()

    def failure(self) -> DialError | None:
        """Return why the last connection could not be joined, or what its way complained of."""
        with self._lock:
            if self._failure is not None:
                return self._failure
            complaint = self._links[-1].complaint() if self._links else ""
        return DialError(complaint) if complaint else None

    def close(self) -> None:
        """End all connections, and remove the socket; callable again."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
        _wake(self._listener)
        self._thread.join(_PATIENCE)
        with self._lock:
            links, self._links = self._links, []
        for link in links:
            link.close()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _serve(self) -> None:
        with self._listener:
            while not self._is_closed:
                connection, _ = self._listener.accept()
                if is_own(connection) and not self._is_closed:
                    self._join(connection)
                else:
                    connection.close()

    def _join(self, connection: socket.socket) -> None:
        try:
            link = self._dial(connection)
        except DialError as error:
            with self._lock:
                self._failure = error
            connection.close()  # after which gRPC's caller asks for the failure
            return
        with self._lock:
            if self._is_closed:
                link.close()
                return
            self._failure = None
            self._links = [*(old for old in self._links if not old.is_over()), link]


def listen() -> tuple[socket.socket, str, Path | None]:
    """Return a listening socket, gRPC's name for it, and the folder to remove with it.

    Linux has sockets without a file, which leave nothing behind if this process is killed.
    """
    listener = socket.socket(socket.AF_UNIX)
    if _HAS_ABSTRACT_NAMES:
        name = f"okplug-{os.getpid()}-{secrets.token_hex(16)}"
        listener.bind(f"\0{name}")
        listener.listen(_BACKLOG)
        return listener, f"unix-abstract:{name}", None
    return listen_in_folder(listener)


def listen_in_folder(listener: socket.socket) -> tuple[socket.socket, str, Path | None]:
    """Do the same with a file, in a folder that only we may enter and whose path is short."""
    folder = Path(tempfile.mkdtemp(prefix="okplug-", dir="/tmp"))  # TMPDIR may be long
    path = folder / "s"
    listener.bind(str(path))
    listener.listen(_BACKLOG)
    return listener, f"unix:{path}", folder


def is_own(connection: socket.socket) -> bool:
    """Tell whether this very process connected; a socket without a file keeps nobody away."""
    if not _HAS_ABSTRACT_NAMES:
        return True
    size = struct.calcsize("3i")
    pid, _, _ = struct.unpack(
        "3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    )
    return bool(pid == os.getpid())


def _wake(listener: socket.socket) -> None:
    """Let ``accept`` return, which closing the socket would not do."""
    with socket.socket(socket.AF_UNIX) as waker, suppress(OSError):
        waker.connect(listener.getsockname())
