"""``okplug why``: what changed since the last build of an image, down to the file."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from okplug.commands.arguments import add_key_arguments
from okplug.errors import ExitCode, UsageError
from okplug.hookspecs import hookimpl
from okplug.selection import add_selection_arguments

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from okplug.config import Config, Parser
    from okplug.plan import Step
    from okplug.session import Prepared

DESCRIPTION = """\
Tell what changed since the last run that built or reused an image here: each file, argument and
instruction, and for each dependency what changed of that in turn.

Where no run here had the image, or with --against registry, it is compared with the image in the
registry that is most like it, whoever built that. With --since COMMIT it is compared with what it
was where the branch here left that commit, as a pull request is; what is not committed yet counts.

If nothing but dependencies changed, the image is built unless these come out equal.
"""

EPILOG = """\
examples:
  okplug why services/api:api
  okplug why api --against registry
  okplug why api --since main          what this branch changes of it
  okplug why api --json
"""


@hookimpl
def okplug_addoption(parser: Parser) -> None:
    """Add the command."""
    command = parser.add_command(
        "why",
        help="tell what changed since the last build of an image",
        description=DESCRIPTION,
        handler=run,
    )
    command.epilog = EPILOG
    add_selection_arguments(command)
    add_key_arguments(command)
    command.add_argument(
        "--against",
        choices=("here", "registry"),
        help="what to compare with: the last run here, or what anybody built",
    )
    command.add_argument(
        "--since",
        metavar="COMMIT",
        help="compare with where the branch here left a branch, tag or commit; main.. is main "
        "itself",
    )
    command.add_argument("--json", action="store_true", help="print as JSON")


def run(config: Config) -> int:
    """Print the reasons.

    :raises UsageError: if there is no such commit, or two things are to be compared with.
    """
    from okplug.session import prepared
    from okplug.terminal.text import visible

    if config.options.since is not None and config.options.against is not None:
        raise UsageError("--since and --against exclude each other", hint="leave one of them out")
    with prepared(config) as ready:
        asked = ready.collection.selection.asked
        steps = [step for step in ready.plan.steps.values() if step.address in asked]
        documents = _explain(config, ready, steps)
    if config.options.json:
        sys.stdout.write(json.dumps({"images": documents}, indent=2) + "\n")
    else:
        for document in documents:
            sys.stdout.writelines(f"{visible(line)}\n" for line in _lines(document))
    return ExitCode.OK if steps else ExitCode.NOTHING_SELECTED


def _explain(config: Config, ready: Prepared, steps: Sequence[Step]) -> list[dict[str, Any]]:
    from okplug.explanation import Explainer

    planner, name = ready.planner, config.options.since
    if name is None:
        explainer = Explainer(planner.comparisons, config.options.against)
        return [explainer.explain(step) for step in steps]
    from okplug.commitcomparison import CommitComparisons
    from okplug.othercommit import other_commit

    with other_commit(config, name, planner.index, asks_registries=True) as other:
        comparisons = CommitComparisons(other.keyring, planner.keyring)
        explainer = Explainer(planner.comparisons, None, (other.base, comparisons))
        return [explainer.explain(step) for step in steps]


def _lines(document: dict[str, Any]) -> Iterator[str]:
    changes = document["changes"]
    yield f"{document['address']}: {_headline(document)}"
    yield from _nested(changes or [], "  ")
    if document["verdict"] == "reuse":
        yield f"  the registry has its key {document['key']}"
    elif document["reasons"] and (document["awaits"] or not changes):
        yield f"  to build: {'; '.join(document['reasons'])}"


def _headline(document: dict[str, Any]) -> str:
    changes, against = document["changes"], document["against"]
    if against and against["origin"] == "registry":
        return _team_headline(against)
    if against and against["origin"] == "commit":
        return _commit_headline(changes, against)
    if changes is None:
        return "never built or reused in this checkout"
    if not changes:
        return "nothing changed since it was last built or reused"
    return "changed since it was last built or reused"


def _commit_headline(changes: list[dict[str, Any]] | None, against: dict[str, Any]) -> str:
    merged = "merge base " if against["is_merge_base"] else ""
    commit = f"{against['name']} ({merged}{against['commit'][:12]})"
    if changes is None:
        return f"new since {commit}"
    return f"changed since {commit}" if changes else f"nothing changed since {commit}"


def _team_headline(against: dict[str, Any]) -> str:
    compared, known = against["compared"], against["known"]
    if not compared:
        return f"the registry has {known} of it, and none says what it is made of"
    if known == 1:
        return f"compared with {against['reference']}, the only one in the registry"
    among = f"{compared}" if compared == known else f"{compared} of {known}"
    return f"compared with {against['reference']}, the nearest of {among} in the registry"


def _nested(changes: list[dict[str, Any]], indent: str) -> Iterator[str]:
    for change in changes:
        yield f"{indent}{change['text']}"
        yield from _nested(change.get("changes") or [], indent + "  ")
