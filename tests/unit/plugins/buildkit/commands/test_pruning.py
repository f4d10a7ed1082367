"""``okplug builder prune``: what it asks for, what it prints, and when it asks back."""

from __future__ import annotations

import io
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from okplug import BuildError, UsageError
from okplug_buildkit.commands import pruning

if TYPE_CHECKING:
    from collections.abc import Callable

    from okplug import Config
    from okplug_buildkit.pool.pool import Pool

HOUR = 3600 * 10**9


class Terminal(io.StringIO):
    """Somebody who types."""

    def isatty(self) -> bool:
        """Say that somebody is there."""
        return True


def config(**options: object) -> Config:
    defaults = {
        "force": True,
        "all": False,
        "filter": [],
        "keep_duration": None,
        "keep_storage": None,
    }
    return cast("Config", SimpleNamespace(options=SimpleNamespace(**{**defaults, **options})))


def test_what_went_is_printed(
    pool_of: Callable[..., Pool], fake: Any, record: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    records = [record("abc", 1_500_000, "mount / from\nexec /bin/sh"), record("def", 0)]
    assert pruning.run(config(), pool_of(one=fake(records=records))) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out == (
        "      1.5 MB  abc  mount / from exec /bin/sh\n"
        "         0 B  def\n"
        "      1.5 MB  freed at tcp://one:1234\n"
    )


def test_what_is_asked_for(pool_of: Callable[..., Pool], fake: Any) -> None:
    daemon = fake()
    options = {"keep_duration": "48h", "keep_storage": "1GB", "filter": ["type==regular", "inuse"]}
    pruning.run(config(all=True, **options), pool_of(one=daemon))
    (request,) = daemon.pruned
    assert (request.all, list(request.filter)) == (True, ["type==regular", "inuse"])
    assert (request.keep_duration, request.reserved_space) == (48 * HOUR, 10**9)


def test_without_options_everything_unused_goes(pool_of: Callable[..., Pool], fake: Any) -> None:
    daemon = fake()
    pruning.run(config(), pool_of(one=daemon))
    (request,) = daemon.pruned
    assert request.SerializeToString() == b""


@pytest.mark.parametrize("options", [{"keep_duration": "2"}, {"keep_storage": "x"}])
def test_a_wrong_value_removes_nothing(
    pool_of: Callable[..., Pool], fake: Any, options: dict[str, str]
) -> None:
    daemon = fake()
    with pytest.raises(UsageError):
        pruning.run(config(**options), pool_of(one=daemon))
    assert daemon.pruned == []


def test_one_daemon_that_fails_does_not_stop_the_others(
    pool_of: Callable[..., Pool], fake: Any, record: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    failure = BuildError("cannot use it: wrong filter", hint="mend it")
    one = fake(failures={"prune": failure})
    two = fake(records=[record("a", 1)])
    assert pruning.run(config(), pool_of(one=one, two=two)) == 1
    out, err = capsys.readouterr()
    assert out.splitlines()[-1] == "         1 B  freed at tcp://two:1234"
    assert err == "tcp://one:1234: cannot use it: wrong filter\n  hint: mend it\n"


def test_a_daemon_of_our_own_that_never_was_is_not_started(
    pool_of: Callable[..., Pool], capsys: pytest.CaptureFixture[str]
) -> None:
    pool = pool_of(managed=SimpleNamespace(has_cache=lambda: False, release=lambda: None))
    assert pruning.run(config(), pool) == 0
    assert capsys.readouterr() == ("", "buildkitd:// has no cache\n")


@pytest.mark.parametrize(("answer", "is_done"), [("y\n", True), ("YES\n", True), (" y \n", True)])
def test_who_says_yes_means_it(
    pool_of: Callable[..., Pool],
    fake: Any,
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
    is_done: bool,  # noqa: FBT001  # a parameter of the test
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    daemon = fake()
    assert pruning.run(config(force=False), pool_of(one=daemon)) == 0
    assert bool(daemon.pruned) is is_done


@pytest.mark.parametrize("answer", ["", "\n", "n\n", "no\n", "yep\n"])
def test_who_does_not_say_yes_does_not(
    pool_of: Callable[..., Pool],
    fake: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    answer: str,
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    one, two = fake(), fake()
    assert pruning.run(config(force=False), pool_of(one=one, two=two)) == 1
    assert one.pruned == two.pruned == []
    assert capsys.readouterr() == (
        "",
        "Remove what nothing uses from the cache of 2 daemons? [y/N] nothing was removed\n",
    )


@pytest.mark.parametrize("stdin", [None, io.StringIO("y\n")])
def test_where_nobody_can_be_asked_it_has_to_be_forced(
    pool_of: Callable[..., Pool],
    fake: Any,
    monkeypatch: pytest.MonkeyPatch,
    stdin: io.StringIO | None,
) -> None:
    monkeypatch.setattr(sys, "stdin", stdin)
    daemon = fake()
    with pytest.raises(UsageError) as caught:
        pruning.run(config(force=False), pool_of(one=daemon))
    assert caught.value.hint == "add --force"
    assert daemon.pruned == []
