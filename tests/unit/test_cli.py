from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

from okplug import cli, hookimpl
from okplug.errors import Location, ManifestError
from okplug.testing import HookRecorder

if TYPE_CHECKING:
    from collections.abc import Callable

    from okplug import Config, Parser
    from okplug.testing import Workspace


class Command:
    """A plugin with the command ``do``."""

    def __init__(self, handler: Callable[[Config], int]) -> None:
        self.handler = handler

    @hookimpl
    def okplug_addoption(self, parser: Parser) -> None:
        """Add it."""
        parser.add_command("do", help="do it", handler=self.handler)


class Interrupting:
    """Part of a class that is interrupted while it is made."""

    def __set_name__(self, owner: type, name: str) -> None:
        raise KeyboardInterrupt


def import_interrupted() -> None:
    """Do what an import does when an interruption comes."""
    type("Imported", (), {"field": Interrupting()})


def raising(error: BaseException) -> Command:
    def handler(_config: Config) -> NoReturn:
        raise error

    return Command(handler)


def test_the_version_is_told_wherever_it_is_asked_for(workspace: Workspace) -> None:
    from okplug import __version__

    for argv in (["--version"], ["build", "--version"], ["-x", "--nope", "--version"]):
        outcome = workspace.run(*argv).assert_ok()
        assert outcome.stdout == f"okplug {__version__}\n"


def test_the_version_may_be_the_name_of_a_selection(workspace: Workspace) -> None:
    assert "okplug 0" not in workspace.run("config", "--", "--version").assert_exit(4).stdout


def test_help_is_told_without_a_workspace_being_right(workspace: Workspace) -> None:
    workspace.write({"okteto.yaml": "build: ["})
    assert workspace.run("--help").assert_ok().stdout.startswith("usage: okplug [OPTIONS]")


def test_a_command_says_how_the_process_ends(workspace: Workspace) -> None:
    assert workspace.run("do", plugins=[Command(lambda _config: 5)]).exit_code == 5


def test_an_error_is_one_block(workspace: Workspace) -> None:
    error = ManifestError(
        "no such target",
        location=Location(workspace.root / "services/okteto.yaml", 3, 7),
        hint="name a stage",
    )
    outcome = workspace.run("do", plugins=[raising(error)])
    assert outcome.exit_code == 4
    assert outcome.stdout == ""
    assert outcome.stderr == (
        "error: services/okteto.yaml:3:7: no such target\n  hint: name a stage\n"
    )


def test_paths_are_told_from_where_the_user_is(workspace: Workspace) -> None:
    (workspace.root / "services").mkdir()
    error = ManifestError("x", location=Location(workspace.root / "services/okteto.yaml"))
    command = raising(error)
    for outcome in (
        workspace.run("do", plugins=[command], cwd="services"),
        workspace.run("-C", "services", "do", plugins=[command]),
    ):
        assert outcome.stderr == "error: okteto.yaml: x\n"


@pytest.mark.parametrize(
    "how", ["--debug", "OKPLUG_DEBUG", "-l debug", "--log-level debug", "--log-level=debug"]
)
def test_a_traceback_is_shown_on_request(workspace: Workspace, how: str) -> None:
    environ = {"OKPLUG_DEBUG": "1"} if how == "OKPLUG_DEBUG" else {}
    argv = ["do", *how.split()] if how.startswith("-") else ["do"]
    for error in (ManifestError("x"), ValueError("x")):
        outcome = workspace.run(*argv, plugins=[raising(error)], environ=environ)
        assert "Traceback (most recent call last):\n" in outcome.stderr


def test_a_fault_is_one_line_and_the_way_to_know_more(workspace: Workspace) -> None:
    outcome = workspace.run("do", plugins=[raising(ValueError("oh"))])
    assert outcome.exit_code == 3
    assert outcome.stderr == (
        "internal error: ValueError: oh\n  hint: --debug or OKPLUG_DEBUG=1 shows where\n"
    )


def test_a_fault_of_a_plugin_names_it(workspace: Workspace) -> None:
    class Faulty:
        @hookimpl
        def okplug_configure(self) -> None:
            raise ValueError("oh")

    outcome = workspace.run("config", plugins=[Faulty()])
    assert outcome.exit_code == 3
    assert outcome.stderr.startswith(
        "internal error, in plugin test_a_fault_of_a_plugin_names_it.<locals>.Faulty: "
        "ValueError: oh\n"
    )


