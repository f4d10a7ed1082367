"""Which daemons are too old to build with."""

from __future__ import annotations

import pytest

from okplug_buildkit.connect.addresses import parse_address
from okplug_buildkit.connect.failures import DaemonError, Fault
from okplug_buildkit.daemon import Version
from okplug_buildkit.pool.suitability import check_version, is_old_engine

PACKAGE = "github.com/moby/buildkit"


def refusal(address: str, version: Version) -> DaemonError:
    with pytest.raises(DaemonError) as caught:
        check_version(parse_address(address), version)
    return caught.value


@pytest.mark.parametrize(
    "text", ["v0.13.0", "0.13.2", "v0.32.2", "v0.13.0-rc1", "v1.0.0", "v0.0.0+unknown", "dev", ""]
)
def test_new_enough_or_of_no_release(text: str) -> None:
    check_version(parse_address("tcp://a:1"), Version(PACKAGE, text))


@pytest.mark.parametrize("text", ["v0.12.5", "v0.11.7+d3e6c1360f6e", "0.1.0"])
def test_a_release_from_before(text: str) -> None:
    error = refusal("tcp://a:1", Version(PACKAGE, text))
    assert error.message == (
        f"the BuildKit {text.removeprefix('v')} at tcp://a:1 is too old: okplug needs 0.13 or later"
    )
    assert error.fault is Fault.TOO_OLD
    assert (
        error.hint == "update the daemon, or name another builder with --builder or BUILDKIT_HOST"
    )


def test_one_that_does_not_know_the_question() -> None:
    error = refusal("unix:///bk.sock", Version())
    assert error.message == (
        "the BuildKit at unix:///bk.sock is too old: okplug needs 0.13 or later"
    )


def test_it_comes_with_its_engine() -> None:
    error = refusal("docker://", Version())
    assert error.hint.startswith("update the Docker engine to version 26 or later, or ")


@pytest.mark.parametrize(
    ("version", "is_old"),
    [
        ("1.44", True),
        ("1.9", True),
        ("1.45", False),
        ("1.51", False),
        ("2.0", False),
        ("", False),
        ("one", False),
    ],
)
def test_engines_by_their_api(version: str, *, is_old: bool) -> None:
    assert is_old_engine(version) is is_old
