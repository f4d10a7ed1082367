"""Reporting backends: events as lines of JSON, and the live view of a terminal.

``--report-log FILE`` writes every event of a build to a file; ``--progress tty``, which a terminal
has by default, shows the images at work.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from okplug import Setting, hookimpl

if TYPE_CHECKING:
    from typing import TextIO

    from okplug import Config, Parser

#: the commands that events come from
COMMANDS = ("build",)


@hookimpl(trylast=True)  # the commands are there
def okplug_addoption(parser: Parser) -> None:
    """Add the settings and the option."""
    parser.add_setting(
        Setting(
            "report_log",
            "text",
            "",
            "a file for all events of a build as lines of JSON, below the workspace's root; "
            "- for standard output",
        )
    )
    parser.add_setting(
        Setting(
            "disable_spinner",
            "flag",
            default=False,
            help="have no live view of a build, unless --progress tty asks for it",
            environ=("OKTETO_DISABLE_SPINNER",),
        )
    )
    for name in COMMANDS:
        if name in parser.commands:
            parser.command(name).add_argument(
                "--report-log",
                metavar="FILE",
                help="write each event as a line of JSON when it happens, - for standard output",
            )


@hookimpl(trylast=True)  # the reporter, whose lines a live view takes, is there
def okplug_configure(config: Config) -> None:
    """Open the log, and set up what is on the screen.

    :raises UsageError: if the log cannot be written.
    """
    if config.command not in COMMANDS:
        return
    _configure_log(config)
    if sys.stderr is not None:  # a process may be started without
        _configure_screen(config, sys.stderr)


def _configure_screen(config: Config, stream: TextIO) -> None:
    from okplug import SCREEN, Provenance
    from okplug_report.view import LiveView, wants_view

    if wants_view(config, stream):
        view = LiveView(stream, config.environ)
        config.stash[SCREEN] = view
        config.plugins.register(view, "liveview", Provenance("okplug_report"))


def _configure_log(config: Config) -> None:
    option = vars(config.options).get("report_log")
    target = option or config.text("report_log")
    if not target:
        return
    from okplug import Provenance
    from okplug_report.log import STDOUT, ReportLog, open_log

    folder = config.cwd if option else config.root
    origins = {value.name: value.origin for value in config.values()}
    if target != STDOUT:
        config.announce_output(folder / target)
    origin = "--report-log" if option else origins["report_log"]
    stream = open_log(folder, target, origin, "a" if config.is_again else "w")
    config.plugins.register(ReportLog(stream), "reportlog", Provenance("okplug_report"))
