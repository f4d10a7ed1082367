"""A client of HTTP/2 for the tests of sessions, written from the RFC and not from the server."""

from __future__ import annotations

import hashlib
import json
import struct
import threading
import time
from collections import defaultdict
from typing import TYPE_CHECKING

import hpack
import pytest

from okplug_buildkit.http2.connection import Connection
from okplug_buildkit.serving import Server, StreamCall

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from okplug_buildkit.http2.streams import Stream
    from okplug_buildkit.rpc import Handler

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8


class Peer:
    """What a client sends and has received; it refuses what no server may send.

    :param window: bytes that the server may send on each stream.
    """

    def __init__(self, window: int = 65535) -> None:
        self.window = window
        self.frames: list[tuple[int, int, int, bytes]] = []  # kind, flags, stream, payload
        self.bodies: defaultdict[int, bytearray] = defaultdict(bytearray)
        self.fields: defaultdict[int, list[dict[str, str]]] = defaultdict(list)
        self.ended: set[int] = set()
        self.farewell: int | None = None
        self._windows: dict[int, int] = {0: 65535}
        self._encoder = hpack.Encoder()
        self._decoder = hpack.Decoder()
        self._data = b""

    @staticmethod
    def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
        """Return any frame."""
        header = len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big")
        return header + payload

    def hello(self) -> bytes:
        """Return how a client begins."""
        settings = struct.pack(">HI", 4, self.window)
        return b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + self.frame(SETTINGS, 0, 0, settings)

    def request(
        self, stream: int, path: str, *fields: tuple[str, str], is_last: bool = False
    ) -> bytes:
        """Return the header fields that open a stream."""
        self._windows[stream] = self.window
        block = self.encode((":method", "POST"), (":scheme", "http"), (":path", path), *fields)
        return self.frame(HEADERS, 4 | is_last, stream, block)

    def encode(self, *fields: tuple[str, str]) -> bytes:
        """Return a block of header fields."""
        return bytes(self._encoder.encode(list(fields)))

    def data(self, stream: int, payload: bytes = b"", *, is_last: bool = False) -> bytes:
        """Return DATA frames."""
        pieces = [payload[at : at + 16384] for at in range(0, len(payload), 16384)] or [b""]
        sent = [self.frame(DATA, 0, stream, piece) for piece in pieces[:-1]]
        return b"".join([*sent, self.frame(DATA, int(is_last), stream, pieces[-1])])

    def message(self, stream: int, payload: bytes, *, is_last: bool = False) -> bytes:
        """Return a message of gRPC in DATA frames."""
        return self.data(stream, struct.pack(">BI", 0, len(payload)) + payload, is_last=is_last)

    def update(self, stream: int, increment: int) -> bytes:
        """Let the server send more."""
        self._windows[stream] += increment
        return self.frame(WINDOW_UPDATE, 0, stream, increment.to_bytes(4, "big"))

    def reset(self, stream: int) -> bytes:
        """Return a frame that ends a stream at once."""
        return self.frame(RST_STREAM, 0, stream, (8).to_bytes(4, "big"))

    def receive(self, data: bytes) -> None:
        """Look at what the server sends."""
        self._data += data
        start = 0
        while len(self._data) - start >= 9:
            header = self._data[start : start + 9]
            end = start + 9 + int.from_bytes(header[:3], "big")
            if end > len(self._data):
                break
            assert end - start <= 9 + 16384
            kind, flags, stream = header[3], header[4], int.from_bytes(header[5:], "big")
            payload, start = self._data[start + 9 : end], end
            assert self.frames or kind == SETTINGS
            self.frames.append((kind, flags, stream, payload))
            self._look(kind, flags, stream, payload)
        self._data = self._data[start:]

    def _look(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind in {DATA, HEADERS}:
            assert stream not in self.ended
            if flags & 1:
                self.ended.add(stream)
        if kind == DATA:
            for window in (0, stream):
                self._windows[window] -= len(payload)
                assert self._windows[window] >= 0
            self.bodies[stream] += payload
        elif kind == HEADERS:
            fields = self._decoder.decode(payload)
            self.fields[stream].append({str(name): str(value) for name, value in fields})
        elif kind == GOAWAY:
            self.farewell = int.from_bytes(payload[4:8], "big")

    def kinds(self) -> list[int]:
        """Return what kinds of frames have come."""
        return [kind for kind, *_ in self.frames]

    def messages(self, stream: int) -> list[bytes]:
        """Return the complete messages that have come on a stream."""
        body, start, found = bytes(self.bodies[stream]), 0, []
        while len(body) - start >= 5:
            end = start + 5 + int.from_bytes(body[start + 1 : start + 5], "big")
            if end > len(body):
                break
            found.append(body[start + 5 : end])
            start = end
        return found

    def status(self, stream: int) -> str | None:
        """Return the status of gRPC, None if the stream has not ended."""
        return self.fields[stream][-1].get("grpc-status") if stream in self.ended else None


class Tunnel:
    """A server of calls, and a client that talks to it."""

    def __init__(self, handlers: Mapping[str, Handler], window: int = 65535) -> None:
        self.peer = Peer(window)
        self.server = Server(handlers, "tunnel of a test")
        self.connection = Connection(self._serve)
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._pump, daemon=True)
        self._thread.start()
        self.send(self.peer.hello())

    def _serve(self, stream: Stream) -> None:
        self.server.serve(StreamCall(self.connection, stream))

    def _pump(self) -> None:
        while (parts := self.connection.take(1 << 20)) is not None:
            with self._lock:
                self.peer.receive(b"".join(parts))

    def send(self, *frames: bytes) -> None:
        """Send frames of the peer."""
        for frame in frames:
            self.connection.feed(frame)

    def update(self, stream: int, increment: int) -> None:
        """Let the server send more."""
        with self._lock:
            frame = self.peer.update(stream, increment)
        self.connection.feed(frame)

    def wait(self, condition: Callable[[Peer], object]) -> None:
        """Wait until the peer has received something."""
        deadline = time.monotonic() + 20
        while True:
            with self._lock:
                if condition(self.peer):
                    return
            assert time.monotonic() < deadline, "it does not come"
            time.sleep(0.001)

    def close(self) -> None:
        """End it, and see that nothing is left."""
        self.connection.close()
        self.server.join(20)
        self._thread.join(20)
        assert "tunnel of a test" not in {thread.name for thread in threading.enumerate()}
        assert not self._thread.is_alive()


