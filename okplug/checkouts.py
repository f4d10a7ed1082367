"""The configuration of a run in another checkout of the workspace."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from okplug.commandline import Parser
from okplug.config import Config
from okplug.coresettings import core_settings
from okplug.settings import resolve
from okplug.settingsfile import PYPROJECT_FILE, SETTINGS_FILE, Workspace, find_workspace

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from okplug.environment import EnvFiles
    from okplug.pluginmanager import PluginManager
    from okplug.settings import Value

#: settings that say where images are, whatever a commit's file says
_PLACES = ("registry", "global_namespace")


@contextmanager
def configured_at(
    config: Config, root: Path, *, env_files: EnvFiles | None, links: Collection[str] = frozenset()
) -> Iterator[Config]:
    """Give the configuration of a run in another checkout of the workspace.

    Its settings file and its ``okplugfile.py`` files count there; all else is as in this run. The
    user is in the folder that corresponds to the one here. Warnings are nobody's business.

    :param env_files: the ``.env`` files that count there.
    :param links: to folders that count as folders of that checkout.
    :raises OkplugError: if its settings or plugins are wrong.
    """
    plugins = config.plugins.at(root)
    found = find_workspace(root)
    workspace = found if found.root == root else Workspace(root)
    cwd = config.cwd
    there = Config(
        root=root,
        cwd=root / cwd.relative_to(config.root) if cwd.is_relative_to(config.root) else cwd,
        environ=config.environ,
        options=config.options,
        plugins=plugins,
        settings=_settings(config, plugins, workspace),
        command=config.command,
        stash=config.stash,
        image_table=workspace.images,
        masks=config.masks,
        env_files=env_files,
        links=links,
    )
    plugins.configure_workspace(there)
    try:
        yield there
    finally:
        plugins.unconfigure_workspace(there)


def _settings(config: Config, plugins: PluginManager, workspace: Workspace) -> dict[str, Value]:
    parser = Parser(core_settings(config.environ))
    plugins.addoption(parser)
    here = config.settings
    return {
        name: here[name] if name in here and _counts_everywhere(here[name]) else value
        for name, value in resolve(parser.settings, workspace.assignments).items()
    }


def _counts_everywhere(value: Value) -> bool:
    """Tell whether a value is the user's for this run, not the workspace's."""
    is_of_file = value.origin.startswith((SETTINGS_FILE, PYPROJECT_FILE))
    return value.name in _PLACES or not (value.origin == "default" or is_of_file)
