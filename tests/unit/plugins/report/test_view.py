"""The live view with the reporter whose lines it takes."""

from __future__ import annotations

import io
import threading
import time
from typing import TYPE_CHECKING

import pytest

import okplug_report
from okplug import events
from okplug.terminal import plugin as terminal_plugin
from okplug_report.view import LiveView, wants_view

if TYPE_CHECKING:
    from collections.abc import Callable

    from okplug.config import Config
    from okplug.testing import Workspace
    from tests.unit.plugins.report.conftest import Terminal

NOW = time.time()


class Screen(io.StringIO):
    """A stream that may be a terminal.

    :param is_terminal: what it says of itself.
    """

    def __init__(self, *, is_terminal: bool) -> None:
        super().__init__()
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        """Say what it is."""
        return self._is_terminal


@pytest.mark.parametrize(
    ("progress", "environ", "verbosity", "is_terminal", "expected"),
    [
        ("auto", {}, 0, True, True),
        ("auto", {"TERM": "xterm-256color"}, 1, True, True),
        ("auto", {}, -1, True, False),
        ("auto", {}, 0, False, False),
        ("auto", {"CI": "true"}, 0, True, False),
        ("auto", {"CI": "1"}, 0, True, False),
        ("auto", {"CI": "False"}, 0, True, True),
        ("auto", {"CI": ""}, 0, True, True),
        ("auto", {"TERM": "dumb"}, 0, True, False),
        ("tty", {"CI": "true"}, -1, True, True),
        ("tty", {"TERM": "dumb"}, 0, True, False),
        ("tty", {"TERM": "unknown"}, 0, True, False),
        ("tty", {}, 0, False, False),
        ("plain", {}, 0, True, False),
        ("quiet", {}, 0, True, False),
        ("rawjson", {}, 0, True, False),
    ],
)
def test_who_gets_a_live_view(
    workspace: Workspace,
    progress: str,
    environ: dict[str, str],
    verbosity: int,
    *,
    is_terminal: bool,
    expected: bool,
) -> None:
    workspace.environ.update(environ)
    options = {"verbose": max(verbosity, 0), "quiet": max(-verbosity, 0)}
    config = workspace.config(
        plugins=[okplug_report], settings={"progress": progress}, options=options
    )
    assert wants_view(config, Screen(is_terminal=is_terminal)) is expected


@pytest.mark.parametrize(("progress", "expected"), [("auto", False), ("tty", True)])
def test_who_wants_no_spinner_gets_no_live_view(
    workspace: Workspace, progress: str, *, expected: bool
) -> None:
    settings = {"progress": progress, "disable_spinner": True}
    config = workspace.config(plugins=[okplug_report], settings=settings)
    assert wants_view(config, Screen(is_terminal=True)) is expected


@pytest.fixture
def reporting(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[Terminal, Config]]:
    """Return what sets up a build on a terminal, with both reporters."""

    def set_up(terminal: Terminal, **options: object) -> tuple[Terminal, Config]:
        monkeypatch.setattr("sys.stderr", terminal.stream)
        workspace.environ["TERM"] = "xterm"
        config = workspace.config(plugins=[terminal_plugin, okplug_report], options=options)
        config.command = "build"
        config.plugins.configure(config)
        return terminal, config

    return set_up


def begin(config: Config, *addresses: str) -> None:
    config.plugins.event(events.RunStarted(NOW, "build", ("root: /src",)))
    for address in addresses:
        config.plugins.event(events.StepPlanned(NOW, address, "", "build", ("new",)))
    config.plugins.event(events.Planned(NOW, "buildkit", 2, len(addresses), 0))


def start(config: Config, address: str, verdict: str = "build") -> None:
    config.plugins.event(events.StepStarted(NOW, address, verdict))


def finish(config: Config, address: str, verdict: str = "build") -> None:
    reasons = ("new",) if verdict == "build" else ()
    config.plugins.event(events.StepFinished(NOW, address, verdict, "", 0.5, reasons=reasons))


def end(config: Config, **counts: int) -> None:
    config.plugins.event(events.RunFinished(NOW, 0, 1.5, tuple(counts.items())))
    config.plugins.unconfigure(config)


