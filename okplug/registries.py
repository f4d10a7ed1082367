"""Which registry serves which host: each plugin is asked once per host."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from okplug.errors import UsageError

if TYPE_CHECKING:
    from okplug.backends import Registry
    from okplug.config import Config
    from okplug.reference import Reference


class Registries:
    """The registries of one run: the configured one, and those that references name."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._lock = threading.Lock()
        self._by_host: dict[str, Registry] = {}
        self.main = self._ask(config.text("registry"))
        self._by_host[self.main.host] = self.main

    def serving(self, reference: Reference) -> Registry:
        """Return the registry of the reference's host.

        :raises UsageError: if no plugin serves it.
        """
        with self._lock:
            host = reference.registry
            if host not in self._by_host:
                self._by_host[host] = self._ask(host)
            return self._by_host[host]

    def _ask(self, host: str) -> Registry:
        registry = self._config.plugins.registry(host, self._config)
        if registry is None:
            raise UsageError(
                f"no plugin serves the registry {host!r}",
                hint="okplug plugins lists those that are loaded; set registry to layout:FOLDER "
                "or to a host that one of them serves",
            )
        return registry
