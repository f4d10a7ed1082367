"""``okplug builder check``: one thing after the other, until something does not work."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from okplug import ExitCode, OkplugError
from okplug_buildkit.graphstore.engines import keeps_by_driver
from okplug_buildkit.pool.suitability import check_version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from okplug import Config
    from okplug_buildkit.commands.trials import Trials
    from okplug_buildkit.connect.addresses import Address
    from okplug_buildkit.connect.options import ChannelOptions
    from okplug_buildkit.daemon import Daemon
    from okplug_buildkit.pool.member import Member
    from okplug_buildkit.pool.pool import Pool

#: seconds for each question
_PATIENCE = 10.0
_NAME_WIDTH = 10


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that can work.

    :param run: returns what there is to say about it; raises ``OkplugError`` if it does not work.
    """

    name: str
    run: Callable[[], str]


def run(config: Config, pool: Pool) -> int:
    """Print a line for each step of each daemon; the exit code is 1 if one does not work.

    :raises UsageError: if the setting ``registry`` is none.
    """
    from okplug_buildkit.commands.trials import Trials

    trials = Trials(config)
    return max(_check(member, trials) for member in pool.members)


def _check(member: Member, trials: Trials) -> int:
    sys.stdout.write(f"{member.name}\n")
    for step in _steps(member, trials):
        try:
            _tell(step.name, "ok", step.run())
        except OkplugError as error:
            _tell(step.name, "failed", error.message)
            if error.hint:
                sys.stdout.write(f"  {'':<{_NAME_WIDTH}}  hint: {error.hint}\n")
            return ExitCode.FAILED
    return ExitCode.OK


def _tell(name: str, result: str, text: str) -> None:
    sys.stdout.write(f"  {name:<{_NAME_WIDTH}}  {result:<6}  {text}".rstrip() + "\n")
    sys.stdout.flush()


def _steps(member: Member, trials: Trials) -> Iterator[Step]:
    """Yield the steps; each may rely on those before it."""

    def connect() -> str:
        member.open()
        return security(member.address, trials.channel)

    yield Step("connection", connect)
    daemon = member.open()
    yield Step("version", lambda: _version(member, daemon))
    yield Step("platforms", lambda: _platforms(daemon))
    yield Step("build", lambda: trials.build(daemon))
    is_engine = member.address.scheme == "docker"
    if is_engine:
        yield Step("images", lambda: _images(daemon))
    if trials.repository is not None and not (is_engine and keeps_by_driver(daemon)):
        yield Step("push", lambda: trials.push(daemon))


def security(address: Address, options: ChannelOptions) -> str:
    """Return how a connection is protected."""
    if address.scheme == "buildkitd":
        return "by a socket, to a daemon of okplug's own"
    if address.scheme != "tcp":
        return f"by {address.scheme}"
    if options.tls is None:
        return "by TCP, in the clear"
    return "by TCP with mutual TLS" if options.tls.cert else "by TCP with TLS"


def _version(member: Member, daemon: Daemon) -> str:
    version = daemon.info(_PATIENCE)
    check_version(member.address, version)
    return version.version or "unknown"


def _images(daemon: Daemon) -> str:
    if keeps_by_driver(daemon):
        return "kept by graph drivers; okplug brings them to the registry itself"
    return "kept in containerd"


def _platforms(daemon: Daemon) -> str:
    workers = daemon.workers(_PATIENCE)
    return ", ".join(dict.fromkeys(name for worker in workers for name in worker.platforms))
