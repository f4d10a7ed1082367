from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import pytest

import okplug_report
from okplug import events
from okplug.commandline import Parser
from okplug.errors import UsageError
from okplug.hookspecs import hookimpl
from okplug.pluginmanager import PluginManager, Provenance
from okplug.terminal.screen import SCREEN

if TYPE_CHECKING:
    from pathlib import Path

    from okplug.config import Config
    from okplug.testing import Workspace


class Build:
    """Has the command that the option belongs to."""

    @hookimpl
    def okplug_addoption(self, parser: Parser) -> None:
        """Add the command."""
        parser.add_command("build", help="build", handler=self.run)

    def run(self, config: Config) -> int:
        """Do nothing."""
        return len(config.command)


def configured(
    workspace: Workspace, command: str = "build", *, setting: str = "", option: str = ""
) -> Config:
    """Return the configuration of a command after plugins have set up."""
    config = workspace.config(
        plugins=[okplug_report],
        settings={"report_log": setting} if setting else {},
        options={"report_log": option or None},
    )
    config.command = command
    config.plugins.configure(config)
    return config


def emit_one(config: Config) -> None:
    config.plugins.event(events.WarningRaised(1.0, "odd"))
    config.plugins.unconfigure(config)


def messages(path: Path) -> list[str]:
    return [json.loads(line)["message"] for line in path.read_text().splitlines()]


def test_the_option_belongs_to_build(workspace: Workspace) -> None:
    manager = PluginManager(workspace.root)
    for name, plugin in (("build", Build()), ("report", okplug_report)):
        manager.register(plugin, name, Provenance("test"))
    parser = Parser()
    manager.addoption(parser)
    parsed = parser.parse(["build", "--report-log", "x.jsonl"])
    assert parsed
    assert parsed.options.report_log == "x.jsonl"
    assert parser.settings["report_log"].default == ""


def test_without_the_command_there_are_the_settings_only(workspace: Workspace) -> None:
    manager = PluginManager(workspace.root)
    manager.register(okplug_report, "report", Provenance("test"))
    parser = Parser()
    manager.addoption(parser)
    assert (list(parser.settings), list(parser.commands)) == (
        ["report_log", "disable_spinner"],
        [],
    )


def test_nobody_asks_for_a_log(workspace: Workspace) -> None:
    before = sorted(workspace.root.iterdir())
    config = configured(workspace)
    emit_one(config)
    assert not config.plugins.has_plugin("reportlog")
    assert sorted(workspace.root.iterdir()) == before


def test_the_setting_names_a_file_below_the_root(workspace: Workspace) -> None:
    (workspace.root / "sub").mkdir()
    config = configured(workspace, setting="log.jsonl")
    emit_one(config)
    assert messages(workspace.root / "log.jsonl") == ["odd"]


def test_the_option_names_a_file_where_the_user_is(workspace: Workspace) -> None:
    (workspace.root / "sub").mkdir()
    config = workspace.config(plugins=[okplug_report], options={"report_log": "log.jsonl"})
    config.command, config.cwd = "build", workspace.root / "sub"
    config.plugins.configure(config)
    emit_one(config)
    assert messages(workspace.root / "sub" / "log.jsonl") == ["odd"]


def test_the_option_counts_more_than_the_setting(workspace: Workspace) -> None:
    emit_one(configured(workspace, setting="nowhere/a.jsonl", option="b.jsonl"))
    assert messages(workspace.root / "b.jsonl") == ["odd"]


def test_commands_without_events_leave_the_last_log_alone(workspace: Workspace) -> None:
    workspace.write({"log.jsonl": "of the last build\n"})
    configured(workspace, "hash", setting="log.jsonl")
    assert (workspace.root / "log.jsonl").read_text() == "of the last build\n"


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


@pytest.mark.parametrize(
    ("progress", "command", "expected"),
    [
        ("auto", "build", True),
        ("tty", "build", True),
        ("plain", "build", False),
        ("rawjson", "build", False),
        ("tty", "hash", False),
    ],
)
def test_who_gets_a_live_view(
    workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    progress: str,
    command: str,
    *,
    expected: bool,
) -> None:
    monkeypatch.setattr("sys.stderr", Terminal())
    config = workspace.config(plugins=[okplug_report], settings={"progress": progress})
    config.command = command
    config.plugins.configure(config)
    assert config.plugins.has_plugin("liveview") is expected
    assert (SCREEN in config.stash) is expected


def test_a_process_without_standard_error_has_nothing_on_the_screen(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr", None)
    config = workspace.config(plugins=[okplug_report], settings={"progress": "tty"})
    config.command = "build"
    config.plugins.configure(config)
    assert not config.plugins.has_plugin("liveview")


def test_what_cannot_be_written_ends_the_run_before_it_begins(workspace: Workspace) -> None:
    with pytest.raises(UsageError, match="cannot write the report log") as caught:
        configured(workspace, option="nowhere/log.jsonl")
    assert caught.value.hint == (
        f"its name comes from --report-log; make the folder {workspace.root}/nowhere first"
    )
    with pytest.raises(UsageError) as caught:
        configured(workspace, setting="nowhere/log.jsonl")
    assert caught.value.hint.startswith("its name comes from test; ")