def without_times(line: str) -> str:
    """Return a line of the live view up to how long something takes."""
    return line.rpartition("at work")[0] or line.partition("  ")[0]


def test_finished_images_pass_above_those_at_work(
    reporting: Callable[..., tuple[Terminal, Config]], terminals: Callable[..., Terminal]
) -> None:
    terminal, config = reporting(terminals(40, 12))
    begin(config, "a:a", "b:b", "c:c")
    for address in ("a:a", "b:b", "c:c"):
        start(config, address)
    config.plugins.event(events.StepProgress(NOW, "b:b", "1", "[1/1] RUN [x]\x1b[2J", "started"))
    finish(config, "a:a")
    lines = terminal.wait_for(lambda lines: "a:a  BUILT     [ 33%]  0.50s  new" in lines)
    at_work = lines.index("a:a  BUILT     [ 33%]  0.50s  new")
    assert [without_times(line) for line in lines[at_work + 1 :]] == [
        "b:b",
        "c:c",
        "1/3 done: 1 built; 2 ",
    ]
    assert lines[at_work + 1].endswith(r"  [1/1] RUN [x]\x1b[2J")
    finish(config, "c:c")
    finish(config, "b:b")
    end(config, build=3)
    assert terminal.end() == [
        "============= okplug build =============",
        "root: /src",
        "builder: buildkit, 2 at once",
        "",
        "a:a  BUILT     [ 33%]  0.50s  new",
        "c:c  BUILT     [ 66%]  0.50s  new",
        "b:b  BUILT     [100%]  0.50s  new",
        "=========== 3 built in 1.50s ===========",
    ]
    assert terminal.emulator.is_clean


def test_output_passes_above_when_asked_for(
    reporting: Callable[..., tuple[Terminal, Config]], terminals: Callable[..., Terminal]
) -> None:
    terminal, config = reporting(terminals(40, 12), verbose=1)
    begin(config, "a:a")
    start(config, "a:a")
    config.plugins.event(events.StepLog(NOW, "a:a", "RUN make", "[bold]1\r\x1b[32m2\x1b[0m\x1b[5A"))
    finish(config, "a:a")
    end(config, build=1)
    assert terminal.end()[-4:] == [
        "a:a > RUN make",
        "a:a | 2",
        "a:a  BUILT     [100%]  0.50s  new",
        "=========== 1 built in 1.50s ===========",
    ]


def test_a_run_that_only_reuses_images_has_none(
    reporting: Callable[..., tuple[Terminal, Config]], terminals: Callable[..., Terminal]
) -> None:
    terminal, config = reporting(terminals(40, 12))
    begin(config, "a:a")
    start(config, "a:a", "reuse")
    assert "okplug-live-view" not in {thread.name for thread in threading.enumerate()}
    finish(config, "a:a", "reuse")
    end(config, reuse=1)
    assert terminal.end()[-2:] == [
        "a:a  REUSED    [100%]",
        "========== 1 reused in 1.50s ===========",
    ]


def test_a_run_that_breaks_off_leaves_the_terminal_clean(
    reporting: Callable[..., tuple[Terminal, Config]], terminals: Callable[..., Terminal]
) -> None:
    terminal, config = reporting(terminals(40, 12))
    begin(config, "a:a")
    start(config, "a:a")
    terminal.wait_for(lambda lines: lines[-1].startswith("0/1 done"))
    config.plugins.unconfigure(config)
    assert "okplug-live-view" not in {thread.name for thread in threading.enumerate()}
    assert terminal.end()[-1] == "builder: buildkit, 2 at once"
    assert terminal.emulator.is_clean


def test_before_and_after_the_view_lines_go_to_the_stream_itself() -> None:
    stream = io.StringIO()
    view = LiveView(stream, {})
    view.write("before\n")
    view.okplug_event(events.StepStarted(NOW, "a:a", "build"))
    view.write("during\n")
    view.flush()
    view.okplug_unconfigure()
    view.write("after\n")
    view.flush()
    written = stream.getvalue()
    assert written.startswith("before\n\x1b[?25l")
    assert "during\n" in written
    assert written.endswith("after\n")


def test_it_has_the_descriptor_of_its_stream(terminals: Callable[..., Terminal]) -> None:
    stream = terminals().stream
    assert LiveView(stream, {}).fileno() == stream.fileno()
