"""``okplug builder ls``: its table, its document and its exit code."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from okplug import BuildError
from okplug_buildkit.commands import listing
from okplug_buildkit.connect.failures import DaemonError, Fault

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from okplug import Config
    from okplug_buildkit.pool.pool import Pool


def config(*, is_json: bool = False) -> Config:
    return cast("Config", SimpleNamespace(options=SimpleNamespace(json=is_json)))


def test_a_row_for_each_daemon(
    pool_of: Callable[..., Pool], fake: Any, record: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    pool = pool_of(
        one=fake(builds_now=2, records=[record("a", 1_500_000), record("b", 500_000)]),
        builder_two=fake(platforms=("linux/arm64",), version="v0.20.0"),
    )
    assert listing.run(config(), pool) == 0
    assert capsys.readouterr().out == (
        "ADDRESS                 STATUS   VERSION  PLATFORMS              BUILDS  CACHE\n"
        "tcp://one:1234          running  v0.32.2  linux/amd64,linux/386  2       2.0 MB\n"
        "tcp://builder_two:1234  running  v0.20.0  linux/arm64            0       0 B\n"
    )


def test_a_daemon_that_fails_says_why(
    pool_of: Callable[..., Pool], fake: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    failure = BuildError("no BuildKit at tcp://two:1234: refused", hint="start it")
    pool = pool_of(one=fake(), two=fake(failures={"info": failure}))
    assert listing.run(config(), pool) == 1
    assert capsys.readouterr().out.splitlines()[2:] == [
        "tcp://two:1234  failed   -        -                      -       -",
        "  no BuildKit at tcp://two:1234: refused",
        "  hint: start it",
    ]


def test_a_failure_halfway_is_one(
    pool_of: Callable[..., Pool], fake: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    pool = pool_of(one=fake(failures={"disk_usage": BuildError("lost it")}))
    assert listing.run(config(), pool) == 1
    assert capsys.readouterr().out.splitlines()[2] == "  lost it"


def test_a_daemon_that_does_not_count_its_builds(
    pool_of: Callable[..., Pool], fake: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    old = DaemonError("cannot use it", Fault.TOO_OLD)
    pool = pool_of(one=fake(version="", failures={"builds": old}))
    assert listing.run(config(), pool) == 0
    assert capsys.readouterr().out.splitlines()[1].split()[1:] == [
        *("running", "-", "linux/amd64,linux/386", "-", "0", "B"),
    ]


def test_another_failure_to_count_is_a_failure(pool_of: Callable[..., Pool], fake: Any) -> None:
    lost = DaemonError("lost it", Fault.LOST)
    assert listing.run(config(), pool_of(one=fake(failures={"builds": lost}))) == 1


def test_many_platforms_are_cut(
    pool_of: Callable[..., Pool], fake: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    pool = pool_of(one=fake(platforms=("linux/a", "linux/b", "linux/c", "linux/d", "linux/e")))
    listing.run(config(), pool)
    assert "linux/a,linux/b,linux/c,+2" in capsys.readouterr().out


def test_as_json(
    pool_of: Callable[..., Pool], fake: Any, record: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    failure = BuildError("refused", hint="start it")
    pool = pool_of(
        one=fake(builds_now=1, records=[record("a", 7)]), two=fake(failures={"info": failure})
    )
    assert listing.run(config(is_json=True), pool) == 1
    one, two = json.loads(capsys.readouterr().out)["builders"]
    assert one == {
        "address": "tcp://one:1234",
        "status": "running",
        "version": "v0.32.2",
        "platforms": ["linux/amd64", "linux/386"],
        "builds": 1,
        "cache": 7,
        "cause": "",
        "hint": "",
    }
    assert (two["status"], two["cause"], two["hint"]) == ("failed", "refused", "start it")
    assert (two["builds"], two["cache"]) == (None, None)


def test_a_daemon_of_our_own_is_not_started_to_be_listed(
    pool_of: Callable[..., Pool], capsys: pytest.CaptureFixture[str]
) -> None:
    pool = pool_of(managed=SimpleNamespace(is_running=lambda: False, release=lambda: None))
    assert listing.run(config(), pool) == 0
    assert capsys.readouterr().out.splitlines()[1].split() == [
        *("buildkitd://", "stopped", "-", "-", "-", "-"),
    ]
