"""One daemon of a pool: opened when it is first wanted, left out while it does not answer."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from okplug import OkplugError, UsageError
from okplug_buildkit.pool.managed import ManagedDaemon, Surroundings
from okplug_buildkit.pool.suitability import check_version

if TYPE_CHECKING:
    from collections.abc import Callable

    from okplug_buildkit.connect.addresses import Address
    from okplug_buildkit.connect.options import ChannelOptions
    from okplug_buildkit.daemon import Daemon, Version

#: seconds that a daemon may take to say that it is there; more where a program leads to it
_PATIENCE = 5.0
_PATIENCE_WITH_PROGRAM = 15.0
#: the same where nothing listens, and nothing has in this run
_PATIENCE_WITH_ABSENCE = 0.5
#: the schemes without such a program
_DIRECT = ("tcp", "unix", "docker", "buildkitd")
#: seconds for which a daemon that did not answer is left out, each time twice as long
_FIRST_PAUSE = 2.0
_LONGEST_PAUSE = 60.0


class Member:
    """One daemon, and what is known about it.

    :param open_daemon: connects to an address; what it returns is asked whether it is there.
    :param managed: the daemon of our own that stands behind the address, None for any other.
    :param wait: seconds that one which is not there yet is waited for at least.
    :param attempt: seconds that any may take to answer at least.
    """

    def __init__(
        self,
        address: Address,
        open_daemon: Callable[[Address], Daemon],
        managed: ManagedDaemon | None = None,
        wait: float = 0.0,
        attempt: float = 0.0,
    ) -> None:
        self.address = address
        #: how many builds it has from this process; who changes it holds the pool's lock
        self.running = 0
        #: why it cannot be used, None if it can as far as is known
        self.cause: OkplugError | None = None
        self.was_reported = False
        self._open_daemon = open_daemon
        self._managed = managed
        self._wait = wait
        self._attempt = attempt
        self._lock = threading.Lock()
        self._daemon: Daemon | None = None
        self._version: Version
        self._is_answering = False
        self._failures = 0
        self._out_until = 0.0

    @property
    def name(self) -> str:
        """The address as it was written."""
        return str(self.address)

    @property
    def is_started(self) -> bool:
        """Whether it can be used without starting a daemon of our own."""
        return self._managed is None or self._managed.is_running()

    @property
    def has_cache(self) -> bool:
        """Whether there may be something in its cache; a daemon of our own need not run for it."""
        return self._managed is None or self._managed.has_cache()

    def is_out(self, now: float) -> bool:
        """Tell whether it is not worth an attempt at this time.

        :param now: seconds of the pool's clock.
        """
        return self.cause is not None and now < self._out_until

    def open(self) -> Daemon:
        """Return the daemon, which has answered since it last failed.

        :raises OkplugError: if it does not answer, with the cause.
        """
        with self._lock:
            if self._daemon is None or not self._is_answering:
                self._connect()
            assert self._daemon is not None
            return self._daemon

    def open_to_build(self) -> Daemon:
        """Return the daemon, which is new enough to build with.

        :raises OkplugError: if it is not, or does not answer.
        """
        daemon = self.open()
        check_version(self.address, self._version)
        return daemon

    def _connect(self) -> None:
        address = self._start() if self._managed is not None else self.address
        if self._daemon is None:
            self._daemon = self._open_daemon(address)
        is_direct = self.address.scheme in _DIRECT
        patience = max(_PATIENCE if is_direct else _PATIENCE_WITH_PROGRAM, self._attempt)
        absence = _PATIENCE_WITH_ABSENCE if self._managed is None else patience
        self._version = self._daemon.info(*(max(each, self._wait) for each in (patience, absence)))
        self._wait = 0.0  # it has come; if it goes, its builds are attempted anew or elsewhere
        self._is_answering = True
        self._failures = 0
        self.cause = None

    def _start(self) -> Address:
        from okplug_buildkit.connect.addresses import parse_address

        assert self._managed is not None
        return parse_address(self._managed.acquire())

    def leave_out(self, cause: OkplugError, now: float) -> None:
        """Note that it failed: it is asked again before it is used, and not before a pause.

        What several builds lose at once is one failure.
        """
        is_known = self.is_out(now)
        self.cause = cause
        self._is_answering = False
        if not is_known:
            self._out_until = now + min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**self._failures)
            self._failures += 1

    def close(self) -> None:
        """Let go of the daemon; a later ``open`` connects anew."""
        with self._lock:
            daemon, self._daemon = self._daemon, None
            self._is_answering = False
            if daemon is not None:
                daemon.close()
            if self._managed is not None:
                self._managed.release()


def make_member(
    address: Address, options: ChannelOptions, user_cache: Path, surroundings: Surroundings
) -> Member:
    """Return the member for an address.

    :param user_cache: what a daemon of our own has its folder in, unless the address says where.
    :param surroundings: for a daemon of our own.
    :raises UsageError: if the address names a folder that is not absolute.
    """

    def open_daemon(at: Address) -> Daemon:
        from okplug_buildkit.daemon import connect

        return connect(at, options)

    if address.scheme != "buildkitd":
        return Member(address, open_daemon, wait=options.wait, attempt=options.attempt)
    folder = managed_folder(address, user_cache, surroundings.environ.get("HOME", ""))
    return Member(address, open_daemon, ManagedDaemon(folder, surroundings))


def managed_folder(address: Address, user_cache: Path, home: str) -> Path:
    """Return the folder of a daemon of our own.

    :param home: what ``~`` stands for, ``""`` if that is not known.
    :raises UsageError: if the address names one that is not absolute.
    """
    root = address.option("root")
    if not root:
        return user_cache / "buildkitd"
    if root.startswith("~/") and home:
        return Path(home, root[2:])
    if not root.startswith("/"):
        raise UsageError(
            f"{address}: {root!r} is no absolute folder", hint="such as buildkitd://?root=/srv/bk"
        )
    return Path(root)
