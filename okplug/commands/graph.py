"""``okplug graph``: what is built from what, and where that is written."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from okplug.commands.arguments import add_key_arguments
from okplug.errors import ExitCode
from okplug.hookspecs import hookimpl
from okplug.selection import add_selection_arguments

if TYPE_CHECKING:
    from okplug.config import Config, Parser

DESCRIPTION = """\
Show the selected images and all that they are built from. As text, each image has below it the
images that it is built from, each with its causes and their places.
"""

EPILOG = """\
examples:
  okplug graph services/api                          one folder's images as a tree
  okplug graph --format dot | dot -Tsvg > graph.svg  drawn by Graphviz
  okplug graph --format mermaid                      for a Markdown page
"""

FORMATS = ("text", "dot", "mermaid", "json")


@hookimpl
def okplug_addoption(parser: Parser) -> None:
    """Add the command."""
    command = parser.add_command(
        "graph", help="show what is built from what", description=DESCRIPTION, handler=run
    )
    command.epilog = EPILOG
    add_selection_arguments(command)
    add_key_arguments(command)
    command.add_argument(
        "--format", choices=FORMATS, default="text", help="what to print; text by default"
    )


def run(config: Config) -> int:
    """Print the graph."""
    from okplug import graphformats
    from okplug.collect import collect

    collection = collect(config)
    selection = collection.selection
    view = graphformats.View.of(collection.graph, selection.needed, config.root)
    match config.options.format:
        case "text":
            can_draw = (sys.stdout.encoding or "").lower().startswith("utf")
            lines = graphformats.Lines() if can_draw else graphformats.ASCII
            sys.stdout.write(graphformats.as_text(view, lines))
        case "dot":
            sys.stdout.write(graphformats.as_dot(view))
        case "mermaid":
            sys.stdout.write(graphformats.as_mermaid(view))
        case _:
            sys.stdout.write(graphformats.as_json(view))
    return ExitCode.OK if selection.asked else ExitCode.NOTHING_SELECTED
