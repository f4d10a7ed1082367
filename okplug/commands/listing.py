"""``okplug list``: the images of the workspace."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from okplug.errors import ExitCode
from okplug.hookspecs import hookimpl
from okplug.selection import add_selection_arguments

if TYPE_CHECKING:
    from pathlib import Path

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
    command.add_argument("--json", action="store_true", help="print as JSON")


def run(config: Config) -> int:
    """Print the images."""
    from okplug.collect import collect

    collection = collect(config)
    addresses = sorted(collection.selection.asked)
    if config.options.json:
        images = [_as_json(collection, address, config.root) for address in addresses]
        sys.stdout.write(json.dumps({"images": images}, indent=2) + "\n")
    else:
        sys.stdout.writelines(f"{address}\n" for address in addresses)
    return ExitCode.OK if addresses else ExitCode.NOTHING_SELECTED


def _as_json(collection: Collection, address: str, root: Path) -> dict[str, Any]:
    image = collection.graph.image(address)
    return {
        "address": address,
        "manifest": _below(image.location.path, root),
        "context": _below(image.context, root),
        "dockerfile": _below(image.dockerfile, root),
        "target": image.target,
        "reference": str(collection.naming.personal(image)[0]),
        "dependencies": list(collection.graph.dependencies(address)),
    }


def _below(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
