"""``okplug why``: what changed since the last build of an image, down to the file."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from okplug.commands.arguments import add_key_arguments
from okplug.errors import ExitCode
from okplug.hookspecs import hookimpl
from okplug.selection import add_selection_arguments

if TYPE_CHECKING:
    from collections.abc import Iterator

    from okplug.config import Config, Parser
    from okplug.plan import Step
    from okplug.planning import Planner

DESCRIPTION = """\
Tell what changed since the last run that built or reused an image here: each file, argument and
instruction, and for each dependency what changed of that in turn.
"""

EPILOG = """\
examples:
  okplug why services/api:api
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
    command.add_argument("--json", action="store_true", help="print as JSON")


def run(config: Config) -> int:
    """Print the reasons."""
    from okplug.session import prepared

    with prepared(config) as ready:
        asked = ready.collection.selection.asked
        steps = [step for step in ready.plan.steps.values() if step.address in asked]
        documents = [_explain(step, ready.planner) for step in steps]
    if config.options.json:
        sys.stdout.write(json.dumps({"images": documents}, indent=2) + "\n")
    else:
        for document in documents:
            sys.stdout.writelines(f"{line}\n" for line in _lines(document))
    return ExitCode.OK if steps else ExitCode.NOTHING_SELECTED


def _explain(step: Step, planner: Planner) -> dict[str, Any]:
    return {
        "address": step.address,
        "key": step.key,
        "verdict": step.verdict,
        "reasons": list(step.reasons),
        "changes": _changes(step.address, planner, {step.address}),
    }


def _changes(address: str, planner: Planner, seen: set[str]) -> list[dict[str, Any]] | None:
    """Describe an image's changes, and below a dependency's those of the dependency, once."""
    found = planner.changes(address)
    if found is None:
        return None
    documents = []
    for change in found:
        document: dict[str, Any] = {
            "kind": change.kind,
            "how": change.how,
            "subject": change.subject,
            "detail": change.detail,
            "text": str(change),
        }
        if change.kind == "dependency" and change.how == "changed" and change.subject not in seen:
            seen.add(change.subject)
            document["changes"] = _changes(change.subject, planner, seen)
        documents.append(document)
    return documents


def _lines(document: dict[str, Any]) -> Iterator[str]:
    address, changes = document["address"], document["changes"]
    if changes is None:
        yield f"{address}: never built or reused in this checkout"
    elif not changes:
        yield f"{address}: nothing changed since it was last built or reused"
    else:
        yield f"{address}: changed since it was last built or reused"
        yield from _nested(changes, "  ")
    if document["verdict"] == "reuse":
        yield f"  the registry has its key {document['key']}"
    elif not changes and document["reasons"]:
        yield f"  to build: {'; '.join(document['reasons'])}"


def _nested(changes: list[dict[str, Any]], indent: str) -> Iterator[str]:
    for change in changes:
        yield f"{indent}{change['text']}"
        yield from _nested(change.get("changes") or [], indent + "  ")
