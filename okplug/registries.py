"""Which registry serves which host: each plugin is asked once per host."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from okplug.errors import UsageError
from okplug.stash import StashKey

if TYPE_CHECKING:
    from okplug.backends import Registry
    from okplug.config import Config
    from okplug.reference import Reference

_MAIN: StashKey[Registry] = StashKey()


class Registries:
    """The registries of one run: the configured one, and those that references name."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._lock = threading.Lock()
        self._by_host: dict[str, Registry] = {}
        self.main = main_registry(config)
        self._by_host[self.main.host] = self.main

    def serving(self, reference: Reference) -> Registry:
        """Return the registry of the reference's host.

        :raises UsageError: if no plugin serves it.
        """
        with self._lock:
            host = reference.registry
            if host not in self._by_host:
                self._by_host[host] = _ask(self._config, host)
            return self._by_host[host]


def main_registry(config: Config) -> Registry:
    """Return the configured registry; its plugin is asked for it once in a run.

    :raises UsageError: if no plugin serves it.
    """
    if _MAIN not in config.stash:
        config.stash[_MAIN] = _ask(config, config.text("registry"))
    return config.stash[_MAIN]


def _ask(config: Config, host: str) -> Registry:
    registry = config.plugins.registry(host, config)
    if registry is None:
        raise UsageError(
            f"no plugin serves the registry {host!r}",
            hint="okplug plugins lists those that are loaded; set registry to layout:FOLDER "
            "or to a host that one of them serves",
        )
    return registry
