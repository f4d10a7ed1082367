"""A pool of daemons: who gets an image, who is left out, and what is tried again."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug import BuildError, CancelledError, OkplugError, UsageError
from okplug_buildkit.connect.addresses import Address, parse_address
from okplug_buildkit.daemon import Version
from okplug_buildkit.pool import pool as pool_module
from okplug_buildkit.pool.failures import DaemonLost, NoDaemonError
from okplug_buildkit.pool.member import Member
from okplug_buildkit.pool.pool import Pool
from okplug_buildkit.pool.rendezvous import capacity, preferences

if TYPE_CHECKING:
    from collections.abc import Callable

    from okplug_buildkit.daemon import Daemon

NAMES = ("tcp://a:1", "tcp://b:1", "tcp://c:1")
IMAGE = "services/api:api"


class FakeDaemon:
    """Answers, or fails with a cause."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.name = str(address)
        self.failure: BaseException | None = None
        self.version = Version(version="v0.32.2")
        self.asked = 0
        self.recovers_at = 0
        self.is_closed = False

    def info(self, timeout: float, absence: float = 1.0) -> Version:
        """Say that it is there."""
        assert timeout > 0 < absence
        self.asked += 1
        if self.failure is not None and self.asked != self.recovers_at:
            raise self.failure
        return self.version

    def close(self) -> None:
        """Note that it is closed."""
        self.is_closed = True


class Fakes:
    """A pool of fakes with a clock of its own."""

    def __init__(self, names: tuple[str, ...] = NAMES) -> None:
        self.daemons = {name: FakeDaemon(parse_address(name)) for name in names}
        self.opened: list[str] = []
        self.warnings: list[str] = []
        self.now = 0.0
        members = [Member(parse_address(name), self.open) for name in names]
        self.pool = Pool(members, self.warnings.append, lambda: self.now)

    def open(self, address: Address) -> Daemon:
        """Connect, as far as a fake does."""
        self.opened.append(str(address))
        return cast("Daemon", self.daemons[str(address)])

    def order(self, image: str = IMAGE) -> list[FakeDaemon]:
        """Return the daemons as an image prefers them."""
        return [self.daemons[name] for name in preferences(image, self.daemons)]

    def pick(self, image: str = IMAGE, *, is_retry: bool = False) -> str:
        """Return the name of the daemon that an image is given."""
        with self.pool.pick(image, is_retry=is_retry) as daemon:
            return str(daemon.address)

    def running(self) -> dict[str, int]:
        """Return how many builds the pool takes each daemon to have."""
        return {member.name: member.running for member in self.pool.members}


def refused(text: str = "connection refused", hint: str = "") -> OkplugError:
    return BuildError(text, hint=hint)


def test_a_cause_that_names_its_daemon_needs_no_more(fakes: Fakes) -> None:
    first = fakes.order()[0]
    first.failure = refused(f"no BuildKit at {first.name}: connection refused")
    fakes.pick()
    assert fakes.warnings == [
        f"a daemon is left out: no BuildKit at {first.name}: connection refused"
    ]


@pytest.fixture
def fakes() -> Fakes:
    return Fakes()


@pytest.fixture
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_module, "_PAUSES", (0.0, 0.0, 0.0))


# ---------------------------------------------------------------------------------------- choosing


def test_an_image_goes_to_its_own_daemon_each_time(fakes: Fakes) -> None:
    first = fakes.order()[0].name
    assert [fakes.pick() for _ in range(5)] == [first] * 5
    assert fakes.opened == [first]
    assert fakes.daemons[first].asked == 1


def test_daemons_are_connected_to_when_they_are_wanted(fakes: Fakes) -> None:
    assert fakes.opened == []
    for number in range(50):
        fakes.pick(f"image-{number}")
    assert sorted(fakes.opened) == sorted(NAMES)


def test_a_busy_daemon_hands_its_image_to_the_next(fakes: Fakes) -> None:
    with fakes.pool.pick(IMAGE):
        assert fakes.pick() == fakes.order()[1].name
    assert fakes.pick() == fakes.order()[0].name


