"""From the settings to a builder."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from okplug import Config
    from okplug_buildkit.builder import BuildKitBuilder
    from okplug_buildkit.pool.pool import Pool

_EMBEDDED = "embedded"
_AUTO = "auto"


def wanted_addresses(config: Config) -> tuple[tuple[str, ...], str]:
    """Return the addresses of the BuildKits to use, none for the embedded builder, and why those.

    What looked like a BuildKit and is of no use is a warning.
    """
    words = config.words("builder")
    if words == (_EMBEDDED,):
        return (), ""
    if words != (_AUTO,):
        return words, _origin(config)
    from okplug_buildkit.pool.discovery import discover

    found = discover(config.environ)
    for note in found.passed_over:
        config.warn(f"not used: {note}")
    return found.addresses, found.reason


def open_pool(config: Config, addresses: tuple[str, ...], origin: str) -> Pool:
    """Return the daemons at the addresses; none is asked yet.

    :raises UsageError: if an address is wrong, or a setting of the connection.
    """
    from okplug_buildkit.connect.addresses import parse_address
    from okplug_buildkit.connect.settings import options_of
    from okplug_buildkit.pool.managed import Surroundings
    from okplug_buildkit.pool.member import make_member
    from okplug_buildkit.pool.pool import Pool

    options = options_of(config)
    idle = 60.0 * config.number("buildkitd_idle")
    surroundings = Surroundings(config.environ, idle, os.geteuid() == 0)
    unique = dict.fromkeys(parse_address(text, origin) for text in addresses)
    members = [make_member(each, options, config.user_cache, surroundings) for each in unique]
    return Pool(members, config.warn, attempts=int(config.text("builder_attempts")))


def open_builder(config: Config, pool: Pool, origin: str) -> BuildKitBuilder:
    """Return the builder on some daemons.

    :raises UsageError: if a setting of builds is wrong.
    """
    from okplug.credentials import credentials_of
    from okplug_buildkit.builder import BuildKitBuilder, Setup
    from okplug_buildkit.services import Services
    from okplug_buildkit.solve.caches import CacheReader
    from okplug_buildkit.solve.identity import identity
    from okplug_buildkit.solve.options import SolveOptions

    return BuildKitBuilder(
        Setup(
            pool,
            origin,
            Services(
                credentials_of(config),
                config.environ,
                lambda image: config.environ_of(config.root / image.folder),
            ),
            SolveOptions.read(config),
            CacheReader(config.root, config.environ, config.announce_output),
            identity(config.user_cache),
        )
    )


def _origin(config: Config) -> str:
    return next(value.origin for value in config.values() if value.name == "builder")
