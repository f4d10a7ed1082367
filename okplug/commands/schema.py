"""``okplug schema``: the JSON schema of a manifest, for editors."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from okplug.errors import ExitCode
from okplug.hookspecs import hookimpl

if TYPE_CHECKING:
    from okplug.config import Config, Parser

DESCRIPTION = """\
Print the JSON schema of okteto.yaml. Editors that have it complete keys and show what is wrong
while one types. It accepts what okplug reads, but for what only okplug can look up: files and
variables.
"""

EPILOG = """\
examples:
  okplug schema > okteto.schema.json    a file for a line at the top of a manifest:
                                        # yaml-language-server: $schema=okteto.schema.json
"""


@hookimpl
def okplug_addoption(parser: Parser) -> None:
    """Add the command."""
    command = parser.add_command(
        "schema",
        help="print the JSON schema of manifests",
        description=DESCRIPTION,
        handler=run,
        scope="user",
    )
    command.epilog = EPILOG


def run(_config: Config) -> int:
    """Print the schema."""
    from okplug.manifest.schema import manifest_schema

    sys.stdout.write(json.dumps(manifest_schema(), indent=2) + "\n")
    return ExitCode.OK
