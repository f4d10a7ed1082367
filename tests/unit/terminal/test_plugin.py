from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import pytest

from okplug import events
from okplug.commandline import Parser
from okplug.errors import UsageError
from okplug.hookspecs import hookimpl
from okplug.pluginmanager import PluginManager, Provenance
from okplug.terminal import plugin
from okplug.terminal.plugin import Listener
from okplug.terminal.screen import SCREEN

if TYPE_CHECKING:
    from pathlib import Path

    from okplug.config import Config
    from okplug.testing import Workspace

HEAD = "============= okplug build ============="


class Build:
    """Has a command like the one that the option belongs to."""

    @hookimpl
    def okplug_addoption(self, parser: Parser) -> None:
        """Add the command."""
        parser.add_command("build", help="build", handler=self.run)

    def run(self, config: Config) -> int:
        """Do nothing."""
        return len(config.command)


def parser_of(root: Path, *plugins: object) -> Parser:
    manager = PluginManager(root)
    for number, one in enumerate(plugins):
        manager.register(one, f"plugin-{number}", Provenance("test"))
    parser = Parser()
    manager.addoption(parser)
    return parser


# --------------------------------------------------------------------------------------- option


def test_the_option_belongs_to_build_whoever_comes_first(tmp_path: Path) -> None:
    for plugins in ([plugin, Build()], [Build(), plugin]):
        parsed = parser_of(tmp_path, *plugins).parse(["build", "--durations", "3"])
        assert parsed
        assert parsed.options.durations == 3


def test_without_the_command_there_is_no_option(tmp_path: Path) -> None:
    assert parser_of(tmp_path, plugin).commands == {}


@pytest.mark.parametrize("text", ["-1", "many", "1.5"])
def test_a_wrong_number_of_durations(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError, match="--durations: expected a number from 0, not"):
        parser_of(tmp_path, Build(), plugin).parse(["build", f"--durations={text}"])


# ------------------------------------------------------------------------------------- listener


def emit_run(config: Config) -> None:
    config.plugins.event(events.RunStarted(0.0, "build", (f"root: {config.root}",)))
    config.plugins.event(
        events.StepFinished(
            0.0, "a:a", "failed", "", 0.5, message=f"{config.cwd}/a/Dockerfile:3: no x"
        )
    )
    config.plugins.event(events.RunFinished(0.0, 1, 0.6, (("failed", 1),)))


def test_progress_goes_to_standard_error(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace.environ["COLUMNS"] = "40"
    config = workspace.config(plugins=[plugin])
    config.plugins.configure(config)
    emit_run(config)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "============= okplug build =============",
        f"root: {workspace.root}",
        "a:a  FAILED    [100%]  0.50s",
        "=============== failures ===============",
        "_________________ a:a __________________",
        "a/Dockerfile:3: no x",
        "========== 1 failed in 0.60s ===========",
    ]


def test_nothing_is_printed_without_events(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    config = workspace.config(plugins=[plugin])
    config.plugins.configure(config)
    assert config.plugins.has_plugin("terminalreporter")
    assert capsys.readouterr() == ("", "")


def test_a_process_without_standard_error_has_no_listener(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr", None)
    config = workspace.config(plugins=[plugin])
    config.plugins.configure(config)
    assert not config.plugins.has_plugin("terminalreporter")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"quiet": 1}, "1 failed in 0.60s"),
        ({"quiet": 1, "color": "always"}, "\x1b[31m1 failed in 0.60s\x1b[0m"),
        ({"quiet": 2, "verbose": 1, "color": "never"}, "1 failed in 0.60s"),
    ],
)
def test_the_options_count(workspace: Workspace, options: dict[str, object], expected: str) -> None:
    stream = io.StringIO()
    config = workspace.config(options=options)
    config.plugins.register(Listener(config, stream), "listener", Provenance("test"))
    emit_run(config)
    assert stream.getvalue().splitlines()[-1] == expected