def test_an_interruption_has_its_own_code(workspace: Workspace) -> None:
    outcome = workspace.run("do", plugins=[raising(KeyboardInterrupt())])
    assert (outcome.exit_code, outcome.stderr) == (2, "interrupted\n")


def test_an_interruption_that_python_wraps_is_one(workspace: Workspace) -> None:
    """Until 3.12 it does so while a class is made, as when a module is imported."""

    class Importing:
        @hookimpl
        def okplug_configure(self) -> None:
            import_interrupted()

    outcome = workspace.run("config", plugins=[Importing()])
    assert (outcome.exit_code, outcome.stderr) == (2, "interrupted\n")


@pytest.mark.parametrize(
    "error", [ManifestError("x"), ValueError("x"), KeyboardInterrupt(), SystemExit(0)]
)
def test_plugins_can_always_release_what_they_took(
    workspace: Workspace, error: BaseException
) -> None:
    recorder = HookRecorder()
    workspace.run("do", plugins=[raising(error), recorder])
    assert recorder.names()[-2:] == ("okplug_configure", "okplug_unconfigure")


def test_plugins_release_also_when_another_cannot_set_up(workspace: Workspace) -> None:
    class Faulty:
        @hookimpl
        def okplug_configure(self) -> None:
            raise ValueError("oh")

    recorder = HookRecorder()
    workspace.run("config", plugins=[Faulty(), recorder])
    assert recorder.names()[-1] == "okplug_unconfigure"


@pytest.mark.parametrize(("code", "exit_code"), [(0, 0), (None, 0), (7, 7), ("text", 0)])
def test_a_plugin_may_exit(workspace: Workspace, code: int | str | None, exit_code: int) -> None:
    assert workspace.run("do", plugins=[raising(SystemExit(code))]).exit_code == exit_code


def test_warnings_that_nobody_heard_are_printed(workspace: Workspace) -> None:
    class Late:
        @hookimpl
        def okplug_unconfigure(self, config: Config) -> None:
            config.warn("late")

    def handler(config: Config) -> int:
        config.warn("early", "api:api")
        return 0

    outcome = workspace.run("do", plugins=[Command(handler), Late()])
    assert outcome.stderr == "warning: api:api: early\nwarning: late\n"


# ------------------------------------------------------------------------------------- start-up


def test_settings_override_each_other_in_order(workspace: Workspace) -> None:
    class Administrator:
        @hookimpl
        def okplug_addoption(self, parser: Parser) -> None:
            parser.add_defaults({"names": "a", "global_namespace": "admin", "jobs": "1"}, "admin")

    workspace.write({"okplug.toml": "names = 'f'\njobs = 2\n"})

    def origins(*argv: str, environ: dict[str, str]) -> dict[str, tuple[object, str]]:
        found: dict[str, tuple[object, str]] = {}

        def handler(config: Config) -> int:
            found.update({value.name: (value.value, value.origin) for value in config.values()})
            return 0

        plugins = [Administrator(), Command(handler)]
        workspace.run("do", *argv, plugins=plugins, environ=environ).assert_ok()
        return found

    first = origins(environ={"OKPLUG_JOBS": "3"})
    assert first["verify_hits"] == (True, "default")
    assert first["global_namespace"] == ("admin", "admin")
    assert first["names"] == ("f", "okplug.toml:1")
    assert first["jobs"] == (3, "environment OKPLUG_JOBS")
    assert origins("-j4", environ={"OKPLUG_JOBS": "3"})["jobs"] == (4, "command line")


def test_the_config_knows_where_it_is(workspace: Workspace) -> None:
    (workspace.root / "services/api").mkdir(parents=True)

    def handler(config: Config) -> int:
        assert config.root == workspace.root
        assert config.cwd == workspace.root / "services/api"
        assert config.command == "do"
        assert config.environ["USER"] == "cindy"
        return 0

    workspace.run("-C", "services", "-Capi", "do", plugins=[Command(handler)]).assert_ok()


def test_a_folder_that_is_not_there_is_an_error(workspace: Workspace) -> None:
    outcome = workspace.run("-C", "nope", "config").assert_exit(4)
    assert outcome.stderr == "error: -C nope: there is no such folder\n"


