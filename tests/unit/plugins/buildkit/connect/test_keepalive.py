"""Keep-alive means what Okteto's documentation says of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug_buildkit.connect.keepalive import KeepAlive, check_time, check_timeout


def keepalive(time: str = "infinite", timeout: str = "20000", *, permit: bool = False) -> KeepAlive:
    return KeepAlive.from_settings(
        check_time(time), check_timeout(timeout), permit_without_stream=permit
    )


def test_by_default_there_are_no_pings() -> None:
    assert keepalive() == KeepAlive()
    assert KeepAlive() == KeepAlive(time=None, timeout=20_000, permit_without_stream=False)
    assert KeepAlive().channel_options() == []


def test_without_pings_the_rest_means_nothing() -> None:
    assert keepalive(timeout="5", permit=True).channel_options() == []


@pytest.mark.parametrize(
    ("time", "milliseconds"),
    [
        ("0", 10_000),
        ("1", 10_000),
        ("9999", 10_000),
        ("10000", 10_000),
        ("10001", 10_001),
        (" 30000 ", 30_000),
        ("10001.9", 10_001),
        (".5", 10_000),
        ("99999999999999999999", 2**31 - 1),
        ("infinite", None),
        ("INFINITY", None),
    ],
)
def test_a_time_below_ten_seconds_counts_as_ten(time: str, milliseconds: int | None) -> None:
    assert keepalive(time).time == milliseconds


@pytest.mark.parametrize(
    ("timeout", "milliseconds"), [("1", 1), ("20000", 20_000), ("0", 20_000), ("1e", None)]
)
def test_no_timeout_is_the_default(timeout: str, milliseconds: int | None) -> None:
    if milliseconds is None:
        with pytest.raises(
            ValueError, match=f"^expected a number of milliseconds, not '{timeout}'"
        ):
            check_timeout(timeout)
    else:
        assert keepalive(timeout=timeout).timeout == milliseconds


@pytest.mark.parametrize("text", ["", "-1", "10s", "1e5", "ten", "nan", "inf", "1_0", "٣", "1.2.3"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match=r"^expected a number of milliseconds or infinite, not '"):
        check_time(text)


def test_the_options_are_grpcs() -> None:
    assert dict(keepalive("30000", "1500", permit=True).channel_options()) == {
        "grpc.keepalive_time_ms": 30_000,
        "grpc.keepalive_timeout_ms": 1500,
        "grpc.http2.ping_timeout_ms": 1500,
        "grpc.keepalive_permit_without_calls": 1,
        "grpc.http2.max_pings_without_data": 0,
    }
    quiet = dict(keepalive("30000").channel_options())
    assert quiet["grpc.keepalive_permit_without_calls"] == 0


@given(st.integers(min_value=0))
def test_any_number_is_a_time_that_grpc_can_hold(number: int) -> None:
    time = keepalive(str(number)).time
    assert time is not None
    assert 10_000 <= time <= 2**31 - 1
    assert time in (10_000, number, 2**31 - 1)
