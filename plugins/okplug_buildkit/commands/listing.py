"""``okplug builder ls``."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from okplug import ExitCode, OkplugError
from okplug_buildkit.commands.units import format_size
from okplug_buildkit.connect.failures import DaemonError, Fault

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from okplug import Config
    from okplug_buildkit.daemon import Daemon
    from okplug_buildkit.pool.member import Member
    from okplug_buildkit.pool.pool import Pool

#: seconds for each question
_PATIENCE = 10.0
_TITLES = ("ADDRESS", "STATUS", "VERSION", "PLATFORMS", "BUILDS", "CACHE")
_FEW_PLATFORMS = 3


@dataclass(frozen=True, slots=True)
class Row:
    """What is known of one daemon.

    :param status: ``running``, ``stopped`` or ``failed``.
    :param builds: how many it does now, None if it does not say.
    :param cache: bytes, None if it does not run.
    :param cause: why it does not answer.
    """

    address: str
    status: str
    version: str = ""
    platforms: tuple[str, ...] = ()
    builds: int | None = None
    cache: int | None = None
    cause: str = ""
    hint: str = ""

    def cells(self) -> tuple[str, ...]:
        """Return the texts of the table."""
        few = list(self.platforms[:_FEW_PLATFORMS])
        if len(self.platforms) > _FEW_PLATFORMS:
            few.append(f"+{len(self.platforms) - _FEW_PLATFORMS}")
        return (
            self.address,
            self.status,
            self.version or "-",
            ",".join(few) or "-",
            "-" if self.builds is None else str(self.builds),
            "-" if self.cache is None else format_size(self.cache),
        )


def run(config: Config, pool: Pool | None) -> int:
    """Print a row for each daemon; without a pool, that there is none.

    The exit code tells whether all of them can be used.
    """
    rows = _ask_all(pool.members) if pool is not None else ()
    if config.options.json:
        document = {"builders": [asdict(row) for row in rows]}
        sys.stdout.write(json.dumps(document, indent=2) + "\n")
    elif pool is None:
        sys.stdout.write("no BuildKit; the embedded builder builds images without RUN\n")
    else:
        sys.stdout.writelines(f"{line}\n" for line in _lines(rows))
    is_failed = any(row.status == "failed" for row in rows)
    return ExitCode.FAILED if is_failed else ExitCode.OK


def _ask_all(members: Sequence[Member]) -> tuple[Row, ...]:
    """Ask all daemons at once, since one that is not there takes its time."""
    with ThreadPoolExecutor(len(members), thread_name_prefix="builder ls") as threads:
        return tuple(threads.map(_ask, members))


def _ask(member: Member) -> Row:
    if not member.is_started:
        return Row(member.name, "stopped")
    try:
        return _row(member.name, member.open())
    except OkplugError as error:
        return Row(member.name, "failed", cause=error.message, hint=error.hint)


def _row(name: str, daemon: Daemon) -> Row:
    workers = daemon.workers(_PATIENCE)
    platforms = dict.fromkeys(platform for worker in workers for platform in worker.platforms)
    return Row(
        name,
        "running",
        daemon.info(_PATIENCE).version,
        tuple(platforms),
        _running_builds(daemon),
        sum(record.size for record in daemon.disk_usage()),
    )


def _running_builds(daemon: Daemon) -> int | None:
    """Count all users' builds; None if the daemon does not tell."""
    try:
        return len(daemon.builds(active_only=True))
    except DaemonError as error:
        if error.fault is Fault.TOO_OLD:
            return None
        raise


def _lines(rows: Sequence[Row]) -> Iterator[str]:
    table = [_TITLES, *(row.cells() for row in rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    causes = ["", *(row.cause for row in rows)]
    hints = ["", *(row.hint for row in rows)]
    for cells, cause, hint in zip(table, causes, hints, strict=True):
        padded = (f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True))
        yield "  ".join(padded).rstrip()
        if cause:
            yield f"  {cause}"
        if hint:
            yield f"  hint: {hint}"