@pytest.mark.parametrize(
    ("progress", "options", "expected"),
    [
        ("auto", {}, [HEAD, "a:a  FAILED    [100%]  0.50s"]),
        ("tty", {}, [HEAD, "a:a  FAILED    [100%]  0.50s"]),
        (
            "auto",
            {"verbose": 1},
            [HEAD, "a:a > RUN x", "a:a | output", "a:a  FAILED    [100%]  0.50s"],
        ),
        (
            "plain",
            {},
            [HEAD, "a:a #1 [1/1] RUN x", "a:a | output", "a:a  FAILED    [100%]  0.50s"],
        ),
        ("plain", {"quiet": 1}, ["a:a #1 [1/1] RUN x", "a:a | output"]),
        ("quiet", {}, []),
        ("quiet", {"verbose": 2}, []),
    ],
)
def test_ways_to_show_a_build(
    workspace: Workspace, progress: str, options: dict[str, int], expected: list[str]
) -> None:
    stream = io.StringIO()
    workspace.environ["COLUMNS"] = "40"
    config = workspace.config(settings={"progress": progress}, options=options)
    config.plugins.register(Listener(config, stream), "listener", Provenance("test"))
    config.plugins.event(events.RunStarted(0.0, "build", ()))
    config.plugins.event(events.StepProgress(0.0, "a:a", "x", "[1/1] RUN x", "started"))
    config.plugins.event(events.StepLog(0.0, "a:a", "RUN x", "output"))
    config.plugins.event(events.StepFinished(0.0, "a:a", "failed", "", 0.5, message="odd"))
    config.plugins.event(events.RunFinished(0.0, 1, 0.6, (("failed", 1),)))
    lines = stream.getvalue().splitlines()
    assert lines[: lines.index("=============== failures ===============")] == expected


def test_nothing_but_events(workspace: Workspace) -> None:
    stream, screen = io.StringIO(), io.StringIO()
    config = workspace.config(
        settings={"progress": "rawjson"}, options={"quiet": 1, "durations": 1, "color": "always"}
    )
    config.plugins.register(Listener(config, stream), "listener", Provenance("test"))
    config.stash[SCREEN] = screen
    emit_run(config)
    lines = [json.loads(line)["event"] for line in stream.getvalue().splitlines()]
    assert lines == ["RunStarted", "StepFinished", "RunFinished"]
    assert screen.getvalue() == ""


def test_a_plugin_may_take_the_lines(workspace: Workspace) -> None:
    stream, screen = io.StringIO(), io.StringIO()
    config = workspace.config()
    config.plugins.register(Listener(config, stream), "listener", Provenance("test"))
    config.stash[SCREEN] = screen
    config.plugins.event(events.Collected(0.0, 1, 1, 1, 0))
    assert (stream.getvalue(), screen.getvalue()) == ("", "collected 1 image from 1 manifest\n")


@pytest.mark.parametrize("progress", ["auto", "plain", "tty", "quiet"])
@pytest.mark.parametrize("is_live", [False, True])
def test_sentences_are_for_those_who_have_no_live_view(
    workspace: Workspace, progress: str, *, is_live: bool
) -> None:
    stream = io.StringIO()
    config = workspace.config(settings={"progress": progress})
    config.plugins.register(Listener(config, stream), "listener", Provenance("test"))
    if is_live:
        config.stash[SCREEN] = stream
    config.plugins.event(events.StepStarted(0.0, "a:a", "build", f"{workspace.root}/a/Dockerfile"))
    has_sentences = not is_live and progress != "quiet"
    assert stream.getvalue() == ("Building 'a/Dockerfile'...\n" if has_sentences else "")


def test_the_environment_counts(workspace: Workspace) -> None:
    stream = io.StringIO()
    workspace.environ.update(PY_COLORS="1", COLUMNS="50")
    config = workspace.config(options={"color": "auto", "durations": 1})
    config.plugins.register(Listener(config, stream), "listener", Provenance("test"))
    emit_run(config)
    assert stream.getvalue().splitlines()[-3:] == [
        "================ slowest 1 image =================",
        " 0.50s  a:a",
        "\x1b[1m\x1b[31m=============== 1 failed in 0.60s ================\x1b[0m",
    ]


def test_it_is_heard_even_if_another_reporter_fails(workspace: Workspace) -> None:
    class Faulty:
        @hookimpl
        def okplug_event(self, event: events.Event) -> None:
            raise LookupError(event.time)

    stream = io.StringIO()
    config = workspace.config()
    config.plugins.register(Listener(config, stream), "listener", Provenance("test"))
    config.plugins.register(Faulty(), "faulty", Provenance("test"))
    with pytest.raises(LookupError):
        config.plugins.event(events.Collected(0.0, 1, 1, 1, 0))
    assert stream.getvalue() == "collected 1 image from 1 manifest\n"
