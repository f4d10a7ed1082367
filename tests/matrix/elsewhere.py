"""Edits of what ADD fetches from servers, and of base images that nobody here describes."""

from __future__ import annotations

import functools
import hashlib
import http.server
import socket
import subprocess
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.matrix.changes import all_of, run_git
from tests.matrix.model import NEW, REFUSED, SAME, Edit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.matrix.model import Change, Scene

_PATIENCE = 30.0


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Print nothing."""


@contextmanager
def web_server(folder: Path) -> Iterator[str]:
    """Serve the files of a folder, and give the address."""
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def git_server(folder: Path) -> Iterator[str]:
    """Serve the repositories in a folder, and give the address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    options = ("--reuseaddr", "--export-all", "--listen=127.0.0.1", f"--base-path={folder}")
    with subprocess.Popen(
        ["git", "daemon", *options, f"--port={port}", str(folder)], stderr=subprocess.DEVNULL
    ) as daemon:
        try:
            _wait_for(port, daemon)
            yield f"git://127.0.0.1:{port}"
        finally:
            daemon.terminate()


def _wait_for(port: int, daemon: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            assert daemon.poll() is None, "git daemon ended by itself"
            assert time.monotonic() < deadline, "git daemon does not answer"
            time.sleep(0.02)
        else:
            return


def put(name: str, text: str) -> Change:
    """Have a file on the web."""

    def change(scene: Scene) -> None:
        path = scene.root.parent / "www" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    return change


def fetch(name: str, *, checked: bool = False) -> Change:
    """Have the Dockerfile fetch a file from the web, which is served while the edit is tried."""

    def change(scene: Scene) -> None:
        folder = scene.root.parent / "www"
        if scene.server is None:
            scene.server = scene.undo.enter_context(web_server(folder))
        digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        flag = f"--checksum=sha256:{digest} " if checked else ""
        text = f"FROM scratch\nADD {flag}{scene.server}/{name} /x\n"
        scene.workspace.write({"Dockerfile": text})

    return change


def commit(text: str) -> Change:
    """Have one more commit in a repository elsewhere."""

    def change(scene: Scene) -> None:
        folder = scene.root.parent / "repositories/tool"
        if not folder.exists():
            folder.mkdir(parents=True)
            run_git(scene, str(folder), "init", "-q")
        (folder / "file").write_text(text)
        run_git(scene, str(folder), "add", "-A")
        run_git(scene, str(folder), "commit", "-qm", "more", "--allow-empty")
        run_git(scene, str(folder), "tag", f"v{text.strip()}")

    return change


def clone(ref: str) -> Change:
    """Have the Dockerfile fetch the repository, which is served while the edit is tried."""

    def change(scene: Scene) -> None:
        if scene.server is None:
            folder = scene.root.parent / "repositories"
            scene.server = scene.undo.enter_context(git_server(folder))
        text = f"FROM scratch\nADD {scene.server}/tool#{ref} /x\n"
        scene.workspace.write({"Dockerfile": text})

    return change


BY_ADDRESS = "what is behind an address is taken to stay what it is; `--checksum` holds it to that"
BY_BRANCH = "what a branch stands for is not looked up; the id of a commit stays what it is"

ELSEWHERE = (
    Edit(
        "another address that ADD fetches",
        fetch("two"),
        NEW,
        embedded=REFUSED,
        before=all_of(put("one", "1"), put("two", "2"), fetch("one")),
    ),
    Edit(
        "another address of the same content",
        fetch("two"),
        NEW,
        embedded=REFUSED,
        buildkit=NEW,
        before=all_of(put("one", "1"), put("two", "1"), fetch("one")),
    ),
    Edit(
        "content behind an address that ADD fetches",
        put("one", "2"),
        SAME,
        embedded=REFUSED,
        buildkit=NEW,
        why=BY_ADDRESS,
        before=all_of(put("one", "1"), fetch("one")),
    ),
    Edit(
        "content behind an address, with its --checksum",
        all_of(put("one", "2"), fetch("one", checked=True)),
        NEW,
        embedded=REFUSED,
        before=all_of(put("one", "1"), fetch("one", checked=True)),
    ),
    Edit(
        "another tag of a repository that ADD clones",
        clone("v2"),
        NEW,
        embedded=REFUSED,
        before=all_of(commit("1\n"), commit("2\n"), clone("v1")),
    ),
    Edit(
        "a commit on a branch that ADD clones",
        commit("2\n"),
        SAME,
        embedded=REFUSED,
        buildkit=NEW,
        why=BY_BRANCH,
        before=all_of(commit("1\n"), clone("main")),
    ),
    Edit(
        "a commit on a branch, where ADD clones a tag",
        commit("2\n"),
        SAME,
        embedded=REFUSED,
        before=all_of(commit("1\n"), clone("v1")),
    ),
)