@pytest.mark.parametrize(
    ("files", "environ", "argv", "is_loaded"),
    [
        ({}, {}, (), False),
        ({}, {}, ("-p", "startup_extra"), True),
        ({}, {"OKPLUG_PLUGINS": "startup_extra"}, (), True),
        ({"okplug.toml": "plugins = ['startup_extra']\n"}, {}, (), True),
        ({}, {}, ("-o", "plugins=startup_extra"), True),
        ({"okplug.toml": "plugins = ['startup_extra']\n"}, {}, ("-p", "no:startup_extra"), False),
        ({"okplug.toml": "plugins = ['startup_extra']\n"}, {"OKPLUG_PLUGINS": "no:x"}, (), False),
        ({"okplug.toml": "plugins = ['no:startup_extra']"}, {}, ("-p", "startup_extra"), True),
    ],
)
def test_plugins_are_named_in_many_places(
    workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    files: dict[str, str],
    environ: dict[str, str],
    argv: tuple[str, ...],
    is_loaded: bool,  # noqa: FBT001  # a parameter of the test
) -> None:
    workspace.write({**files, "startup_extra.py": ""})
    monkeypatch.syspath_prepend(workspace.root)
    outcome = workspace.run("plugins", *argv, environ=environ).assert_ok()
    assert ("startup_extra" in outcome.stdout) == is_loaded


def test_a_plugin_s_option_among_other_letters_is_refused(workspace: Workspace) -> None:
    outcome = workspace.run("build", "-xp", "json").assert_exit(4)
    assert outcome.stderr == (
        "error: -p stands behind the letter of an option that takes effect later\n"
        "  hint: write it as a word of its own: -x -p NAME, not -xp NAME\n"
    )


def test_the_configuration_can_be_traced(workspace: Workspace) -> None:
    workspace.write({"okplugfile.py": ""})
    outcome = workspace.run("config", "--trace-config").assert_ok()
    assert f"okplugfile.py (workspace, {workspace.root}/okplugfile.py)\n  no hooks\n" in (
        outcome.stderr
    )
    assert "config (okplug, " in outcome.stderr


def test_hook_calls_can_be_traced(workspace: Workspace) -> None:
    outcome = workspace.run("config", environ={"OKPLUG_DEBUG": "1"}).assert_ok()
    assert "okplug_configure [hook]\n" in outcome.stderr
    assert "okplug_unconfigure [hook]\n" in outcome.stderr


@pytest.mark.parametrize(
    ("name", "warning"),
    [
        (
            "OKPLUG_REGISTY",
            (
                "warning: the environment variable OKPLUG_REGISTY means nothing; "
                "OKPLUG_REGISTRY would\n"
            ),
        ),
        ("OKPLUG_OF_SOMEBODY_ELSE_ALTOGETHER", ""),
        ("OKPLUG_DISABLE_PLUGIN_AUTOLOAD", ""),
        ("REGISTY", ""),
    ],
)
def test_a_variable_that_is_misspelt_is_told(workspace: Workspace, name: str, warning: str) -> None:
    assert workspace.run("config", environ={name: "1"}).assert_ok().stderr == warning


def test_a_wrong_okplugfile_is_an_error_at_its_place(workspace: Workspace) -> None:
    workspace.write({"okplugfile.py": "x = 1\nx / 0\n"})
    outcome = workspace.run("config").assert_exit(4)
    assert outcome.stderr == "error: okplugfile.py:2: ZeroDivisionError: division by zero\n"


# ------------------------------------------------------------------------------- the process


