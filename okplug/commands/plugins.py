"""``okplug plugins``: the plugins of this workspace, and the hooks that there are."""

from __future__ import annotations

import inspect
import sys
from typing import TYPE_CHECKING

from okplug import hookspecs
from okplug.errors import ExitCode
from okplug.hookspecs import hookimpl
from okplug.plugincheck import hook_names

if TYPE_CHECKING:
    from okplug.config import Config, Parser

DESCRIPTION = """\
Show the plugins that are loaded here, where each comes from and which hooks it implements.

Plugins are okplug's own, entry points of the group okplug, what -p and the setting plugins name,
and the okplugfile.py files of the workspace.
"""

EPILOG = """\
examples:
  okplug plugins
  okplug plugins -p no:report    without one of them
  okplug plugins --hooks         what a plugin can implement
"""


@hookimpl
def okplug_addoption(parser: Parser) -> None:
    """Add the command."""
    command = parser.add_command(
        "plugins",
        help="show the plugins and the hooks",
        description=DESCRIPTION,
        handler=run,
        scope="registry",
    )
    command.epilog = EPILOG
    command.add_argument("--hooks", action="store_true", help="print the reference of all hooks")


def run(config: Config) -> int:
    """Print the plugins or the hooks."""
    if config.options.hooks:
        sys.stdout.write("\n".join(map(hook_reference, hook_names())))
        return ExitCode.OK
    from okplug.manifest.discover import find_manifests

    found = find_manifests(config.root, config.words("manifests"), config.words("exclude"))
    config.plugins.load_folder_plugins(found.plugin_files)
    sys.stdout.writelines(f"{plugin}\n" for plugin in config.plugins.plugins())
    return ExitCode.OK


def hook_reference(name: str) -> str:
    """Return a hook's signature, with its documentation indented below."""
    hook = getattr(hookspecs, name)
    doc = inspect.cleandoc(hook.__doc__ or "").splitlines()
    return "".join([f"{hook_signature(name)}\n", *(f"    {line}".rstrip() + "\n" for line in doc)])


def hook_signature(name: str) -> str:
    """Return a hook as it is to be written, such as ``okplug_event(event: Event) -> None``."""
    return f"{name}{inspect.signature(getattr(hookspecs, name))}".replace("'", "")
