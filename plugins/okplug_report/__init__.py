"""Reporting backends: ``--report-log FILE`` writes every event of a build as a line of JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from okplug import Setting, hookimpl

if TYPE_CHECKING:
    from okplug import Config, Parser

#: the commands that events come from
COMMANDS = ("build",)


@hookimpl(trylast=True)  # the commands are there
def okplug_addoption(parser: Parser) -> None:
    """Add the setting and the option."""
    parser.add_setting(
        Setting(
            "report_log",
            "text",
            "",
            "a file for all events of a build as lines of JSON, below the workspace's root; "
            "- for standard output",
        )
    )
    for name in COMMANDS:
        if name in parser.commands:
            parser.command(name).add_argument(
                "--report-log",
                metavar="FILE",
                help="write each event as a line of JSON when it happens, - for standard output",
            )


@hookimpl
def okplug_configure(config: Config) -> None:
    """Open the log.

    :raises UsageError: if it cannot be written.
    """
    option = vars(config.options).get("report_log")
    target = option or config.text("report_log")
    if config.command not in COMMANDS or not target:
        return
    from okplug import Provenance
    from okplug_report.log import ReportLog, open_log

    folder = config.cwd if option else config.root
    origins = {value.name: value.origin for value in config.values()}
    stream = open_log(folder, target, "--report-log" if option else origins["report_log"])
    config.plugins.register(ReportLog(stream), "reportlog", Provenance("okplug_report"))
