"""A Docker engine that is played: its images, by the API that loads, tells of and saves them."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
import tempfile
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingUnixStreamServer
from typing import TYPE_CHECKING, Self

from okplug_buildkit.connect.addresses import parse_address
from okplug_buildkit.connect.endpoints import Endpoint
from okplug_buildkit.connect.engineapi import EngineAPI

if TYPE_CHECKING:
    from collections.abc import Callable

_NAME = "/images/"


def digest_of(data: bytes) -> str:
    """Return the digest."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def layer_of(**files: str) -> bytes:
    """Return a layer without compression."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        for name, text in files.items():
            _add(archive, name, text.encode())
    return target.getvalue()


@dataclass
class EngineImage:
    """An image in an engine.

    :param config: bytes of it; by default made for the layers.
    """

    layers: list[bytes]
    config: bytes = b""

    def __post_init__(self) -> None:
        if not self.config:
            rootfs = {"type": "layers", "diff_ids": [digest_of(layer) for layer in self.layers]}
            document = {"architecture": "amd64", "os": "linux", "rootfs": rootfs}
            self.config = json.dumps(document).encode()

    @property
    def id(self) -> str:
        """The digest of the configuration."""
        return digest_of(self.config)

    def save(self) -> bytes:
        """Return what ``docker save`` writes."""
        target = io.BytesIO()
        with tarfile.open(fileobj=target, mode="w") as archive:
            for data in sorted({self.config, *self.layers}, key=digest_of):
                _add(archive, f"blobs/sha256/{digest_of(data)[7:]}", data)
            _add(archive, "manifest.json", b"[]")
        return target.getvalue()


@dataclass
class FakeEngine:
    """Answers at a socket while it is entered.

    :param images: by name.
    :param failures: method -> status and body of what it answers instead.
    :param saved: what it hands out, made of what it should.
    :param requests: method and path of each.
    :param hang: is waited for before a ``GET``; *is_asked* is set then.
    """

    images: dict[str, EngineImage] = field(default_factory=dict)
    failures: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    saved: Callable[[bytes], bytes] = field(default=lambda data: data)
    requests: list[tuple[str, str]] = field(default_factory=list)
    hang: threading.Event | None = None
    is_asked: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="okp-")
        self.path = Path(self._folder.name) / "s"
        self._server = ThreadingUnixStreamServer(str(self.path), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.hang:
            self.hang.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._folder.cleanup()

    @property
    def api(self) -> EngineAPI:
        """Return what asks it."""
        return EngineAPI(Endpoint(parse_address(f"unix://{self.path}")), {})

    def asked(self, method: str) -> list[str]:
        """Return the paths of the requests with a method."""
        return [path for name, path in self.requests if name == method]

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        """Return status and body."""
        self.requests.append((method, path))
        self.is_asked.set()
        if self.hang and method == "GET":
            self.hang.wait(30)
        if method in self.failures:
            return self.failures[method]
        if method == "POST":
            self._load(body)
            return 200, b'{"stream":"Loaded"}\n'
        name = path.removeprefix(_NAME).removesuffix("/json").removesuffix("/get")
        image = self.images.get(name)
        if image is None:
            return 404, json.dumps({"message": f"No such image: {name}"}).encode()
        if method == "DELETE":
            del self.images[name]
            return 200, b"[]"
        if path.endswith("/get"):
            return 200, self.saved(image.save())
        layers = [digest_of(layer) for layer in image.layers]
        root = {"Type": "layers", **({"Layers": layers} if layers else {})}
        return 200, json.dumps({"Id": image.id, "RootFS": root}).encode()

    def _load(self, body: bytes) -> None:
        with tarfile.open(fileobj=io.BytesIO(body)) as archive:

            def read(name: str) -> bytes:
                stream = archive.extractfile(name)
                assert stream is not None
                return stream.read()

            (entry,) = json.loads(read("manifest.json"))
            layers = [gzip.decompress(read(name)) for name in entry["Layers"]]
            for name in entry["RepoTags"]:
                self.images[name] = EngineImage(layers, read(entry["Config"]))


def _handler(engine: FakeEngine) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, data = engine.answer(self.command, self.path, body)
            with suppress(OSError):  # who has asked may be gone
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def do_DELETE(self) -> None:
            self._answer()

        def address_string(self) -> str:
            return "client"

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    return Handler


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    archive.addfile(member, io.BytesIO(data))
