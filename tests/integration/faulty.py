"""What fails on purpose: daemons that are killed, ways that are cut, registries that refuse."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import os
import selectors
import signal
import socket
import subprocess
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pytest

from okplug_buildkit.connect.addresses import parse_address
from okplug_buildkit.connect.options import ChannelOptions
from okplug_buildkit.daemon import connect
from tests.integration.conftest import SEARCHED, program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"


def wait_until(condition: Callable[[], object], what: str, seconds: float = 30) -> None:
    """Wait for something that must come."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


# ------------------------------------------------------------------------------------------ daemons


class Buildkitd:
    """A buildkitd at a socket, which a test may kill and start again.

    :param folder: what it has is in there; its path is short, as that of a socket must be.
    :param config: what its configuration has besides the necessary.
    """

    def __init__(self, folder: Path, config: str = "") -> None:
        self.folder = folder
        self.address = f"unix://{folder}/bk.sock"
        self.root = folder / "root"
        self._process: subprocess.Popen[bytes] | None = None
        self._config = config

    def start(self) -> None:
        """Start it; it answers when this returns."""
        file = self.folder / "buildkitd.toml"
        file.write_text(f'{self._config}\n[otel]\nsocketPath = "{self.folder}/otel.sock"\n')
        program("runc")
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(program("buildkitd"), f"--root={self.root}", f"--config={file}"),
                    f"--addr={self.address}",
                ],
                stdout=log,
                stderr=log,
                env={**os.environ, "PATH": SEARCHED},
            )
        with connect(parse_address(self.address), ChannelOptions()) as daemon:
            daemon.info(30)

    def kill(self) -> None:
        """End it at once, and what it has started: nothing of it is told to anybody."""
        process, self._process = self._process, None
        if process is not None:
            started = children(process.pid)
            process.kill()
            process.wait()
            for pid in started:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def unmount(self) -> None:
        """Take away what it has mounted, so that its folder can be removed."""
        mounts = Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
        for target in (line.split()[1] for line in reversed(mounts)):
            if target.startswith(f"{self.root}/"):
                subprocess.run(["umount", "-l", target], check=False)

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Have it hang: its socket takes connections, and nobody answers."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def builds(self) -> int:
        """Return how many builds it has at work."""
        with connect(parse_address(self.address), ChannelOptions()) as daemon:
            return len(daemon.builds(active_only=True))

    def programs(self) -> list[str]:
        """Return the names of all processes that builds have started."""
        assert self._process is not None
        names = []
        for pid in children(self._process.pid):
            with contextlib.suppress(OSError):  # it may be gone
                names += Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8").split("\0")
        return names


@contextmanager
def buildkitd(folder: Path, config: str = "") -> Iterator[Buildkitd]:
    """Run a daemon until the end of the block."""
    daemon = Buildkitd(folder, config)
    daemon.start()
    try:
        yield daemon
    finally:
        daemon.kill()
        daemon.unmount()


def children(pid: int, apart_from: tuple[str, ...] = ()) -> list[int]:
    """Return the processes below a process, and those below these.

    :param apart_from: names of programs that do not count, nor what is below them.
    """
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):  # it may be gone
                name, _, fields = (entry / "stat").read_text().rpartition(")")
                if name.partition("(")[2] not in apart_from:
                    parents[int(entry.name)] = int(fields.split()[1])
    found = [pid]
    for one in found:
        found.extend(child for child, parent in parents.items() if parent == one)
    return found[1:]


# --------------------------------------------------------------------------------------------- ways


