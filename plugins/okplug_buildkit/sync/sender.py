"""The service that daemons read folders from: ``moby.filesync.v1.FileSync/DiffCopy``.

We list the entries; the daemon asks for the content of those that it has not got yet, by their
numbers, while the list is still on its way; when it has all of them it says so, and we end the call
at once. Many packets go into one ``send``: what a call costs is the number of those.
"""

from __future__ import annotations

import stat
import threading
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from okplug_buildkit.rpc import CallCancelled, Code, RpcError
from okplug_buildkit.sync import packets
from okplug_buildkit.sync.filters import Wanted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from okplug_buildkit.rpc import Call, Handler, Message
    from okplug_buildkit.sync.entries import Entry, Tree

METHOD: Final = "/moby.filesync.v1.FileSync/DiffCopy"

#: bytes of packets that go out together: in the list, for the daemon to start early, and of files
_LIST_BATCH: Final = 1 << 14
_DATA_BATCH: Final = 1 << 17
#: bytes of a file that are read at once
_PIECE: Final = 1 << 20


def serve_trees(
    trees: Mapping[str, Tree],
    *,
    narrow: bool = False,
    on_bytes: Callable[[int], None] | None = None,
) -> Handler:
    """Return the handler of ``METHOD``; it serves any number of calls at once.

    What a tree raises, above all ``ContextChangedError``, ends the call and leaves the handler.

    :param trees: by the names that the daemon knows them by.
    :param narrow: send nothing that was not asked for, not even of a tree that says it may.
    :param on_bytes: is told how many bytes of files have been sent by all calls so far.
    """
    counter = _Counter(on_bytes)

    def handle(call: Call) -> None:
        wanted = Wanted.read(call.metadata)
        tree = trees.get(wanted.directory)
        if tree is None:
            raise RpcError(Code.NOT_FOUND, f"no access allowed to dir {wanted.directory!r}")
        output = _Output(call)
        try:
            entries = wanted.select(tree, narrow=narrow)
            _Transfer(tree, entries, output, counter).run()
        except (RpcError, CallCancelled):
            raise
        except BaseException:
            output.fail("the files of the build cannot be sent")
            raise

    return handle


class _Counter:
    """Adds up what all calls send."""

    def __init__(self, report: Callable[[int], None] | None) -> None:
        self._report = report
        self._lock = threading.Lock()
        self._total = 0

    def add(self, count: int) -> None:
        if self._report is not None:
            with self._lock:
                self._total += count
                self._report(self._total)


@dataclass(slots=True)
class _Output:
    """Packets on their way, sent when they are worth it; what comes in meanwhile is kept.

    Nobody else takes in what the daemon asks for. If it were left where it is, both sides could
    end up with all buffers full, each waiting for the other.
    """

    call: Call
    requests: deque[bytes] = field(default_factory=deque)
    _waiting: list[Message] = field(default_factory=list)
    _size: int = 0

    def add(self, message: Message, size: int, batch: int) -> None:
        """Add a message of *size* bytes, and send all if *batch* is reached."""
        self._waiting.append(message)
        self._size += size
        if self._size >= batch:
            self.flush()

    def flush(self) -> None:
        if self._waiting:
            self.call.send(self._waiting)
            self._waiting, self._size = [], 0
        while (message := self.call.receive_nowait()) is not None:
            self.requests.append(message)

    def next_request(self) -> bytes | None:
        """Return the next message of the daemon; only if there is none, send and wait."""
        if not self.requests:
            self.flush()
        return self.requests.popleft() if self.requests else self.call.receive()

    def fail(self, text: str) -> None:
        """Tell the daemon, so that it does not take what it has for all."""
        with suppress(CallCancelled):
            self.call.send([packets.error_packet(text)])


class _Transfer:
    """One call."""

    def __init__(
        self, tree: Tree, entries: Sequence[Entry], output: _Output, counter: _Counter
    ) -> None:
        self._tree = tree
        self._entries = entries
        self._output = output
        self._counter = counter

    def run(self) -> None:
        """List the entries and send what is asked for.

        :raises RpcError: if the daemon breaks the rules, or gives up.
        """
        for entry in self._entries:
            packet = packets.stat_packet(entry)
            self._output.add(packet, len(packet), _LIST_BATCH)
        self._output.add(packets.END_OF_LIST, 0, 0)
        while (message := self._output.next_request()) is not None:
            if self._answer(message):
                return
        raise RpcError(Code.ABORTED, "the transfer was not finished")

    def _answer(self, message: bytes) -> bool:
        """Do what a message says; True if it was the last."""
        try:
            packet = packets.read_packet(message)
        except packets.PacketError as error:
            raise RpcError(Code.INVALID_ARGUMENT, str(error)) from None
        if packet.kind == packets.REQ:
            self._send(packet.number)
            return False
        if packet.kind == packets.FIN:
            self._output.add(packets.FINISHED, 0, 0)
            return True
        if packet.kind == packets.ERR:
            raise RpcError(Code.ABORTED, bytes(packet.data).decode(errors="replace"))
        raise RpcError(Code.INVALID_ARGUMENT, f"unexpected packet of type {packet.kind}")

    def _send(self, number: int) -> None:
        entry = self._entries[number] if number < len(self._entries) else None
        if entry is None or not stat.S_ISREG(entry.mode):
            raise RpcError(Code.INVALID_ARGUMENT, f"entry {number} is no file of the list")
        left = entry.size
        with self._tree.open(entry) as file:
            while left and (piece := file.read(min(left, _PIECE))):
                left -= len(piece)
                self._output.add(packets.data_packet(number, piece), len(piece), _DATA_BATCH)
        self._counter.add(entry.size - left)
        self._output.add(packets.data_packet(number, b""), 8, _DATA_BATCH)
