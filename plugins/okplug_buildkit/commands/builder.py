"""``okplug builder ACTION``: what is there to build with, whether it works, and what it keeps."""

from __future__ import annotations

import sys
from contextlib import closing
from typing import TYPE_CHECKING

from okplug import UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from okplug import Config, Parser
    from okplug_buildkit.pool.pool import Pool

ACTIONS = ("ls", "prune", "check")

DESCRIPTION = """\
Show the BuildKit daemons that the setting builder means here, look whether they work, or remove
what they keep.

  ls      address, status, version, platforms, running builds and size of the cache of each
  check   try one thing after the other: the connection, a tiny build, a push to the registry
  prune   remove what nothing uses any more from the cache of each
"""

EPILOG = """\
examples:
  okplug builder ls
  okplug builder check --builder tcp://build.example.com:1234
  okplug builder prune --keep-duration 48h --keep-storage 20GB
"""

#: option of ``prune`` -> what argparse makes of it
_PRUNE_ONLY = {
    "--all": "all",
    "--filter": "filter",
    "--force": "force",
    "--keep-duration": "keep_duration",
    "--keep-storage": "keep_storage",
}


def add_builder_command(parser: Parser) -> None:
    """Add the command, in ``okplug_addoption``."""
    command = parser.add_command(
        "builder",
        help="show, check and clean the BuildKit daemons",
        description=DESCRIPTION,
        handler=run,
    )
    command.epilog = EPILOG
    command.add_argument("action", choices=ACTIONS, metavar="ACTION", help="ls, check or prune")
    command.add_argument("--json", action="store_true", help="ls: print as JSON")
    _add_prune_arguments(command)


def _add_prune_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "-f", "--force", action="store_true", help="prune: do not ask whether it is meant"
    )
    command.add_argument(
        "-a",
        "--all",
        action="store_true",
        help="prune: also what the daemon itself made and what images share",
    )
    command.add_argument(
        "--keep-duration",
        metavar="DURATION",
        help="prune: keep what was used within this time, such as 48h or 7d",
    )
    command.add_argument(
        "--keep-storage",
        metavar="SIZE",
        help="prune: remove no more than it takes to get below this size, such as 20GB",
    )
    command.add_argument(
        "--filter",
        action="append",
        default=[],
        metavar="FILTER",
        help="prune: only records that this fits, such as type==exec.cachemount; may be repeated",
    )


def run(config: Config) -> int:
    """Do what the action says, with the daemons of the setting ``builder``.

    :raises UsageError: if an option belongs to another action, or there is no BuildKit.
    """
    from okplug_buildkit.opening import open_pool, wanted_addresses

    action = config.options.action
    _check_options(config.options)
    config.on_warning(_tell)
    addresses, origin = wanted_addresses(config)
    if not addresses:
        return _without_daemons(config, origin)
    with closing(open_pool(config, addresses, origin)) as pool:
        return _actions()[action](config, pool)


def _tell(warned: object) -> None:
    sys.stderr.write(f"warning: {warned}\n")


def _actions() -> dict[str, Callable[[Config, Pool], int]]:
    from okplug_buildkit.commands import checking, listing, pruning

    return {"ls": listing.run, "check": checking.run, "prune": pruning.run}


def _check_options(options: argparse.Namespace) -> None:
    given = [option for option, name in _PRUNE_ONLY.items() if getattr(options, name)]
    if options.action != "prune" and given:
        raise UsageError(
            f"{given[0]} is an option of okplug builder prune, not of {options.action}",
            hint="okplug builder --help tells which action has which",
        )
    if options.action != "ls" and options.json:
        raise UsageError(
            f"--json is an option of okplug builder ls, not of {options.action}",
            hint="okplug builder --help tells which action has which",
        )


def _without_daemons(config: Config, reason: str) -> int:
    """Say that nothing is there but the embedded builder.

    :raises UsageError: if something is to be done with a daemon.
    """
    from okplug_buildkit.commands import listing

    if config.options.action == "ls":
        return listing.run(config, None)
    raise UsageError(
        f"there is no daemon: {reason or 'builder is embedded'}",
        hint="set builder to the address of a BuildKit, such as tcp://build.example.com:1234",
    )
