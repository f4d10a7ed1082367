"""One daemon of a pool: when it is opened, and what stands behind ``buildkitd://``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from okplug import BuildError, UsageError
from okplug_buildkit.connect.addresses import Address, parse_address
from okplug_buildkit.connect.failures import DaemonError
from okplug_buildkit.connect.options import ChannelOptions
from okplug_buildkit.daemon import Version
from okplug_buildkit.pool.managed import ManagedDaemon, Surroundings
from okplug_buildkit.pool.member import Member, make_member, managed_folder

if TYPE_CHECKING:
    from collections.abc import Callable

    from okplug_buildkit.daemon import Daemon

CACHE = Path("/home/cindy/.cache/okplug")


class Opener:
    """Stands for connections, and for the daemons that they lead to."""

    def __init__(self) -> None:
        self.addresses: list[str] = []
        self.asked = 0
        self.patience: list[tuple[float, float]] = []
        self.closed = 0
        self.version = Version(version="v0.32.2")
        self.failure: Exception | None = None

    def __call__(self, address: Address) -> Daemon:
        """Connect."""
        self.addresses.append(str(address))
        return cast("Daemon", self)

    def info(self, timeout: float, absence: float = 1.0) -> Version:
        """Answer."""
        self.patience.append((timeout, absence))
        self.asked += 1
        if self.failure:
            raise self.failure
        return self.version

    def close(self) -> None:
        """Disconnect."""
        self.closed += 1


def test_it_is_opened_and_asked_once() -> None:
    opener = Opener()
    member = Member(parse_address("tcp://a:1"), opener)
    assert opener.addresses == []
    assert member.open() is member.open()
    assert opener.addresses == ["tcp://a:1"]
    assert opener.asked == 1


def test_after_a_failure_it_is_asked_again() -> None:
    opener = Opener()
    member = Member(parse_address("tcp://a:1"), opener)
    opener.failure = BuildError("refused")
    with pytest.raises(BuildError, match=r"^refused$"):
        member.open()
    opener.failure = None
    member.open()
    member.leave_out(BuildError("lost"), now=5)
    assert member.cause is not None
    member.open()
    assert opener.asked == 3
    assert opener.addresses == ["tcp://a:1"]
    assert member.cause is None


@pytest.mark.parametrize(
    ("address", "wait", "patience"),
    [
        ("tcp://a:1", 0.0, (5.0, 0.5)),
        ("tcp://a:1", 3.0, (5.0, 3.0)),
        ("tcp://a:1", 60.0, (60.0, 60.0)),
        ("ssh://a", 0.0, (15.0, 0.5)),
    ],
)
def test_how_long_it_is_waited_for(
    address: str, wait: float, patience: tuple[float, float]
) -> None:
    opener = Opener()
    Member(parse_address(address), opener, wait=wait).open()
    assert opener.patience == [patience]


def test_a_slow_answer_may_be_worth_waiting_for() -> None:
    opener = Opener()
    Member(parse_address("tcp://a:1"), opener, attempt=20.0).open()
    assert opener.patience == [(20.0, 0.5)]


def test_what_has_come_is_not_waited_for_again() -> None:
    opener = Opener()
    member = Member(parse_address("tcp://a:1"), opener, wait=60.0)
    opener.failure = BuildError("not yet")
    with pytest.raises(BuildError):
        member.open()
    opener.failure = None
    member.open()
    member.leave_out(BuildError("lost"), now=5)
    member.open()
    assert opener.patience == [(60.0, 60.0), (60.0, 60.0), (5.0, 0.5)]


def test_one_that_is_too_old_can_be_asked_but_not_built_with() -> None:
    opener = Opener()
    member = Member(parse_address("tcp://a:1"), opener)
    assert member.open_to_build() is member.open()
    member.close()
    opener.version = Version()
    assert member.open() is member.open()
    with pytest.raises(DaemonError, match=r"^the BuildKit at tcp://a:1 is too old"):
        member.open_to_build()


def test_how_long_it_is_out() -> None:
    member = Member(parse_address("tcp://a:1"), Opener())
    assert not member.is_out(0)
    member.leave_out(BuildError("lost"), now=5)
    assert [member.is_out(now) for now in (5, 6.9, 7)] == [True, True, False]
    member.leave_out(BuildError("lost"), now=6)  # another build lost it, too
    assert not member.is_out(7)
    member.leave_out(BuildError("lost"), now=7)
    assert [member.is_out(now) for now in (10.9, 11)] == [True, False]


def test_after_it_is_closed_it_can_be_opened_anew() -> None:
    opener = Opener()
    member = Member(parse_address("tcp://a:1"), opener)
    member.close()
    assert opener.closed == 0
    member.open()
    member.close()
    member.open()
    assert (opener.closed, opener.addresses) == (1, ["tcp://a:1"] * 2)


def test_a_daemon_of_our_own_is_started_and_let_go(daemon: Callable[..., ManagedDaemon]) -> None:
    managed, opener = daemon(), Opener()
    member = Member(parse_address("buildkitd://"), opener, managed)
    assert not managed.is_running()
    member.open()
    assert opener.addresses == [f"unix://{managed.folder}/socket"]
    assert managed.is_running()
    assert managed._lease is not None
    member.close()
    assert managed._lease is None


def test_a_daemon_of_our_own_that_ended_is_started_again(
    daemon: Callable[..., ManagedDaemon], wait_until: Callable[..., None]
) -> None:
    managed, opener = daemon(), Opener()
    member = Member(parse_address("buildkitd://"), opener, managed)
    member.open()
    os.kill(int((managed.folder / "daemon").read_text().split()[0]), 9)
    wait_until(lambda: not managed._is_supervised())
    member.leave_out(BuildError("lost"), now=0)
    member.open()
    assert managed.is_running()
    member.close()


@pytest.mark.parametrize(
    ("text", "folder"),
    [
        ("buildkitd://", CACHE / "buildkitd"),
        ("buildkitd://?root=/srv/bk", Path("/srv/bk")),
        ("buildkitd://?root=~/bk", Path("/home/cindy/bk")),
    ],
)
def test_the_folder_of_a_daemon_of_our_own(text: str, folder: Path) -> None:
    assert managed_folder(parse_address(text), CACHE, "/home/cindy") == folder


@pytest.mark.parametrize(
    ("text", "home"), [("buildkitd://?root=bk", "/home/cindy"), ("buildkitd://?root=~/bk", "")]
)
def test_a_folder_that_is_not_absolute(text: str, home: str) -> None:
    with pytest.raises(UsageError, match="is no absolute folder") as caught:
        managed_folder(parse_address(text), CACHE, home)
    assert caught.value.hint == "such as buildkitd://?root=/srv/bk"


def test_members_of_addresses() -> None:
    surroundings = Surroundings({"HOME": "/home/cindy"}, 900, is_root=True)
    own = make_member(
        parse_address("buildkitd://?root=~/bk"), ChannelOptions(), CACHE, surroundings
    )
    assert own._managed is not None
    assert own._managed.address == "unix:///home/cindy/bk/socket"
    other = make_member(parse_address("tcp://a:1"), ChannelOptions(), CACHE, surroundings)
    assert other._managed is None
    assert other.name == "tcp://a:1"
