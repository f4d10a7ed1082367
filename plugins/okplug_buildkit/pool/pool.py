"""All daemons of a run: who builds an image, and who takes over when a daemon does not answer."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from itertools import chain, islice, repeat
from typing import TYPE_CHECKING, TypeVar

from okplug import CancelledError, OkplugError
from okplug_buildkit.connect.failures import DaemonLostError
from okplug_buildkit.pool.failures import DaemonLost, named, no_daemon
from okplug_buildkit.pool.rendezvous import choose

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from okplug_buildkit.daemon import Daemon
    from okplug_buildkit.pool.member import Member

Result = TypeVar("Result")

#: seconds to wait before a build is tried again whose daemon was lost: a daemon that is started
#: again is there by then, and one that every attempt kills gets no more than these
_PAUSES = (0.1, 1.0, 3.0, 6.0)


class Pool:
    """The daemons of a run; usable from several threads.

    :param members: at least one, no two with the same address.
    :param warn: is told once of each daemon that is left out while others are there.
    :param clock: seconds.
    :param attempts: how often a build is attempted whose daemons are lost; 0 is 5.
    """

    def __init__(
        self,
        members: Sequence[Member],
        warn: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
        *,
        attempts: int = 0,
    ) -> None:
        if not members:
            raise ValueError("a pool has at least one daemon")
        self.members = tuple(members)
        self._warn = warn
        self._clock = clock
        self._attempts = attempts
        self._lock = threading.Lock()

    def describe(self) -> str:
        """Return what the header says, such as ``BuildKit at tcp://builder:1234``."""
        if len(self.members) == 1:
            return f"BuildKit at {self.members[0].name}"
        names = ", ".join(member.name for member in self.members)
        return f"BuildKit at {len(self.members)} addresses: {names}"

    @contextmanager
    def pick(self, image: str, *, is_retry: bool = False) -> Iterator[Daemon]:
        """Have a daemon for one build; what it loses in between is left out from then on.

        :param image: its address, which decides where it goes.
        :param is_retry: when no daemon answered of late, ask them all the same.
        :raises OkplugError: if none can be used, with the cause of each.
        """
        member, daemon = self._take(image, is_retry=is_retry)
        with self._held(member):
            yield daemon

    def run(
        self,
        image: str,
        work: Callable[[Daemon], Result],
        cancelled: threading.Event | None = None,
        retrying: Callable[[DaemonLostError], object] = lambda _: None,
    ) -> Result:
        """Have work done by the daemon for an image, again if it is lost, by another if there is.

        A daemon that was not there in the first place is not waited for.

        :param work: raises ``DaemonLostError`` when the connection fails, and anything else when
            the build does, which is not tried again.
        :param cancelled: is set to give up between two attempts.
        :param retrying: is told before each further attempt why there is one.
        :raises CancelledError: if it was set.
        :raises OkplugError: if no daemon can be used.
        """
        cancelled = cancelled or threading.Event()
        lost: DaemonLostError | None = None
        attempts = self._attempts or len(_PAUSES) + 1
        pauses = islice(chain(_PAUSES, repeat(_PAUSES[-1])), attempts - 1)
        while True:
            try:
                member, daemon = self._take(image, is_retry=lost is not None)
            except OkplugError as error:
                if lost is None:
                    raise
                failure: DaemonLostError = _still_lost(lost, error)
            else:
                try:
                    with self._held(member):
                        return work(daemon)
                except DaemonLostError as error:
                    failure = error
                    lost = lost or error
            pause = next(pauses, None)
            if pause is None:
                raise failure
            retrying(failure)
            if cancelled.wait(pause if self._are_all_out() else 0):
                raise CancelledError

    @contextmanager
    def _held(self, member: Member) -> Iterator[None]:
        """Count the build of a member that was taken until it is over."""
        try:
            yield
        except DaemonLostError as lost:
            self._leave_out(member, lost)
            raise
        finally:
            with self._lock:
                member.running -= 1

    def _take(self, image: str, *, is_retry: bool) -> tuple[Member, Daemon]:
        """Return a member that answers, counted as running one build more."""
        tried: set[Member] = set()
        while True:
            with self._lock:
                member = self._choose(image, tried, is_retry=is_retry)
                member.running += 1
            try:
                return member, member.open_to_build()
            except OkplugError as cause:
                self._leave_out(member, cause)
                tried.add(member)
                with self._lock:
                    member.running -= 1
            except BaseException:
                with self._lock:
                    member.running -= 1
                raise

    def _choose(self, image: str, tried: set[Member], *, is_retry: bool) -> Member:
        now = self._clock()
        left = [member for member in self.members if member not in tried]
        usable = [member for member in left if not member.is_out(now)]
        if not usable and is_retry:
            usable = left
        if not usable:
            raise self._no_daemon()
        by_name = {member.name: member for member in usable}
        return by_name[choose(image, {name: one.running for name, one in by_name.items()})]

    def _no_daemon(self) -> OkplugError:
        causes = {member.name: member.cause for member in self.members if member.cause}
        (first, *others) = causes.values()
        return no_daemon(causes) if others else first

    def _leave_out(self, member: Member, cause: OkplugError) -> None:
        with self._lock:
            member.leave_out(cause, self._clock())
            is_news = len(self.members) > 1 and not member.was_reported
            member.was_reported = True
        if is_news:
            self._warn(f"a daemon is left out: {named(member.name, cause)}")

    def _are_all_out(self) -> bool:
        now = self._clock()
        with self._lock:
            return all(member.is_out(now) for member in self.members)

    def close(self) -> None:
        """Let go of all daemons."""
        for member in self.members:
            member.close()


def _still_lost(lost: DaemonLostError, error: OkplugError) -> DaemonLost:
    """Return what to raise when a daemon that was lost is not there again."""
    beginning = lost.message.partition(": ")[0]
    now = error.message.removeprefix(f"{beginning}: ")  # which has been said
    return DaemonLost(f"{lost.message}; then {now}", hint=error.hint)
