"""``okplug list``: the images of the workspace."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from okplug.commands.arguments import add_key_arguments
from okplug.errors import ExitCode
from okplug.hookspecs import hookimpl
from okplug.selection import add_selection_arguments

if TYPE_CHECKING:
    from okplug.collect import Collection
    from okplug.config import Config, Parser

DESCRIPTION = "Print the addresses of the selected images, one to a line."

EPILOG = """\
examples:
  okplug list                  all images
  okplug list 'services/*:*'   those that a pattern fits
  okplug list --json           with manifest, context, Dockerfile and reference
"""


@hookimpl
def okplug_addoption(parser: Parser) -> None:
    """Add the command."""
    command = parser.add_command(
        "list", help="list the images of the workspace", description=DESCRIPTION, handler=run
    )
    command.epilog = EPILOG
    add_selection_arguments(command)
    add_key_arguments(command)
    command.add_argument("--json", action="store_true", help="print as JSON")


def run(config: Config) -> int:
    """Print the images."""
    from okplug.collect import collect

    collection = collect(config)
    addresses = sorted(collection.selection.asked)
    if config.options.json:
        images = [_as_json(collection, address, config) for address in addresses]
        sys.stdout.write(json.dumps({"images": images}, indent=2) + "\n")
    else:
        sys.stdout.writelines(f"{address}\n" for address in addresses)
    return ExitCode.OK if addresses else ExitCode.NOTHING_SELECTED


def _as_json(collection: Collection, address: str, config: Config) -> dict[str, Any]:
    from okplug.graphformats import shown_path

    image = collection.graph.image(address)
    return {
        "address": address,
        "manifest": shown_path(image.location.path, config.root),
        "context": shown_path(image.context, config.root),
        "dockerfile": shown_path(image.dockerfile, config.root),
        "target": image.target,
        "reference": str(collection.naming.names(image)[0]),
        "dependencies": list(collection.graph.ingredients(address)),
    }
