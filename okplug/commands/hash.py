"""``okplug hash``: the keys of images, and what they are made of."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from okplug.commands.arguments import add_key_arguments
from okplug.errors import ExitCode
from okplug.hookspecs import hookimpl
from okplug.selection import add_selection_arguments

if TYPE_CHECKING:
    from okplug.config import Config, Parser
    from okplug.keys import KeyRecord

DESCRIPTION = """\
Print the key of each selected image: the name under which everybody finds it in the registry.

Images of the same content have the same key, on every machine and in every checkout. With
--record, each item that went into the key follows: instructions, arguments, files and
dependencies, never a secret.
"""

EPILOG = """\
examples:
  okplug hash services/api            the keys of one folder's images
  okplug hash --record services/api   and what they are made of
"""


@hookimpl
def okplug_addoption(parser: Parser) -> None:
    """Add the command."""
    command = parser.add_command(
        "hash", help="print the keys of images", description=DESCRIPTION, handler=run
    )
    command.epilog = EPILOG
    add_selection_arguments(command)
    add_key_arguments(command)
    command.add_argument("--record", action="store_true", help="print what each key is made of")
    command.add_argument("--json", action="store_true", help="print as JSON")


def run(config: Config) -> int:
    """Print the keys."""
    from okplug.session import keyed

    with_items = config.options.record
    with keyed(config) as (collection, planner):
        keyring = planner.keyring
        order, selection = collection.graph.order(), collection.selection
        keyring.compute(name for name in order if name in selection.needed)
        records = {
            name: keyring.with_files(name, keyring.record(name))
            if with_items
            else keyring.record(name)
            for name in order
            if name in selection.asked
        }
    if config.options.json:
        images = [_as_json(name, record, with_items) for name, record in records.items()]
        sys.stdout.write(json.dumps({"images": images}, indent=2) + "\n")
    else:
        for name, record in records.items():
            _print(name, record, with_items=with_items)
    return ExitCode.OK if records else ExitCode.NOTHING_SELECTED


def _as_json(address: str, record: KeyRecord, with_items: bool) -> dict[str, Any]:  # noqa: FBT001  # private
    document: dict[str, Any] = {"address": address, "key": record.key, "root": record.root}
    if with_items:
        document["items"] = [
            {"kind": item.kind, "name": item.name, "value": item.value, "subject": item.subject}
            for item in record.items
        ]
    return document


def _print(address: str, record: KeyRecord, *, with_items: bool) -> None:
    sys.stdout.write(f"{record.key}  {address}\n")
    if not with_items:
        return
    for item in record.items:
        parts = (item.kind, item.subject or item.name, " ".join(item.value.split()))
        line = "  ".join(part for part in parts if part)
        sys.stdout.write(f"  {line}\n".encode("utf-8", "backslashreplace").decode())