@given(st.lists(st.text(max_size=5), max_size=30))
def test_builds_at_once_keep_within_the_bound(wanted: list[str]) -> None:
    fakes = Fakes()
    held = [fakes.pool.pick(image) for image in wanted]
    for pick in held:
        pick.__enter__()
    limit = capacity(max(0, len(wanted) - 1), len(NAMES))
    assert max(fakes.running().values()) <= limit
    for pick in held:
        pick.__exit__(None, None, None)
    assert set(fakes.running().values()) == {0}


def test_many_threads_leave_no_trace(fakes: Fakes) -> None:
    with ThreadPoolExecutor(8) as threads:
        names = list(threads.map(fakes.pick, [f"image-{number}" for number in range(200)]))
    assert set(names) == set(NAMES)
    assert set(fakes.running().values()) == {0}
    assert sorted(fakes.opened) == sorted(NAMES)


def test_a_build_that_fails_is_over(fakes: Fakes) -> None:
    with pytest.raises(BuildError, match="exit code 1"), fakes.pool.pick(IMAGE):
        raise BuildError("exit code 1")
    assert set(fakes.running().values()) == {0}
    assert fakes.warnings == []
    assert fakes.pick() == fakes.order()[0].name


# --------------------------------------------------------------------------------------- left out


def test_a_daemon_that_does_not_answer_is_left_out(fakes: Fakes) -> None:
    first, second, _ = fakes.order()
    first.failure = refused()
    assert [fakes.pick() for _ in range(3)] == [second.name] * 3
    assert first.asked == 1
    assert fakes.warnings == [f"a daemon is left out: {first.name}: connection refused"]


def test_only_its_own_images_move(fakes: Fakes) -> None:
    images = [f"image-{number}" for number in range(60)]
    before = {image: fakes.pick(image) for image in images}
    gone = fakes.daemons[NAMES[0]]
    fakes.pool.members[0].leave_out(refused(), 0)
    after = {image: fakes.pick(image) for image in images}
    assert {image for image in images if before[image] != after[image]} == {
        image for image in images if before[image] == gone.name
    }


def test_after_a_pause_it_is_asked_again(fakes: Fakes) -> None:
    first, second, _ = fakes.order()
    first.failure = refused()
    fakes.pick()
    first.failure = None
    fakes.now = 1.9
    assert fakes.pick() == second.name
    fakes.now = 2.0
    assert fakes.pick() == first.name
    assert first.asked == 2


def test_the_pause_grows_and_the_warning_stays_one(fakes: Fakes) -> None:
    first = fakes.order()[0]
    first.failure = refused()
    asked_at = []
    for second in range(400):
        fakes.now = float(second)
        before = first.asked
        fakes.pick()
        if first.asked > before:
            asked_at.append(second)
    assert asked_at == [0, 2, 6, 14, 30, 62, 122, 182, 242, 302, 362]
    assert len(fakes.warnings) == 1


def test_a_daemon_that_answered_again_gets_the_short_pause(fakes: Fakes) -> None:
    first = fakes.order()[0]
    for start in (0.0, 2.0, 4.0):
        fakes.now = start
        with pytest.raises(DaemonLost, match=first.name), fakes.pool.pick(IMAGE) as daemon:
            raise DaemonLost(f"lost {daemon.address}")


def test_a_daemon_that_is_lost_is_left_out_and_asked_before_it_is_used_again(
    fakes: Fakes,
) -> None:
    first, second, _ = fakes.order()
    with pytest.raises(DaemonLost), fakes.pool.pick(IMAGE):
        raise DaemonLost("stream removed")
    assert fakes.warnings == [f"a daemon is left out: {first.name}: stream removed"]
    assert fakes.pick() == second.name
    fakes.now = 10
    assert fakes.pick() == first.name
    assert first.asked == 2


