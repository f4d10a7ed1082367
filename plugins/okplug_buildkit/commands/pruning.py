"""``okplug builder prune``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from okplug import ExitCode, OkplugError, UsageError
from okplug_buildkit.commands.units import format_size, parse_duration, parse_size

if TYPE_CHECKING:
    from okplug import Config
    from okplug_buildkit.pool.member import Member
    from okplug_buildkit.pool.pool import Pool
    from okplug_buildkit.proto import control_pb2

_WIDTH = 12


def run(config: Config, pool: Pool) -> int:
    """Remove what is not used, from one daemon after the other, and print what went.

    A daemon that fails is told and the others are cleaned all the same; a daemon of our own is
    started if it has left something on the disk.

    :raises UsageError: if a value is wrong, or nobody is there to be asked whether it is meant.
    """
    request = _request(config)
    if not config.options.force and not _is_meant(len(pool.members)):
        sys.stderr.write("nothing was removed\n")
        return ExitCode.FAILED
    codes = [_prune(member, request) for member in pool.members]
    return max(codes)


def _request(config: Config) -> control_pb2.PruneRequest:
    from okplug_buildkit.proto import control_pb2

    options = config.options
    duration, storage = options.keep_duration, options.keep_storage
    return control_pb2.PruneRequest(
        filter=options.filter,
        all=options.all,
        keep_duration=parse_duration(duration, "--keep-duration") if duration else 0,
        reserved_space=parse_size(storage, "--keep-storage") if storage else 0,
    )


def _is_meant(count: int) -> bool:
    """Ask at the terminal.

    :raises UsageError: if there is none.
    """
    if sys.stdin is None or not sys.stdin.isatty():
        raise UsageError(
            "okplug builder prune asks before it removes anything, and here is nobody to ask",
            hint="add --force",
        )
    daemons = "the daemon" if count == 1 else f"{count} daemons"
    sys.stderr.write(f"Remove what nothing uses from the cache of {daemons}? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _prune(member: Member, request: control_pb2.PruneRequest) -> int:
    if not member.has_cache:
        sys.stderr.write(f"{member.name} has no cache\n")
        return ExitCode.OK
    freed = 0
    try:
        for record in member.open().prune(request):
            freed += record.size
            what = " ".join(record.description.split())
            sys.stdout.write(f"{format_size(record.size):>{_WIDTH}}  {record.id}  {what}".rstrip())
            sys.stdout.write("\n")
    except OkplugError as error:
        is_named = member.name in error.message
        sys.stderr.write(f"{error}\n" if is_named else f"{member.name}: {error}\n")
        return ExitCode.FAILED
    sys.stdout.write(f"{format_size(freed):>{_WIDTH}}  freed at {member.name}\n")
    return ExitCode.OK
