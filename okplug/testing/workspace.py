"""A workspace in a temporary folder, and whole commands run in it within the test's process."""

from __future__ import annotations

import argparse
import io
import textwrap
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from okplug.cli import main
from okplug.commandline import Parser
from okplug.config import Config
from okplug.coresettings import core_settings
from okplug.pluginmanager import PluginManager, Provenance
from okplug.settings import Assignment, resolve

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command did."""

    exit_code: int
    stdout: str
    stderr: str

    def assert_ok(self) -> Outcome:
        """Fail the test with all that was printed, unless the command exited with 0."""
        return self.assert_exit(0)

    def assert_exit(self, exit_code: int) -> Outcome:
        """Fail the test with all that was printed, unless the command exited with this code."""
        if self.exit_code != exit_code:
            pytest.fail(
                f"exit code {self.exit_code}, not {exit_code}\n"
                f"--- stdout\n{self.stdout}--- stderr\n{self.stderr}"
            )
        return self


@dataclass(slots=True)
class Workspace:
    """A monorepo of files that a test writes.

    :param root: its folder, with an empty ``okplug.toml`` in it from the beginning.
    :param home: the user's home while commands run.
    :param environ: all that commands see of the environment; a test may change it. The user is
        cindy, the platform linux/amd64 and the builder the embedded one.
    """

    root: Path
    home: Path
    environ: dict[str, str] = field(default_factory=dict)

    def write(self, files: Mapping[str, str | bytes], *, mode: int = 0o644) -> None:
        """Write files below the root; texts are dedented and lose the line break they begin with.

        :param files: POSIX path -> content.
        """
        for relpath, content in files.items():
            path = self.root / relpath
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(_dedented(content) if isinstance(content, str) else content)
            path.chmod(mode)

    def run(
        self,
        *argv: str,
        plugins: Sequence[object] = (),
        environ: Mapping[str, str] | None = None,
        cwd: str = "",
    ) -> Outcome:
        """Run a command line as a user in the workspace would.

        :param plugins: objects or modules to register for this run.
        :param environ: variables beside those of the workspace.
        :param cwd: folder below the root.
        """
        stdout, stderr = (
            io.TextIOWrapper(io.BytesIO(), "utf-8", errors=errors, newline="")
            for errors in ("surrogateescape", "backslashreplace")
        )
        with stdout, stderr, redirect_stdout(stdout), redirect_stderr(stderr):
            code = main(argv, plugins, {**self.environ, **(environ or {})}, self.root / cwd)
            return Outcome(code, _text(stdout), _text(stderr))

    def config(
        self,
        *,
        plugins: Sequence[object] = (),
        settings: Mapping[str, object] | None = None,
        options: Mapping[str, object] | None = None,
    ) -> Config:
        """Return the configuration of a run in the workspace, for tests below the command line.

        :param plugins: the only plugins that there are.
        :param settings: name -> value, as a settings file gives it.
        :param options: what a command's options would be.
        """
        manager = PluginManager(self.root)
        for number, plugin in enumerate(plugins, start=1):
            manager.register(plugin, f"plugin-{number}", Provenance("test"))
        parser = Parser(core_settings(self.environ))
        manager.addoption(parser)
        given = (Assignment(name, raw, "test") for name, raw in (settings or {}).items())
        return Config(
            root=self.root,
            cwd=self.root,
            environ=dict(self.environ),
            options=argparse.Namespace(**(options or {})),
            plugins=manager,
            settings=resolve(parser.settings, given),
            command="test",
        )


def _dedented(text: str) -> bytes:
    return textwrap.dedent(text).removeprefix("\n").encode()


def _text(stream: io.TextIOWrapper) -> str:
    stream.flush()
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode("utf-8", "surrogateescape")


def make_workspace(folder: Path) -> Workspace:
    """Return an empty workspace below *folder*."""
    root, home = folder / "shop", folder / "home"
    root.mkdir()
    home.mkdir()
    (root / "okplug.toml").touch()
    environ = {
        "HOME": str(home),
        "USER": "cindy",
        "PATH": "/usr/bin:/bin",
        "OKPLUG_PLATFORM": "linux/amd64",
        "OKPLUG_BUILDER": "embedded",
    }
    return Workspace(root.resolve(), home.resolve(), environ)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """An empty workspace in a temporary folder."""
    return make_workspace(tmp_path)
