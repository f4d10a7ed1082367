"""The core's plugin that reports to the terminal; ``-p no:terminal`` runs in silence."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Protocol

from okplug.coresettings import RAWJSON
from okplug.hookspecs import hookimpl

if TYPE_CHECKING:
    from typing import TextIO

    from okplug.config import Config, Parser
    from okplug.events import Event


@hookimpl(trylast=True)  # the commands are there
def okplug_addoption(parser: Parser) -> None:
    """Add the options that only matter to those who read along."""
    if "build" in parser.commands:
        parser.command("build").add_argument(
            "--durations",
            type=_number,
            metavar="N",
            help="list the N images that took longest; 0 lists all that were built",
        )


@hookimpl
def okplug_configure(config: Config) -> None:
    """Register what listens to this run."""
    from okplug.pluginmanager import Provenance

    if sys.stderr is not None:  # a process may be started without
        listener = Listener(config, sys.stderr)
        config.plugins.register(listener, "terminalreporter", Provenance("okplug"))


class Reporter(Protocol):
    """What makes events visible."""

    def report(self, event: Event) -> None:
        """Write what the event says."""


class Listener:
    """Makes the reporter when the first event comes: most commands have none."""

    def __init__(self, config: Config, stream: TextIO) -> None:
        self._config = config
        self._stream = stream
        self._reporter: Reporter | None = None

    @hookimpl(tryfirst=True)  # a listener that fails ends the call, and this one must be heard
    def okplug_event(self, event: Event) -> None:
        """Report the event."""
        if self._reporter is None:
            self._reporter = _make_reporter(self._config, self._stream)
        self._reporter.report(event)


def _make_reporter(config: Config, stream: TextIO) -> Reporter:
    from okplug.terminal.reporter import RawReporter, Shown, TerminalReporter
    from okplug.terminal.screen import SCREEN
    from okplug.terminal.writer import Writer, terminal_width, wants_color

    options = vars(config.options)
    progress = config.text("progress")
    if progress == RAWJSON:
        return RawReporter(Writer(stream))
    writer = Writer(
        config.stash.get(SCREEN, stream),
        width=terminal_width(config.environ, stream),
        color=wants_color(options.get("color") or "auto", config.environ, stream),
    )
    shown = Shown(
        verbosity=min(config.verbosity, -1) if progress == "quiet" else config.verbosity,
        durations=options.get("durations"),
        cwd=config.cwd,
        steps=progress == "plain",
        narrates=SCREEN not in config.stash,
        is_again=config.is_again,
    )
    return TerminalReporter(writer, shown)


def _number(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"expected a number from 0, not {text!r}")
    return int(text)
