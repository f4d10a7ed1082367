"""Administrator's variables in a run: read from the registry, from time to time.

They count as if they were in everybody's environment, below what really is there. What a registry
elsewhere said is kept in the user's cache for a while, and a run never waits long for news.
"""

from __future__ import annotations

import json
import re
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from okplug.adminartifact import Published, read_published, variables_reference
from okplug.errors import OkplugError, RegistryError
from okplug.registries import main_registry

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from okplug.backends import Registry
    from okplug.config import Config

#: seconds that a run waits for the registry
PATIENCE = 2.0
#: seconds after which a registry that failed is asked again, if ``admin_ttl`` is not less
_PAUSE = 60


@dataclass(frozen=True, slots=True)
class Kept:
    """What the cache holds of one registry.

    :param checked: when the registry was asked, in seconds since the epoch.
    :param has_failed: it was asked in vain, and *published* is from before.
    """

    published: Published = field(default_factory=Published)
    checked: float = 0.0
    has_failed: bool = False

    def is_fresh(self, seconds: float) -> bool:
        """Tell whether the registry need not be asked; a time in the future counts as none."""
        limit = min(seconds, _PAUSE) if self.has_failed else seconds
        return 0 <= time.time() - self.checked < limit


class Cache:
    """The file of one registry and global namespace; whatever is wrong with it, it is empty."""

    def __init__(self, config: Config) -> None:
        place = f"{config.text('registry')}/{config.text('global_namespace')}"
        name = re.sub(r"[^\w.-]", lambda match: f"%{ord(match[0]):06x}", place, flags=re.ASCII)
        self._path: Path = config.user_cache / "admin" / f"{name}.json"

    def read(self) -> Kept:
        """Return what is kept."""
        try:
            document = json.loads(self._path.read_bytes())
            variables = {str(name): str(value) for name, value in document["variables"].items()}
            published = Published(str(document["digest"]), variables)
            return Kept(published, float(document["checked"]), bool(document["has_failed"]))
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return Kept()

    def write(self, published: Published, *, has_failed: bool = False) -> None:
        """Keep what the registry said just now, or before it failed, if that can be written."""
        from contextlib import suppress

        from okplug.atomicfile import replace_file

        document: dict[str, Any] = {
            "checked": time.time(),
            "has_failed": has_failed,
            "digest": published.digest,
            "variables": dict(published.variables),
        }
        with suppress(OSError):
            replace_file(self._path, json.dumps(document).encode(), durable=False)


def current_variables(config: Config, patience: float = PATIENCE) -> dict[str, str]:
    """Return the administrator's variables that count for a run, by name.

    A registry that fails or is too slow is warned of, and what it said last counts.

    :param patience: seconds to wait at most.
    """
    if not config.flag("admin_variables"):
        return {}
    cache = Cache(config)
    kept = cache.read()
    if kept.is_fresh(config.number("admin_ttl")):
        return _usable(kept.published)
    try:
        registry = main_registry(config)
    except OkplugError:  # who needs the registry will say it
        return _usable(kept.published)
    found = _news(config, registry, kept.published, patience)
    if registry.is_remote:  # to ask one on this machine costs no more than to read the cache
        cache.write(found or kept.published, has_failed=found is None)
    return _usable(found or kept.published)


def _usable(published: Published) -> dict[str, str]:
    """Return what a registry has a say in, whoever wrote the rest."""
    if not published.variables:
        return {}
    from okplug.adminnames import is_refused

    return {name: value for name, value in published.variables.items() if not is_refused(name)}


def _news(
    config: Config, registry: Registry, known: Published, patience: float
) -> Published | None:
    """Ask the registry; warn and return None if that fails."""
    reference = variables_reference(registry, config.text("global_namespace"))
    try:
        return _within(patience, lambda: read_published(registry, reference, known))
    except OkplugError as error:
        config.warn(
            f"the administrator's variables of {config.text('registry')} cannot be read, "
            f"{'those of the last time count' if known.digest else 'and count as none'}: "
            f"{error.message} (-o admin_variables=false does without them)"
        )
        return None


def _within(seconds: float, read: Callable[[], Published]) -> Published:
    """Call in another thread and wait for it, but not for long.

    :raises RegistryError: if it takes too long; the call then goes on with nobody to hear it.
    """
    outcome: list[Published | Exception] = []

    def call() -> None:
        try:
            outcome.append(read())
        except Exception as error:  # noqa: BLE001  # raised below, in the thread that waits
            outcome.append(error)

    thread = threading.Thread(target=call, name="administrator's variables", daemon=True)
    thread.start()
    thread.join(seconds)
    if not outcome:
        raise RegistryError(f"no answer within {seconds:g} seconds")
    if isinstance(outcome[0], Exception):
        raise outcome[0]
    return outcome[0]
