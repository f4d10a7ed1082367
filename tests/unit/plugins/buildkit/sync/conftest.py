"""Daemons that are not there: what transfers talk to in the tests."""

from __future__ import annotations

import queue
import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from okplug.context import ContextFile
from okplug.contextcontent import read_content
from okplug.contextstream import open_verified
from okplug_buildkit.proto import filesync_pb2

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from typing import BinaryIO

    from okplug_buildkit.rpc import Message

Packet = filesync_pb2.Packet
REQ, DATA, FIN, ERR = (
    filesync_pb2.PacketType.Value(name) for name in ("REQ", "DATA", "FIN", "ERR")
)


class FakeCall:
    """One call; *answer* is told of every message, and puts what comes back with ``put``."""

    method = "/fake"

    def __init__(
        self,
        metadata: Mapping[str, Sequence[str]] | None = None,
        answer: Callable[[bytes], None] = lambda _: None,
    ) -> None:
        self._metadata = metadata or {}
        self.answer = answer
        self.incoming: queue.Queue[bytes | BaseException | None] = queue.Queue()
        self.batches: list[list[bytes]] = []

    @property
    def sent(self) -> list[bytes]:
        """All messages so far."""
        return [message for batch in self.batches for message in batch]

    def metadata(self, key: str) -> list[str]:
        """Return what the call came with."""
        return list(self._metadata.get(key, ()))

    def put(self, *messages: bytes | BaseException | None) -> None:
        """Let something come in; None is the end, an exception is raised."""
        for message in messages:
            self.incoming.put(message)

    def receive(self) -> bytes | None:
        """Wait for what was put."""
        message = self.incoming.get(timeout=10)
        if isinstance(message, BaseException):
            raise message
        return message

    def receive_nowait(self) -> bytes | None:
        """Return what is there."""
        if self.incoming.empty() or self.incoming.queue[0] is None:
            return None
        return self.receive()

    def send(self, messages: Sequence[Message]) -> None:
        """Keep the messages, and tell who answers."""
        whole = [bytes(m) if isinstance(m, bytes | memoryview) else b"".join(m) for m in messages]
        self.batches.append(whole)
        for message in whole:
            self.answer(message)


@dataclass
class Reader:
    """A daemon that reads a folder: it asks for all regular files, or for those of some paths.

    :ivar wanted: paths that it asks for, None for all.
    :ivar stats: what was listed.
    :ivar files: what came, by path.
    """

    call: FakeCall
    wanted: set[bytes] | None = None
    stats: list[filesync_pb2.Stat] = field(default_factory=list)
    files: dict[bytes, bytes] = field(default_factory=dict)
    pieces: list[tuple[int, int]] = field(default_factory=list)
    failure: str = ""
    is_listed: bool = False
    is_finished: bool = False
    _missing: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.call.answer = self.take

    @property
    def paths(self) -> list[bytes]:
        """What was listed, by path."""
        return [each.path for each in self.stats]

    def take(self, message: bytes) -> None:
        """Do what the daemon does with a message."""
        packet = Packet.FromString(message)
        if packet.type == filesync_pb2.PacketType.STAT:
            assert not self.is_listed
            if packet.HasField("stat"):
                self._list(packet.stat)
            else:
                self.is_listed = True
                self._end()
        elif packet.type == DATA:
            path = self.stats[packet.id].path
            self.files[path] = self.files.get(path, b"") + packet.data
            self.pieces.append((packet.id, len(packet.data)))
            if not packet.data:
                self._missing.remove(packet.id)
                self._end()
        elif packet.type == FIN:
            assert not self._missing
            self.is_finished = True
        else:
            assert packet.type == ERR
            self.failure = packet.data.decode()

    def _list(self, entry: filesync_pb2.Stat) -> None:
        number = len(self.stats)
        self.stats.append(entry)
        is_file = not entry.mode & ~0o777 & ~(0b1101 << 20) and not entry.linkname
        if is_file and (self.wanted is None or entry.path in self.wanted):
            self._missing.add(number)
            self.call.put(Packet(type="REQ", id=number).SerializeToString())

    def _end(self) -> None:
        if self.is_listed and not self._missing:
            self.call.put(Packet(type="FIN").SerializeToString())


