"""``--watch`` in a process of its own, with the events of the operating system."""

from __future__ import annotations

import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

import pytest

from okplug.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from okplug.testing import Workspace

#: seconds after which a line does not come any more
DEADLINE = 60
WAITING = "^watching for changes"

FILES = {
    "base/okteto.yaml": "build: {base: .}\n",
    "base/Dockerfile": "FROM scratch\nCOPY data /base\n",
    "base/data": "base\n",
    "api/okteto.yaml": "build: {api: {context: ., depends_on: 'base:base'}}\n",
    "api/Dockerfile": "ARG OKTETO_BUILD_BASE_IMAGE\nFROM ${OKTETO_BUILD_BASE_IMAGE}\nCOPY src /src\n",
    "api/.dockerignore": "**/*.log\n",
    "api/src/main": "main\n",
    "other/text": "no image\n",
}


@dataclass
class Watching:
    """A watch at work; its lines come as it prints them, and None when it ends."""

    process: subprocess.Popen[str]
    lines: queue.Queue[str | None]

    def until(self, pattern: str) -> list[str]:
        """Wait for a line, and return those that came before it, and it."""
        found: list[str] = []
        deadline = time.monotonic() + DEADLINE
        while not found or not re.search(pattern, found[-1]):
            try:
                line = self.lines.get(timeout=max(deadline - time.monotonic(), 0))
            except queue.Empty:
                line = None
            assert line is not None, f"{pattern} never came, only {found}"
            found.append(line)
        return found

    def end(self, number: signal.Signals = signal.SIGINT) -> tuple[int, list[str]]:
        """Ask it to end while it waits; return the exit code and the lines since."""
        self.until(WAITING)
        self.process.send_signal(number)
        code = self.process.wait(DEADLINE)
        return code, [line for line in iter(lambda: self.lines.get(timeout=DEADLINE), None) if line]


def _forward(stream: IO[str], lines: queue.Queue[str | None]) -> None:
    for line in stream:
        lines.put(line.rstrip("\n"))
    lines.put(None)


