"""Images in any registry that speaks the OCI distribution specification 1.1 over HTTP.

It answers for every host that no other plugin serves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from okplug import StashKey, hookimpl

if TYPE_CHECKING:
    from okplug import Config, Parser, Registry
    from okplug_registry.transport import Transport

#: the connections of a run, which all its registries share
_TRANSPORT: StashKey[Transport] = StashKey()


@hookimpl
def okplug_addoption(parser: Parser) -> None:
    """Add the settings."""
    from okplug_registry.setting import SETTINGS

    for setting in SETTINGS:
        parser.add_setting(setting)


@hookimpl(trylast=True)  # layouts, and whatever a team adds, serve their hosts themselves
def okplug_registry(host: str, config: Config) -> Registry | None:
    """Return the registry of a host."""
    from okplug_registry.setting import check_host, is_other_store

    if is_other_store(host):
        return None
    check_host(host)
    from okplug_registry.opening import open_registry, open_transport

    if _TRANSPORT not in config.stash:
        config.stash[_TRANSPORT] = open_transport(config)
    return open_registry(host, config, config.stash[_TRANSPORT])


@hookimpl
def okplug_unconfigure(config: Config) -> None:
    """Close the connections."""
    if _TRANSPORT in config.stash:
        config.stash[_TRANSPORT].close()