@dataclass
class Exporter:
    """A daemon that sends a folder: it lists all at once, then sends what it is asked for."""

    call: FakeCall
    entries: Sequence[filesync_pb2.Stat]
    content: Mapping[bytes, bytes] = field(default_factory=dict)
    requests: list[int] = field(default_factory=list)
    piece: int = 1000
    is_finished: bool = False

    def __post_init__(self) -> None:
        self.call.answer = self.take
        for entry in self.entries:
            self.call.put(Packet(stat=entry).SerializeToString())
        self.call.put(Packet().SerializeToString())

    def take(self, message: bytes) -> None:
        """Do what the daemon does with a message."""
        packet = Packet.FromString(message)
        if packet.type == FIN:
            self.is_finished = True
            self.call.put(Packet(type="FIN").SerializeToString(), None)
            return
        assert packet.type == REQ
        self.requests.append(packet.id)
        data = self.content.get(self.entries[packet.id].path, b"")
        for start in range(0, len(data), self.piece):
            self.data(packet.id, data[start : start + self.piece])
        self.data(packet.id, b"")

    def data(self, number: int, data: bytes) -> None:
        """Send a piece of a file."""
        self.call.put(Packet(type="DATA", id=number, data=data).SerializeToString())


@dataclass(frozen=True)
class FakeSnapshot:
    """All files of a folder, as they were; a ``ContextSnapshot`` without digests."""

    root: Path
    files: tuple[ContextFile, ...]
    digest: str = ""
    proof: str = ""
    ignored: tuple[str, ...] = ()

    @classmethod
    def take(cls, root: Path, *relpaths: str) -> FakeSnapshot:
        """List some entries, none for all."""
        found = [path.relative_to(root).as_posix() for path in root.rglob("*")]
        chosen = sorted(relpaths or found, key=lambda path: path.encode("utf-8", "surrogateescape"))
        return cls(root, tuple(_context_file(root, relpath) for relpath in chosen))

    def open(self, relpath: str) -> BinaryIO:
        """Open a file, which is verified."""
        files = {file.relpath: file for file in self.files if file.kind == "file"}
        return open_verified(self.root, files[relpath])


def _context_file(root: Path, relpath: str) -> ContextFile:
    path = root / relpath
    status = path.lstat()
    if stat.S_ISDIR(status.st_mode):
        return ContextFile(relpath, "directory")
    content = read_content(bytes(path), status.st_mode, status.st_size)
    if stat.S_ISLNK(status.st_mode):
        return ContextFile(relpath, "link", target=content.decode("utf-8", "surrogateescape"))
    return ContextFile(
        relpath,
        "file",
        executable=bool(status.st_mode & stat.S_IXUSR),
        size=status.st_size,
        fingerprint=content[:16].hex(),
        sha256=content[16:].hex(),
    )


@pytest.fixture
def make_call() -> Callable[..., FakeCall]:
    """Make calls that nobody has made."""

    def make(**metadata: str | Sequence[str]) -> FakeCall:
        values: dict[str, Any] = {
            key.replace("_", "-"): [value] if isinstance(value, str) else value
            for key, value in metadata.items()
        }
        return FakeCall(values)

    return make


@pytest.fixture
def reader() -> type[Reader]:
    """The daemon that reads."""
    return Reader


@pytest.fixture
def exporter() -> type[Exporter]:
    """The daemon that exports."""
    return Exporter


@pytest.fixture
def take_snapshot() -> Callable[..., FakeSnapshot]:
    """Take snapshots of folders."""
    return FakeSnapshot.take
