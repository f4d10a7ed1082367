"""Exports of files and folders: ``type=local``, where we are the one who asks for files.

The daemon lists its entries; each file is asked for and written, whatever is there already. Then
come further names of files, and at last modes and times of folders, which writing would change.
"""

from __future__ import annotations

import os
import stat
import threading
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from okplug_buildkit.rpc import Code, RpcError
from okplug_buildkit.sync import packets
from okplug_buildkit.sync.archives import nothing_came
from okplug_buildkit.sync.destination import Destination
from okplug_buildkit.sync.downloads import receive
from okplug_buildkit.sync.entries import decode
from okplug_buildkit.sync.failures import write_errors

if TYPE_CHECKING:
    from pathlib import Path

    from okplug_buildkit.rpc import Call, Part
    from okplug_buildkit.sync.entries import Entry

_MIRRORS = "buildkit-exporter-multi-platform"
#: files that are asked for at once
_MOST_ASKED = 4096


class FolderOutput:
    """A folder that files are added to; an ``Output``.

    They are in their places before the build has ended: there is no way to change a folder at once.
    All belongs to whoever runs this; extended attributes are not kept.

    :param path: made if it is not there, for its owner only.
    :param delete: remove what is there and not in the export.
    """

    def __init__(self, path: Path, *, delete: bool = False) -> None:
        self._path = path
        self._delete = delete
        self._lock = threading.Lock()
        self._received = 0

    def receive(self, call: Call) -> None:
        """Write the files of one call; with several platforms there are several calls at once.

        :raises BuildError: if they cannot be written.
        :raises RpcError: if the daemon breaks the rules, above all by a path that leads elsewhere.
        """
        if self._delete and not call.metadata(_MIRRORS):
            raise RpcError(Code.FAILED_PRECONDITION, "mode=delete needs a newer BuildKit")
        with write_errors(self._path), Destination(self._path) as destination:
            _Reception(destination, call, delete=self._delete).run()
        with self._lock:
            self._received += 1
        call.send([packets.FINISHED])  # from here on the build may be over, and the call with it
        while call.receive() is not None:
            pass

    def commit(self) -> None:
        """Do nothing more.

        :raises BuildError: if nothing was received.
        """
        if not self._received:
            raise nothing_came(str(self._path))

    def discard(self) -> None:
        """Do nothing: files that are complete stay."""


class _Incoming(NamedTuple):
    temporary: bytes
    descriptor: int


class _Reception:
    """One call."""

    def __init__(self, destination: Destination, call: Call, *, delete: bool) -> None:
        self._destination = destination
        self._call = call
        self._delete = delete
        self._count = 0
        self._is_listed = False
        self._requests: deque[bytes] = deque()
        self._asked = 0
        self._missing: dict[int, Entry] = {}
        self._incoming: dict[int, _Incoming] = {}
        self._files: set[bytes] = set()
        self._names: list[Entry] = []
        self._folders: dict[bytes, set[bytes]] = {b"": set()}
        self._folder_entries: list[Entry] = []

    def run(self) -> None:
        """Receive all, and leave nothing that is not complete."""
        try:
            while not (self._is_listed and not self._missing):
                self._take(self._next())
            self._finish()
        finally:
            for number, (temporary, descriptor) in self._incoming.items():
                os.close(descriptor)
                self._destination.remove(self._missing[number].path, temporary)

    def _next(self) -> packets.Packet:
        message = self._call.receive_nowait()
        if message is None:
            self._ask()
            message = receive(self._call)
        if message is None:
            raise RpcError(Code.ABORTED, "the export was not finished")
        try:
            return packets.read_packet(message)
        except packets.PacketError as error:
            raise _broken(str(error)) from None

    def _ask(self) -> None:
        """Ask for what has been listed, but not for so much that nobody could answer.

        If the daemon took in no more requests while we wait for that, nobody would take its files.
        """
        count = min(len(self._requests), _MOST_ASKED - self._asked)
        if count:
            self._call.send([self._requests.popleft() for _ in range(count)])
            self._asked += count

    def _take(self, packet: packets.Packet) -> None:
        if packet.kind == packets.STAT and not self._is_listed:
            if packet.entry is None:
                self._is_listed = True
            else:
                self._list(packet.entry)
                self._count += 1
        elif packet.kind == packets.DATA and packet.number in self._missing:
            self._write(packet.number, packet.data)
        elif packet.kind == packets.ERR:
            raise RpcError(Code.ABORTED, bytes(packet.data).decode(errors="replace"))
        else:
            raise _broken(f"unexpected packet of type {packet.kind} for entry {packet.number}")

    def _list(self, entry: Entry) -> None:
        self._check(entry.path)
        if b"\0" in entry.linkname:
            raise _broken(f"a link from {decode(entry.path)!r} to {decode(entry.linkname)!r}")
        if stat.S_ISDIR(entry.mode):
            self._destination.make_folder(entry.path)
            self._folders[entry.path] = set()
            self._folder_entries.append(entry)
        elif stat.S_ISLNK(entry.mode):
            self._destination.put_link(entry)
        elif not stat.S_ISREG(entry.mode):
            self._destination.put_special(entry)
        elif entry.linkname:
            if entry.linkname not in self._files:
                raise _broken(f"{decode(entry.path)!r} is another name of no file")
            self._names.append(entry)
        else:
            self._files.add(entry.path)
            self._missing[self._count] = entry
            self._requests.append(packets.request_packet(self._count))

    def _check(self, path: bytes) -> None:
        """Look whether a path is safe, new, and behind the folder that it lies in."""
        above, _, name = path.rpartition(b"/")
        is_name = name not in (b"", b".", b"..") and b"\0" not in name
        if not is_name or path.startswith(b"/") or above not in self._folders:
            raise _broken(f"an export with the path {decode(path)!r}")
        if name in self._folders[above]:
            raise _broken(f"an export with the path {decode(path)!r} twice")
        self._folders[above].add(name)

    def _write(self, number: int, data: Part) -> None:
        entry = self._missing[number]
        if number not in self._incoming:
            self._incoming[number] = _Incoming(*self._destination.create(entry.path))
        temporary, descriptor = self._incoming[number]
        if data:
            view = memoryview(data)
            while view:
                view = view[os.write(descriptor, view) :]
            return
        self._destination.finish_file(entry, temporary, descriptor)
        del self._incoming[number], self._missing[number]
        os.close(descriptor)
        self._asked -= 1

    def _finish(self) -> None:
        for entry in self._names:
            self._destination.put_name(entry)
        if self._delete:
            for path, names in self._folders.items():
                self._destination.remove_others(path, names)
        for entry in reversed(self._folder_entries):
            self._destination.finish_folder(entry)


def _broken(text: str) -> RpcError:
    return RpcError(Code.INVALID_ARGUMENT, f"the daemon breaks the rules of exports: {text}")
