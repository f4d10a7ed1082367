"""``okplug plan``: what would be built or reused, and why."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from okplug.commands.arguments import add_key_arguments, add_verdict_arguments
from okplug.errors import ExitCode
from okplug.hookspecs import hookimpl
from okplug.selection import add_selection_arguments

if TYPE_CHECKING:
    from okplug.config import Config, Parser
    from okplug.plan import Plan

DESCRIPTION = """\
Tell what would be built and what would be reused, and why, without building anything.

A line holds the verdict, the address and the reasons. Images that are only needed by others are
listed if an image that would be built needs them.
"""

EPILOG = """\
examples:
  okplug plan                       the whole workspace
  okplug plan services/api --json   one folder, for a program
  okplug plan --detailed-exitcode   0: nothing to build, 2: something, 4: an error
"""

SOMETHING_TO_BUILD = 2


@hookimpl
def okplug_addoption(parser: Parser) -> None:
    """Add the command."""
    command = parser.add_command(
        "plan",
        help="tell what would be built, and why",
        description=DESCRIPTION,
        handler=run,
    )
    command.epilog = EPILOG
    add_selection_arguments(command)
    add_key_arguments(command)
    add_verdict_arguments(command)
    command.add_argument("--json", action="store_true", help="print the plan as JSON")
    command.add_argument(
        "--detailed-exitcode",
        action="store_true",
        help="exit with 2 if something would be built, with 0 if nothing would",
    )


def run(config: Config) -> int:
    """Print the plan."""
    from okplug.plan import BUILD
    from okplug.session import prepared

    with prepared(config) as ready:
        plan = ready.plan
    if config.options.json:
        from okplug.resultdocument import plan_document, write_document

        write_document(plan_document(plan.steps.values()), "-", config.cwd)
    else:
        _print(plan)
    if not plan.steps:
        return ExitCode.NOTHING_SELECTED
    if config.options.detailed_exitcode and plan.count(BUILD):
        return SOMETHING_TO_BUILD
    return ExitCode.OK


def _print(plan: Plan) -> None:
    from okplug.plan import BUILD, REUSE
    from okplug.terminal.text import visible

    width = max(map(len, plan.steps), default=0)
    for address, step in plan.steps.items():
        line = f"{step.verdict:5}  {address:{width}}  {'; '.join(step.reasons)}"
        sys.stdout.write(f"{visible(line.rstrip())}\n")
    summary = f"{plan.count(BUILD)} to build, {plan.count(REUSE)} to reuse\n"
    sys.stderr.write(summary if plan.steps else "nothing selected\n")