def run_shell(redirections: str, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run ``okplug plugins`` with its streams redirected."""
    top = Path(cli.__file__).parent.parent
    return subprocess.run(
        ["/bin/sh", "-c", f"exec '{sys.executable}' -m okplug plugins {redirections}"],
        cwd=cwd,
        env={"PYTHONPATH": str(top), "HOME": str(cwd), **environ},
        capture_output=True,
        text=True,
        check=False,
    )


def run_python(*argv: str, cwd: Path, stdout: int = subprocess.PIPE) -> tuple[int, str, str]:
    top = Path(cli.__file__).parent.parent
    environ = {"PYTHONPATH": str(top), "HOME": str(cwd), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-W", "error", *argv],
        cwd=cwd,
        env=environ,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_the_process_is_the_command_line_s(workspace: Workspace) -> None:
    code, stdout, _ = run_python("-m", "okplug", "config", "--json", cwd=workspace.root)
    assert code == 0
    assert f'"root": "{workspace.root}"' in stdout


def test_a_reader_that_goes_away_is_no_fault(workspace: Workspace) -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        code, _, stderr = run_python(
            "-m", "okplug", "plugins", "--hooks", cwd=workspace.root, stdout=write
        )
    finally:
        os.close(write)
    assert (code, stderr) == (1, "")


def test_a_reader_that_goes_away_midway_is_no_fault(workspace: Workspace) -> None:
    workspace.write(
        {
            "okplugfile.py": """
            import sys
            from okplug import hookimpl

            def run(config):
                sys.stdout.write("x" * 100_000)
                sys.stdout.flush()

            @hookimpl
            def okplug_addoption(parser):
                parser.add_command("do", help="", handler=run)
            """
        }
    )
    read, write = os.pipe()
    os.close(read)
    try:
        code, _, stderr = run_python("-m", "okplug", "do", cwd=workspace.root, stdout=write)
    finally:
        os.close(write)
    assert (code, stderr) == (1, "")


@pytest.mark.parametrize("buffering", ["", "1"])
def test_a_full_disk_behind_the_output_is_no_fault(workspace: Workspace, buffering: str) -> None:
    """The error comes from the first write, or from the last flush."""
    done = run_shell(">/dev/full", workspace.root, PYTHONUNBUFFERED=buffering)
    assert (done.returncode, done.stderr.count("\n")) == (1, 2 if buffering else 1)
    assert done.stderr.startswith("error: ")
    assert "No space left on device" in done.stderr


@pytest.mark.parametrize("closing", [">&-", "2>&-", ">&- 2>&-"])
def test_a_stream_that_is_closed_is_written_to_no_more(workspace: Workspace, closing: str) -> None:
    done = run_shell(closing, workspace.root)
    assert (done.returncode, done.stderr) == (0, "")
    assert ("registry" in done.stdout) == (closing == "2>&-")


def test_a_folder_that_is_gone(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = workspace.root / "gone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()
    code = cli.main(["list"], environ={"HOME": str(workspace.home)})
    assert code == 4
    assert capsys.readouterr().err == (
        "error: the current folder is not there any more\n  hint: change to another one\n"
    )


@pytest.mark.parametrize(
    "interrupt", [lambda: signal.raise_signal(signal.SIGTERM), import_interrupted]
)
def test_a_request_to_end_is_an_interruption(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    interrupt: Callable[[], None],
) -> None:
    """Even before there is anything that could be interrupted, it leaves no traceback."""

    def end(_argv: object) -> int:
        interrupt()
        return 0

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(cli, "main", end)
    try:
        assert cli.entry_point() == 2
    finally:
        signal.signal(signal.SIGTERM, before)
    assert capsys.readouterr().err == "interrupted\n"


def test_an_interruption_while_code_is_made_ends_with_its_code(tmp_path: Path) -> None:
    """As in an import of dataclasses, which has ``python -m`` end by the signal otherwise."""
    program = """
import sys
import okplug.errors
from okplug import cli

def interrupted(_argv):
    exec("raise KeyboardInterrupt")

cli.main = interrupted
sys.exit(cli.entry_point())
"""
    (tmp_path / "program.py").write_text(program)
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    command = [sys.executable, "-m", "program"]
    done = subprocess.run(command, env=environ, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (2, b"interrupted\n")


def test_what_is_printed_is_out_when_the_entry_point_returns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    flushed: list[bool] = []

    class Stream(io.StringIO):
        def flush(self) -> None:
            flushed.append(True)

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(cli, "main", lambda _argv: 5)
    monkeypatch.setattr(sys, "stdout", Stream())
    try:
        assert cli.entry_point() == 5
    finally:
        signal.signal(signal.SIGTERM, before)
    assert flushed


def test_without_an_environment_the_process_s_counts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "okplug.toml").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OKPLUG_NAMES", "mine")
    assert cli.main(["config"]) == 0
    assert "(environment OKPLUG_NAMES)" in capsys.readouterr().out
