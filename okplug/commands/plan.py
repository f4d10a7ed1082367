"""``okplug plan``: what would be built or reused, and why."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from okplug.commands.arguments import (
    add_key_arguments,
    add_verdict_arguments,
    add_watch_argument,
)
from okplug.errors import ExitCode, UsageError
from okplug.hookspecs import hookimpl
from okplug.selection import add_selection_arguments

if TYPE_CHECKING:
    from okplug.config import Config, Parser
    from okplug.gitrefs import Base
    from okplug.plan import Plan
    from okplug.plandiff import PlanDiff

DESCRIPTION = """\
Tell what would be built and what would be reused, and why, without building anything.

A line holds the verdict, the address and the reasons. Images that are only needed by others are
listed if an image that would be built needs them. Where nothing but a dependency changed, the image
"depends on the result of" that: it is built unless that comes out equal.

With --diff COMMIT it tells instead what the branch here changes: which images have another key than
where it left that commit, as a pull request is, and from which changes that comes. What is not
committed yet counts. No registry is asked: an image to rebuild may be there already.
"""

EPILOG = """\
examples:
  okplug plan                       the whole workspace
  okplug plan services/api --json   one folder, for a program
  okplug plan --detailed-exitcode   0: nothing to build, 2: something, 4: an error
  okplug plan --diff main           what this branch would rebuild
  okplug plan --diff origin/main --format markdown   the same as a comment for a pull request
  okplug plan --watch               and again whenever files change
"""

FORMATS = ("text", "json", "markdown")
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
    add_watch_argument(command, "tell what would be built now")
    command.add_argument(
        "--diff",
        metavar="COMMIT",
        help="compare with where the branch here left a branch, tag or commit; main.. is main "
        "itself",
    )
    command.add_argument(
        "--format", choices=FORMATS, default="text", help="what to print; text by default"
    )
    command.add_argument(
        "--json",
        action="store_const",
        const="json",
        dest="format",
        help="print the plan as JSON",
    )
    command.add_argument(
        "--detailed-exitcode",
        action="store_true",
        help="exit with 2 if something would be built, with 0 if nothing would; what depends on a "
        "result counts as built",
    )


def run(config: Config) -> int:
    """Print the plan.

    :raises UsageError: if there is no such commit, or options exclude each other.
    """
    if config.rounds is None:
        return _run(config) if config.options.diff is None else _run_diff(config)
    from okplug.watching import looking_for_news

    _refuse_with_watch(config)
    with looking_for_news(config) as is_news:
        return _run(config) if is_news else ExitCode.OK


def _run(config: Config) -> int:
    from okplug.plan import BUILD
    from okplug.session import prepared

    with prepared(config) as ready:
        plan = ready.plan
    match config.options.format:
        case "json":
            from okplug.resultdocument import plan_document, write_document

            write_document(plan_document(plan.steps.values()), "-", config.cwd)
        case "markdown":
            sys.stdout.write(_as_markdown(plan))
        case _:
            _print(plan, config.rounds.told if config.rounds else {})
    sys.stdout.flush()
    return _exit_code(config, bool(plan.steps), plan.count(BUILD))


def _refuse_with_watch(config: Config) -> None:
    for name in ("detailed_exitcode", "diff"):
        if getattr(config.options, name):
            raise UsageError(
                f"--{name.replace('_', '-')} is about one plan, and --watch makes many",
                hint="leave one of them out",
            )


def _exit_code(config: Config, is_anything: bool, to_build: int) -> int:  # noqa: FBT001  # private
    if not is_anything:
        return ExitCode.NOTHING_SELECTED
    if config.options.detailed_exitcode and to_build:
        return SOMETHING_TO_BUILD
    return ExitCode.OK


def _run_diff(config: Config) -> int:
    if config.options.no_cache:
        raise UsageError(
            "--no-cache and --diff exclude each other",
            hint="without a cache everything is built; --diff tells what differs",
        )
    from okplug.diffformats import as_document, as_markdown, as_text, summary
    from okplug.plandiff import NEW, REBUILD
    from okplug.terminal.text import visible

    diff, base = _diff(config)
    match config.options.format:
        case "json":
            from okplug.resultdocument import write_document

            write_document(as_document(diff, base), "-", config.cwd)
        case "markdown":
            sys.stdout.write(as_markdown(diff, base))
        case _:
            lines = as_text(diff, all_reasons=config.verbosity > 0)
            sys.stdout.writelines(f"{visible(line)}\n" for line in lines)
            words = summary(diff)
            counts = ", ".join(filter(None, (words, f"{diff.unchanged} unchanged")))
            sys.stderr.write(f"compared with {base}: {counts}\n")
    is_anything = bool(diff.differences) or diff.unchanged > 0
    return _exit_code(config, is_anything, diff.count(REBUILD, NEW))


def _diff(config: Config) -> tuple[PlanDiff, Base]:
    from okplug.keyring import Keyring
    from okplug.othercommit import other_commit
    from okplug.plandiff import Side, compare_plans
    from okplug.session import keyed

    with keyed(config) as (collection, planner):
        here = Side(collection, Keyring(config, collection.graph, planner.index))
        name, index = config.options.diff, planner.index
        with other_commit(config, name, index, asks_registries=False) as other:
            there = None
            if other.collection and other.keyring:
                there = Side(other.collection, other.keyring)
            return compare_plans(there, here, config.masks), other.base


def _as_markdown(plan: Plan) -> str:
    from okplug.markdown import LONGEST_COMMENT, code, plain, table
    from okplug.plan import BUILD, REUSE

    steps = [step for step in plan.steps.values() if step.verdict == BUILD]
    rows = [(code(step.address), plain("; ".join(step.reasons))) for step in steps]
    text, shown = table(("image", "why"), rows, LONGEST_COMMENT)
    rest = f"\n{len(rows) - shown} more are not shown.\n" if shown < len(rows) else ""
    counts = f"{plan.count(BUILD)} to build, {plan.count(REUSE)} to reuse"
    return f"<!-- okplug plan -->\n### Images: {counts}\n" + (f"\n{text}{rest}" if rows else "")


def _print(plan: Plan, told: dict[str, object]) -> None:
    """Print what is not *told* already, and note it there."""
    from okplug.plan import BUILD, REUSE
    from okplug.terminal.text import visible

    width = max(map(len, plan.steps), default=0)
    for address, step in plan.steps.items():
        news = step.key, step.verdict, step.reasons
        if told.get(address) == news:
            continue
        told[address] = news
        line = f"{step.verdict:5}  {address:{width}}  {'; '.join(step.reasons)}"
        sys.stdout.write(f"{visible(line.rstrip())}\n")
    sys.stdout.flush()  # who has both in one pipe reads the sum last
    summary = f"{plan.count(BUILD)} to build, {plan.count(REUSE)} to reuse\n"
    sys.stderr.write(summary if plan.steps else "nothing selected\n")
