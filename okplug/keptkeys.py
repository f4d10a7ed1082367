"""The keys that a workspace has, here and as its git commits have it."""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from okplug.checkouts import configured_at
from okplug.errors import OkplugError, UsageError
from okplug.session import keyed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from okplug.backends import Registry
    from okplug.config import Config
    from okplug.gitrefs import Commit, GitRepository
    from okplug.reference import Reference


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
            # called like the checkout, for an image may have its folder's name
            place = Path(folder).resolve() / repository.top.name
            for commit in commits:
                repository.check_out(commit, place)
                root = place / repository.prefix
                if not root.is_dir():
                    continue  # the workspace was elsewhere then, or there was none
                try:
                    files = self._config.env_files
                    seen = files.seen_from(root) if files else None
                    with configured_at(self._config, root, env_files=seen) as config:
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


def _unknown(commit: Commit, error: OkplugError, place: Path) -> UsageError:
    where = f"{error.location}: ".replace(f"{place}/", "") if error.location else ""
    return UsageError(
        f"the keys of {', '.join(commit.names)} are unknown: {where}{error.message}",
        hint="leave it out of --keep-refs; nothing was removed",
    )
