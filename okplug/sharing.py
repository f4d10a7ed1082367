"""Whether what a user builds is shared with all others: not everybody may write where it is kept.

Who may not still reuses what is there. What they build themselves is kept in their own namespace,
under its key as well, so that they need not build it twice.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from okplug.config import Config
    from okplug.plan import Step
    from okplug.reference import Reference
    from okplug.registries import Registries


class Sharing:
    """Where the images of one run are kept; usable from several threads."""

    def __init__(self, config: Config, registries: Registries) -> None:
        self._config = config
        self._registry = registries.main
        self._is_wanted = config.flag("smart_builds")
        self._lock = threading.Lock()
        self._is_allowed: bool | None = None

    def repository(self, step: Step) -> Reference:
        """Return where the image of a step is to be stored.

        :raises RegistryError: if the registry cannot be asked whether the user may write.
        """
        return (step.shared if self._is_shared(step) else step.own).repository_only()

    def key_tag(self, step: Step) -> Reference | None:
        """Return the tag under which the image is found by its key, None if there is to be none.

        :raises RegistryError: if the registry cannot be asked whether the user may write.
        """
        if not self._is_wanted:
            return None
        return step.shared if self._is_shared(step) else step.own.with_tag(step.key)

    def _is_shared(self, step: Step) -> bool:
        if not self._is_wanted:
            return False
        with self._lock:
            if self._is_allowed is None:
                self._is_allowed = self._registry.is_writable(step.shared)
                if not self._is_allowed:
                    self._warn(step)
            return self._is_allowed

    def _warn(self, step: Step) -> None:
        shared = self._config.text("global_namespace") or step.shared.repository
        self._config.warn(
            f"you may not write to {step.shared.registry}/{shared}: what you build is not shared, "
            f"but kept in {step.own.registry}/{self._config.text('namespace')}"
        )