class Way:
    """A TCP port that leads to a daemon, as long as the test likes.

    :param target: the address of its socket.
    """

    def __init__(self, target: str) -> None:
        #: bytes that went to the daemon over all connections, and that came from it
        self.sent = 0
        self.received = 0
        self._when_received: tuple[int, Callable[[], object]] | None = None
        self.connections = 0
        self._target = target.removeprefix("unix://")
        self._count = self._limit = 0
        self._act: Callable[[], object] | None = None
        self._acts_again = False
        self._dead: list[tuple[socket.socket, socket.socket]] = []
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"tcp://127.0.0.1:{self._listener.getsockname()[1]}"
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._is_open = True
        self._thread = threading.Thread(target=self._run, name="way of a test")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_open = False
        self._thread.join()
        self.cut()
        self._listener.close()
        self._selector.close()

    def cut(self) -> None:
        """End all connections."""
        for pair in self._pairs[:]:
            self._end(pair)

    def stall(self) -> None:
        """Let nothing through any more on the connections that are there, and end none."""
        self._dead = self._pairs[:]

    def when_sent(self, count: int, act: Callable[[], object], *, again: bool = False) -> None:
        """Do something when so many bytes went to the daemon.

        :param again: and each time that as many more did.
        """
        self._count, self._limit = count, self.sent + count
        self._act, self._acts_again = act, again

    def when_received(self, count: int, act: Callable[[], object]) -> None:
        """Do something when so many bytes came from the daemon."""
        self._when_received = self.received + count, act

    def _end(self, pair: tuple[socket.socket, socket.socket]) -> None:
        if pair in self._pairs:
            self._pairs.remove(pair)
        for end in pair:
            with contextlib.suppress(KeyError, ValueError):
                self._selector.unregister(end)
            end.close()

    def _run(self) -> None:
        while self._is_open:
            for key, _ in self._selector.select(0.05):
                if key.fileobj is self._listener:
                    self._accept()
                elif key.data in self._pairs:
                    self._pass_on(key.fileobj, key.data)

    def _accept(self) -> None:
        ours, _ = self._listener.accept()
        self.connections += 1
        theirs = socket.socket(socket.AF_UNIX)
        theirs.connect(self._target)
        pair = ours, theirs
        self._pairs.append(pair)
        for end in pair:
            self._selector.register(end, selectors.EVENT_READ, pair)

    def _pass_on(self, source: Any, pair: tuple[socket.socket, socket.socket]) -> None:
        try:
            data = source.recv(1 << 16)
            if not data:
                self._end(pair)
                return
            if pair in self._dead:
                return
            pair[source is pair[0]].sendall(data)
        except OSError:
            self._end(pair)
            return
        if source is pair[1]:
            self.received += len(data)
            if self._when_received is not None and self.received >= self._when_received[0]:
                (_, then), self._when_received = self._when_received, None
                then()
        else:
            self.sent += len(data)
            act = self._act
            if act is not None and self.sent >= self._limit:
                self._limit = self.sent + self._count
                self._act = act if self._acts_again else None
                act()


# --------------------------------------------------------------------------------------- registries


def ask(host: str, path: str) -> dict[str, Any]:
    """Return a JSON document of a registry, an empty one if it is not there."""
    with contextlib.closing(http.client.HTTPConnection(host)) as connection:
        accept = f"{INDEX_TYPE}, {MANIFEST_TYPE}"
        connection.request("GET", f"/v2/{path}", headers={"Accept": accept})
        answer = connection.getresponse()
        document: dict[str, Any] = json.loads(answer.read())
        return document if answer.status == http.HTTPStatus.OK else {}


def served_tags(host: str, repository: str) -> set[str]:
    """Return the tags of a repository in a registry, without those that hold what belongs to images."""
    tags = ask(host, f"{repository}/tags/list").get("tags") or ()
    return {tag for tag in tags if not tag.startswith("sha256-")}


def blobs_in(host: str, repository: str, tag: str) -> int:
    """Return how many blobs an image has, all of which are there and are what they should be."""
    document = ask(host, f"{repository}/manifests/{tag}")
    blobs = [document["config"], *document["layers"]]
    for blob in blobs:
        with contextlib.closing(http.client.HTTPConnection(host)) as connection:
            connection.request("GET", f"/v2/{repository}/blobs/{blob['digest']}")
            content = connection.getresponse().read()
        assert f"sha256:{hashlib.sha256(content).hexdigest()}" == blob["digest"]
    return len(blobs)