def test_when_none_answers_each_cause_is_told(fakes: Fakes) -> None:
    for name, daemon in fakes.daemons.items():
        daemon.failure = refused(f"no {name[6]}", hint=f"start {name[6]}")
    with pytest.raises(NoDaemonError) as caught:
        fakes.pick()
    assert caught.value.message == (
        "none of 3 BuildKit daemons can be used: tcp://a:1: no a; tcp://b:1: no b; tcp://c:1: no c"
    )
    assert caught.value.hint == "start a"
    assert set(fakes.running().values()) == {0}


def test_causes_without_remedies_lead_to_the_check(fakes: Fakes) -> None:
    for daemon in fakes.daemons.values():
        daemon.failure = refused()
    with pytest.raises(NoDaemonError) as caught:
        fakes.pick()
    assert caught.value.hint == "okplug builder check tells more"


def test_the_only_daemons_cause_is_told_as_it_is() -> None:
    fakes = Fakes(("tcp://only:1",))
    failure = UsageError("wrong CA", hint="set builder_ca")
    fakes.daemons["tcp://only:1"].failure = failure
    with pytest.raises(UsageError) as caught:
        fakes.pick()
    assert caught.value is failure
    assert fakes.warnings == []


def test_while_none_answers_nobody_waits_for_it_again(fakes: Fakes) -> None:
    for daemon in fakes.daemons.values():
        daemon.failure = refused()
    for _ in range(5):
        with pytest.raises(NoDaemonError):
            fakes.pick()
    assert [daemon.asked for daemon in fakes.daemons.values()] == [1, 1, 1]


def test_a_retry_asks_even_those_that_are_out(fakes: Fakes) -> None:
    for daemon in fakes.daemons.values():
        daemon.failure = refused()
    with pytest.raises(NoDaemonError):
        fakes.pick()
    for daemon in fakes.daemons.values():
        daemon.failure = None
    assert fakes.pick(is_retry=True) == fakes.order()[0].name


def test_a_fault_of_ours_is_no_fault_of_the_daemon(fakes: Fakes) -> None:
    fakes.order()[0].failure = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        fakes.pick()
    assert set(fakes.running().values()) == {0}
    assert fakes.warnings == []


# ---------------------------------------------------------------------------------------- retrying


def loses(times: int, names: list[str]) -> Callable[[Daemon], str]:
    """Return work that is lost some times, and writes down where it was tried."""

    def work(daemon: Daemon) -> str:
        names.append(str(daemon.address))
        if len(names) <= times:
            raise DaemonLost("connection reset")
        return "done"

    return work


def test_work_that_succeeds_is_done_once(fakes: Fakes) -> None:
    names: list[str] = []
    assert fakes.pool.run(IMAGE, loses(0, names)) == "done"
    assert names == [fakes.order()[0].name]


def test_what_one_daemon_loses_another_takes_over(fakes: Fakes) -> None:
    names: list[str] = []
    assert fakes.pool.run(IMAGE, loses(1, names)) == "done"
    assert names == [daemon.name for daemon in fakes.order()[:2]]


@pytest.mark.usefixtures("_no_pauses")
def test_the_only_daemon_gets_further_attempts() -> None:
    fakes = Fakes(("tcp://only:1",))
    names: list[str] = []
    assert fakes.pool.run(IMAGE, loses(2, names)) == "done"
    assert names == ["tcp://only:1"] * 3
    assert fakes.daemons["tcp://only:1"].asked == 3


@pytest.mark.usefixtures("_no_pauses")
def test_attempts_come_to_an_end(fakes: Fakes) -> None:
    names: list[str] = []
    with pytest.raises(DaemonLost, match=r"^connection reset"):
        fakes.pool.run(IMAGE, loses(99, names))
    assert len(names) == 4
    assert set(fakes.running().values()) == {0}


@pytest.mark.usefixtures("_no_pauses")
@pytest.mark.parametrize(("times", "told"), [(0, 0), (2, 2), (99, 3)])
def test_each_further_attempt_is_told_with_its_cause(fakes: Fakes, times: int, told: int) -> None:
    causes: list[str] = []
    with suppress(DaemonLost):
        fakes.pool.run(IMAGE, loses(times, []), None, lambda lost: causes.append(lost.message))
    assert causes == ["connection reset"] * told


