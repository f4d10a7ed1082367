"""Docker engines that are played."""

from __future__ import annotations

import tempfile
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingUnixStreamServer
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

LOADED = b'{"stream":"Loaded image: a:b\\n"}\n'


class Engine:
    """Takes images, or not.

    :ivar status, answer: what it says.
    :ivar takes: whether it reads what it is sent.
    :ivar pause: what it waits for before it answers.
    """

    def __init__(self, path: Path) -> None:
        self.environ = {"DOCKER_HOST": f"unix://{path}"}
        self.address = f"unix://{path}"
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.status = 200
        self.answer = LOADED
        self.takes = True
        self.pause: threading.Event | None = None
        engine = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = b""
                if engine.takes:
                    body = self.rfile.read(int(self.headers["Content-Length"]))
                engine.requests.append((self.path, dict(self.headers), body))
                if engine.pause is not None:
                    engine.pause.wait(30)
                    return
                if not engine.takes:
                    return
                self.send_response(engine.status)
                self.end_headers()
                self.wfile.write(engine.answer)

            def address_string(self) -> str:
                return "client"

            def log_message(self, *_: object) -> None:
                """Print nothing."""

        self._server = ThreadingUnixStreamServer(str(path), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def engine() -> Iterator[Engine]:
    """An engine at a socket, whose path is short enough for one."""
    with tempfile.TemporaryDirectory(prefix="okp-") as folder:
        engine = Engine(Path(folder) / "s")
        yield engine
        engine.close()