@pytest.fixture
def docker_contexts(tmp_path: Path) -> Callable[..., dict[str, str]]:
    """Make Docker's contexts, and return the variable that says where they are."""
    folder = tmp_path / "docker"

    def make(
        name: str,
        host: str,
        *,
        current: bool = False,
        tls: Mapping[str, Path] | None = None,
        **more: object,
    ) -> dict[str, str]:
        digest = hashlib.sha256(name.encode()).hexdigest()
        meta = folder / "contexts/meta" / digest
        meta.mkdir(parents=True)
        endpoint = {"Host": host, "SkipTLSVerify": False, **more}
        document = {"Name": name, "Metadata": {}, "Endpoints": {"docker": endpoint}}
        (meta / "meta.json").write_text(json.dumps(document))
        files = folder / "contexts/tls" / digest / "docker"
        for file, source in (tls or {}).items():
            files.mkdir(parents=True, exist_ok=True)
            (files / file).write_bytes(source.read_bytes())
        if current:
            (folder / "config.json").write_text(json.dumps({"currentContext": name}))
        return {"DOCKER_CONFIG": str(folder)}

    return make


@pytest.fixture(scope="session")
def make_peer() -> type[Peer]:
    """What makes clients that nothing is connected to."""
    return Peer


@pytest.fixture
def tunnel() -> Iterator[Callable[..., Tunnel]]:
    """Make servers with their clients, which end with the test."""
    made: list[Tunnel] = []

    def make(handlers: Mapping[str, Handler], window: int = 65535) -> Tunnel:
        made.append(Tunnel(handlers, window))
        return made[-1]

    yield make
    for one in made:
        one.close()
