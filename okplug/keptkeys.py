"""The keys that a workspace has, here and as its git commits have it."""

from __future__ import annotations

import dataclasses
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from okplug.commandline import Parser
from okplug.config import Config
from okplug.coresettings import core_settings
from okplug.errors import OkplugError, UsageError
from okplug.session import keyed
from okplug.settings import resolve
from okplug.settingsfile import PYPROJECT_FILE, SETTINGS_FILE, find_workspace

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from okplug.backends import Registry
    from okplug.gitrefs import Commit, GitRepository
    from okplug.pluginmanager import PluginManager
    from okplug.reference import Reference
    from okplug.settings import Value

#: settings that say where images are, whatever a commit's file says
_PLACES = ("registry", "global_namespace")


class KeptKeys:
    """Repository -> keys, and the registry that they are in.

    ``keys`` has what was gathered so far.
    """

    def __init__(self, config: Config) -> None:
        self._config = dataclasses.replace(config, cwd=config.root)
        self.keys: dict[Reference, set[str]] = {}
        self.registry: Registry | None = None

    def add_checkout(self) -> None:
        """Add the keys of all images as they are now, with what is not committed.

        :raises OkplugError: if a manifest is wrong.
        """
        self._add(self._config)

    def add_commits(self, repository: GitRepository, commits: Iterable[Commit]) -> None:
        """Add the keys that each commit has in a clean checkout.

        :raises UsageError: if those of one cannot be computed.
        """
        with tempfile.TemporaryDirectory(prefix="okplug-gc-") as folder:
            place = Path(folder).resolve() / "checkout"
            for commit in commits:
                repository.check_out(commit, place)
                root = place / repository.prefix
                if not root.is_dir():
                    continue  # the workspace was elsewhere then, or there was none
                try:
                    with _at(self._config, root) as config:
                        self._add(config)
                except OkplugError as error:
                    raise _unknown(commit, error, place) from error

    def _add(self, config: Config) -> None:
        with keyed(config) as (collection, planner):
            graph, naming = collection.graph, collection.naming
            self.registry = self.registry or collection.registries.main
            for address in graph.order():
                repository = naming.shared(graph.image(address)).repository_only()
                key = planner.keyring.record(address).key
                self.keys.setdefault(repository, set()).add(key)


@contextmanager
def _at(config: Config, root: Path) -> Iterator[Config]:
    """Give the configuration of a run in another checkout of the workspace.

    Its settings file and its ``okplugfile.py`` files count there; all else is as in this run.
    Warnings are nobody's business.
    """
    plugins = config.plugins.at(root)
    there = Config(
        root=root,
        cwd=root,
        environ=config.environ,
        options=config.options,
        plugins=plugins,
        settings=_settings(config, plugins, root),
        command=config.command,
        stash=config.stash,
        masks=config.masks,
        env_files=config.env_files.seen_from(root) if config.env_files else None,
    )
    plugins.configure_workspace(there)
    try:
        yield there
    finally:
        plugins.unconfigure_workspace(there)


def _settings(config: Config, plugins: PluginManager, root: Path) -> dict[str, Value]:
    parser = Parser(core_settings(config.environ))
    plugins.addoption(parser)
    workspace = find_workspace(root)
    given = workspace.assignments if workspace.root == root else ()
    here = config.settings
    return {
        name: here[name] if name in here and _counts_everywhere(here[name]) else value
        for name, value in resolve(parser.settings, given).items()
    }


def _counts_everywhere(value: Value) -> bool:
    """Tell whether a value is the user's for this run, not the workspace's."""
    is_of_file = value.origin.startswith((SETTINGS_FILE, PYPROJECT_FILE))
    return value.name in _PLACES or not (value.origin == "default" or is_of_file)


def _unknown(commit: Commit, error: OkplugError, place: Path) -> UsageError:
    where = f"{error.location}: ".replace(f"{place}/", "") if error.location else ""
    return UsageError(
        f"the keys of {', '.join(commit.names)} are unknown: {where}{error.message}",
        hint="leave it out of --keep-refs; nothing was removed",
    )
