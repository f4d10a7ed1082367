"""``okplug config``: every setting, its value and where that comes from."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from okplug.errors import ExitCode
from okplug.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from okplug.config import Config, Parser

DESCRIPTION = """\
Show every setting with its value and its origin.

A value comes from the default, an administrator's variable, okplug.toml or [tool.okplug] in
pyproject.toml, the context, the environment or the command line; the last of these that gives one
counts.
"""

EPILOG = """\
examples:
  okplug config
  okplug config -j 4 -o verify_hits=false    what these options would do
  okplug config --json
"""


#: columns that are left for values; what is longer pushes its own origin aside, not all origins
_WIDEST = 48


@hookimpl
def okplug_addoption(parser: Parser) -> None:
    """Add the command."""
    command = parser.add_command(
        "config", help="show the settings and their origins", description=DESCRIPTION, handler=run
    )
    command.epilog = EPILOG
    command.add_argument("--json", action="store_true", help="print as JSON")


def run(config: Config) -> int:
    """Print the settings."""
    if config.options.json:
        import json

        document = {"root": str(config.root), "settings": list(_documents(config))}
        sys.stdout.write(json.dumps(document, indent=2) + "\n")
    else:
        sys.stdout.writelines(f"{line}\n" for line in _lines(config))
    return ExitCode.OK


def _documents(config: Config) -> Iterator[dict[str, object]]:
    for value in config.values():
        yield {"name": value.name, "value": value.shown, "origin": value.origin}


def _lines(config: Config) -> Iterator[str]:
    """Yield the settings in three columns; what is not by default stands out by its origin."""
    rows = [(value.name, value.text, value.origin) for value in config.values()]
    wide = [min(max(len(row[column]) for row in rows), _WIDEST) for column in (0, 1)]
    yield f"root: {config.root}"
    for name, text, origin in rows:
        yield f"{name:<{wide[0]}}  {text:<{wide[1]}}  ({origin})"