@dataclass
class FaultyRegistry:
    """A registry in front of another, which it asks unless it is to fail a daemon.

    :param host: as references have it.
    :param behind: the host of the other.
    :param fault: called with the method and the path of each request of a daemon before it is
        answered; a number is the status to answer, True ends the connection without an answer.
    """

    host: str
    behind: str
    fault: Callable[[str, str], int | bool] = lambda _method, _path: False
    asked: list[tuple[str, str]] = field(default_factory=list)


@contextmanager
def faulty_registry(behind: str) -> Iterator[FaultyRegistry]:
    """Run a registry in front of another."""
    server = _Server(("127.0.0.1", 0), _Front)
    registry = FaultyRegistry(f"127.0.0.1:{server.server_port}", behind)
    server.registry = registry  # type: ignore[attr-defined]  # the handler has no other way to it
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield registry
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: whoever asks may be killed."""


class _Front(BaseHTTPRequestHandler):
    """Ends the connection after each answer, so that nothing of it is taken for okplug's.

    The daemon opens more connections than it uses, and keeps those: they end by the time limit.
    """

    timeout = 1

    def _answer(self) -> None:
        self.connection.settimeout(None)
        registry: FaultyRegistry = self.server.registry  # type: ignore[attr-defined]  # set above
        registry.asked.append((self.command, self.path))
        is_ours = self.headers.get("User-Agent", "").startswith("okplug/")
        fault = not is_ours and registry.fault(self.command, self.path)
        if fault is True:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        length = int(self.headers.get("Content-Length") or 0)
        chunked = "chunked" in self.headers.get("Transfer-Encoding", "")
        body = self._chunks() if chunked else self.rfile.read(length)
        if fault:
            self._say(int(fault), {}, b"")
            return
        with contextlib.closing(http.client.HTTPConnection(registry.behind)) as onward:
            self._pass_on(onward, body)

    def _pass_on(self, onward: http.client.HTTPConnection, body: bytes) -> None:
        headers = {
            name: value
            for name, value in self.headers.items()
            if name.lower() not in ("transfer-encoding", "content-length", "connection")
        }
        onward.request(self.command, self.path, body, headers)
        answer = onward.getresponse()
        self._say(answer.status, dict(answer.getheaders()), answer.read())

    def _chunks(self) -> bytes:
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _say(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() not in ("transfer-encoding", "connection"):
                self.send_header(name, value)
        if not any(name.lower() == "content-length" for name in headers):
            self.send_header("Content-Length", str(len(body)))
        if status == http.HTTPStatus.UNAUTHORIZED:
            self.send_header("WWW-Authenticate", 'Basic realm="test"')
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = _answer  # noqa: N815  # names of the base

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


# -------------------------------------------------------------------------------- what a run leaves


def sockets() -> set[str]:
    """Return the sockets, pipes and files that this process has open, apart from gRPC's events."""
    found = set()
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # it was open to list these
            found.add(f"{entry.name} {entry.readlink()}")
    return {each for each in found if "anon_inode" not in each and "/proc/" not in each}


def _own_children() -> list[int]:
    """Return the processes below this one, apart from those that tests start."""
    return children(os.getpid(), apart_from=("buildkitd", "docker-registry"))


class Remains:
    """What this process has, to see what a run leaves in it.

    :param folder: for temporary files; nothing else is put there.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._threads = set(threading.enumerate())
        self._open = sockets()
        self._children = set(_own_children())

    def left(self) -> list[str]:
        """Return what is there that was not there before, apart from what the test has started."""
        threads = set(threading.enumerate()) - self._threads
        return [
            *(f"thread {thread.name}" for thread in threads if "of a test" not in thread.name),
            *(f"open {each}" for each in sockets() - self._open),
            *(f"process {pid}" for pid in set(_own_children()) - self._children),
            *(f"file {path}" for path in self.folder.rglob("*")),
        ]

    def assert_nothing_is_left(self) -> None:
        """Fail if something is left, a moment after the run: gRPC closes its sockets by itself."""
        deadline = time.monotonic() + 5
        while self.left():
            if time.monotonic() > deadline:
                pytest.fail(f"left behind: {self.left()}")
            time.sleep(0.02)