def test_a_build_that_fails_is_not_tried_again(fakes: Fakes) -> None:
    calls = []

    def work(daemon: Daemon) -> None:
        calls.append(daemon)
        raise BuildError("exit code 7")

    with pytest.raises(BuildError, match=r"^exit code 7$"):
        fakes.pool.run(IMAGE, work)
    assert len(calls) == 1


def test_a_daemon_that_was_never_there_is_not_waited_for(fakes: Fakes) -> None:
    for daemon in fakes.daemons.values():
        daemon.failure = refused()
    with pytest.raises(NoDaemonError):
        fakes.pool.run(IMAGE, loses(0, []))
    assert [daemon.asked for daemon in fakes.daemons.values()] == [1, 1, 1]


def test_the_only_daemon_that_was_never_there_is_not_waited_for_either() -> None:
    fakes = Fakes(("tcp://only:1",))
    fakes.daemons["tcp://only:1"].failure = DaemonLost("no BuildKit at tcp://only:1")
    with pytest.raises(DaemonLost, match=r"^no BuildKit at tcp://only:1$"):
        fakes.pool.run(IMAGE, loses(0, []))
    assert fakes.daemons["tcp://only:1"].asked == 1


@pytest.mark.usefixtures("_no_pauses")
def test_a_daemon_that_comes_back_takes_up_what_it_lost() -> None:
    fakes = Fakes(("tcp://only:1",))
    daemon = fakes.daemons["tcp://only:1"]
    attempts: list[int] = []

    def work(_daemon: Daemon) -> str:
        attempts.append(daemon.asked)
        if len(attempts) == 1:
            daemon.failure = refused()
            raise DaemonLost("stream removed")
        return "done"

    daemon.recovers_at = 3
    assert fakes.pool.run(IMAGE, work) == "done"
    assert len(attempts) == 2


@pytest.mark.usefixtures("_no_pauses")
def test_a_daemon_that_stays_away_is_lost_with_both_causes() -> None:
    fakes = Fakes(("tcp://only:1",))

    def work(_daemon: Daemon) -> None:
        fakes.daemons["tcp://only:1"].failure = refused(hint="start it")
        raise DaemonLost("stream removed")

    with pytest.raises(DaemonLost) as caught:
        fakes.pool.run(IMAGE, work)
    assert caught.value.message == "stream removed; then connection refused"
    assert caught.value.hint == "start it"


def test_who_is_cancelled_does_not_wait() -> None:
    fakes = Fakes(("tcp://only:1",))
    cancelled = threading.Event()

    def work(_daemon: Daemon) -> None:
        cancelled.set()
        raise DaemonLost("stream removed")

    with pytest.raises(CancelledError):
        fakes.pool.run(IMAGE, work, cancelled)


# -------------------------------------------------------------------------------------- everything


def test_what_the_header_says() -> None:
    assert Fakes(("unix:///run/b.sock",)).pool.describe() == "BuildKit at unix:///run/b.sock"
    assert Fakes().pool.describe() == ("BuildKit at 3 addresses: tcp://a:1, tcp://b:1, tcp://c:1")


def test_to_close_lets_go_of_those_that_were_used(fakes: Fakes) -> None:
    used = fakes.daemons[fakes.pick()]
    fakes.pool.close()
    fakes.pool.close()
    assert [daemon.name for daemon in fakes.daemons.values() if daemon.is_closed] == [used.name]


def test_a_pool_has_a_daemon() -> None:
    with pytest.raises(ValueError, match=r"^a pool has at least one daemon$"):
        Pool([], print)


@pytest.mark.usefixtures("_no_pauses")
@pytest.mark.parametrize("attempts", [1, 2, 9])
def test_how_many_attempts_there_are_can_be_told(attempts: int) -> None:
    names: list[str] = []
    members = Fakes().pool.members
    pool = Pool(members, lambda _: None, attempts=attempts)
    with pytest.raises(DaemonLost):
        pool.run(IMAGE, loses(99, names))
    assert len(names) == attempts