@contextmanager
def watching(workspace: Workspace, *argv: str, **environ: str) -> Iterator[Watching]:
    """Run a command with both of its streams in one pipe, and end it whatever happens."""
    process = subprocess.Popen(
        [sys.executable, "-m", "okplug", *argv, "--watch"],
        cwd=workspace.root,
        env={**workspace.environ, "PYTHONPATH": os.environ.get("PYTHONPATH", ""), **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    lines: queue.Queue[str | None] = queue.Queue()
    reader = threading.Thread(target=_forward, args=(process.stdout, lines))
    reader.start()
    try:
        yield Watching(process, lines)
    finally:
        process.kill()
        process.wait()
        reader.join()
        process.stdout.close()


@pytest.fixture
def shop(workspace: Workspace) -> Workspace:
    """Base <- api, with the images in a folder."""
    workspace.write(FILES)
    return workspace


def test_a_plan_follows_the_files(shop: Workspace) -> None:
    shop.run("build").assert_ok()
    with watching(shop, "plan") as watch:
        watch.until(WAITING)
        shop.write({"base/data": "edited\n"})
        assert watch.until("to build, 0 to reuse")[-3:-1] == [
            "build  base:base  data changed",
            "build  api:api    depends on the result of base:base",
        ]
        # a file that is replaced, as editors do it
        shop.write({"base/.data.swp": "base\n"})
        (shop.root / "base/.data.swp").replace(shop.root / "base/data")
        assert watch.until("0 to build, 2 to reuse")[-3:-1] == [
            "reuse  base:base",
            "reuse  api:api",
        ]
        assert watch.end() == (ExitCode.OK, [])


def test_what_matters_to_no_image_is_not_told(shop: Workspace) -> None:
    with watching(shop, "plan") as watch:
        watch.until(WAITING)
        shop.write({"api/src/debug.log": "ignored\n", "api/README": "not copied\n"})
        shop.write({"other/text": "edited\n", ".git/index": "git\n", "node_modules/a/b": "b\n"})
        shop.write({"api/src/main": "edited\n"})
        found = watch.until("to build, 0 to reuse")
        assert re.fullmatch(r"\d\d:\d\d:\d\d  .*api/src/main.* changed", found[0])
        assert len(found) == 3, found
        assert watch.end() == (ExitCode.OK, [])


def test_a_build_follows_new_files_folders_and_images(shop: Workspace) -> None:
    with watching(shop, "build", "--metadata-file", "meta.json") as watch:
        watch.until("2 built in")
        watch.until(WAITING)
        shop.write({"api/src/deep/er/file": "one\n"})
        watch.until("1 built, 1 reused in")
        shop.write({"api/src/deep/er/file": "two\n"})
        assert "src/deep/er/file changed" in "\n".join(watch.until("1 built, 1 reused in"))
        shop.write({"new/deep/Dockerfile": "FROM scratch\nCOPY x /\n", "new/deep/x": "x\n"})
        shop.write({"new/deep/okteto.yaml": "build: {new: .}\n"})
        assert "new/deep:new" in "\n".join(watch.until("1 built, 2 reused in"))
        shop.write({"new/deep/x": "y\n"})
        watch.until("1 built, 2 reused in")
        assert watch.end(signal.SIGTERM) == (ExitCode.OK, [])


def test_a_folder_that_is_made_again_is_followed(shop: Workspace) -> None:
    with watching(shop, "build", "api") as watch:
        watch.until(WAITING)
        (shop.root / "api/src").rename(shop.root / "api/old")
        watch.until("1 failed, 1 reused in")
        shop.write({"api/src/main": "made again\n"})
        watch.until("1 built, 1 reused in")
        shop.write({"api/src/main": "edited\n"})
        watch.until("1 built, 1 reused in")
        assert watch.end() == (ExitCode.OK, [])


def test_links_to_folders_do_not_hide_them(shop: Workspace) -> None:
    """A package manager's link into the workspace is no other path to watch by."""
    (shop.root / "node_modules").mkdir()
    (shop.root / "node_modules/api").symlink_to("../api")
    (shop.root / "link").symlink_to("api")
    with watching(shop, "plan", "api") as watch:
        watch.until(WAITING)
        (shop.root / "node_modules/api").unlink()
        (shop.root / "node_modules").rmdir()
        (shop.root / "link").unlink()
        shop.write({"api/src/main": "edited\n"})
        assert watch.until("to build, 0 to reuse")[-2] == "build  api:api    new"
        assert watch.end() == (ExitCode.OK, [])


def test_a_context_elsewhere_is_followed(shop: Workspace) -> None:
    elsewhere = shop.root.parent / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "Dockerfile").write_text("FROM scratch\nCOPY data /\n")
    (elsewhere / "data").write_text("one\n")
    shop.write({"far/okteto.yaml": "build: {far: {context: ../../elsewhere}}\n"})
    with watching(shop, "plan", "far") as watch:
        watch.until(WAITING)
        (elsewhere / "data").write_text("two\n")
        watch.until("1 to build")
        (elsewhere / "Dockerfile").write_text("FROM scratch\nCOPY data /there\n")
        watch.until("1 to build")
        assert watch.end() == (ExitCode.OK, [])


def test_a_broken_manifest_is_waited_out(shop: Workspace) -> None:
    with watching(shop, "build") as watch:
        watch.until(WAITING)
        shop.write({"api/okteto.yaml": "build: {\n"})
        watch.until("^error: api/okteto.yaml:2:1: ")
        shop.write({"api/okteto.yaml": FILES["api/okteto.yaml"], "api/src/main": "edited\n"})
        watch.until("1 built, 1 reused in")
        assert watch.end() == (ExitCode.OK, [])


def test_files_are_looked_at_where_nothing_is_told_of_changes(shop: Workspace) -> None:
    """Times are compared to the second, and the file must not be as young as the edit."""
    os.utime(shop.root / "base/data", (0, 0))
    environ = {"WATCHFILES_FORCE_POLLING": "1", "WATCHFILES_POLL_DELAY_MS": "50"}
    with watching(shop, "plan", "base", **environ) as watch:
        watch.until(WAITING)
        shop.write({"base/data": "edited, and of another size\n"})
        watch.until("1 to build")
        assert watch.end() == (ExitCode.OK, [])


def test_names_that_are_no_text_do_not_end_it(shop: Workspace) -> None:
    shop.write({"api/Dockerfile": "FROM scratch\nCOPY src /src\n"})
    with watching(shop, "plan", "api") as watch:
        watch.until(WAITING)
        (shop.root / "api/src" / os.fsdecode(b"caf\xe9")).write_text("one")
        watch.until("2 to build")
        shop.write({"api/src/main": "edited\n"})
        watch.until("2 to build")
        assert watch.end() == (ExitCode.OK, [])


def test_a_reader_that_leaves_ends_it(shop: Workspace) -> None:
    """As ``| head -1`` does; what is printed next finds nobody."""
    process = subprocess.Popen(
        [sys.executable, "-m", "okplug", "plan", "base", "--watch"],
        cwd=shop.root,
        env={**shop.environ, "PYTHONPATH": os.environ.get("PYTHONPATH", "")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "build  base:base  new\n"
        process.stdout.close()
        while not process.stderr.readline().startswith("watching"):
            assert process.poll() is None
        shop.write({"base/data": "edited\n"})
        assert process.wait(DEADLINE) == ExitCode.FAILED
    finally:
        process.kill()
        process.wait()
        assert process.stderr is not None
        process.stderr.close()


def test_images_in_a_folder_of_the_context_wake_nobody(shop: Workspace) -> None:
    shop.write(
        {
            "okplug.toml": 'registry = "layout:images"\n',
            "Dockerfile": "FROM scratch\nCOPY . /\n",
            "okteto.yaml": "build: {all: .}\n",
        }
    )
    with watching(shop, "build", ":all") as watch:
        watch.until(WAITING)
        shop.write({"other/text": "edited\n"})
        assert re.search("  other/text changed$", watch.until("changed$")[-1])
        watch.until("1 built in")
        assert watch.end() == (ExitCode.OK, [])
