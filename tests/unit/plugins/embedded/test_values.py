"""Ports, times, numbers and signals, as BuildKit takes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug_embedded.failures import InstructionError
from okplug_embedded.values import check_signal, read_number, read_ports, read_time


@pytest.mark.parametrize(
    ("text", "ports"),
    [
        ("80", ["80/tcp"]),
        ("0", ["0/tcp"]),
        ("65535/udp", ["65535/udp"]),
        ("53/UDP", ["53/udp"]),
        ("80/", ["80/tcp"]),
        ("9/sctp", ["9/sctp"]),
        ("8000-8002", ["8000/tcp", "8001/tcp", "8002/tcp"]),
        ("80-80", ["80/tcp"]),
        ("1-2/udp", ["1/udp", "2/udp"]),
        ("8080:80", ["80/tcp"]),
        ("127.0.0.1:8080:80/udp", ["80/udp"]),
        ("[::1]:8080:80", ["80/tcp"]),
    ],
)
def test_ports(text: str, ports: list[str]) -> None:
    assert read_ports(text) == ports


@pytest.mark.parametrize(
    "text", ["", "x", "65536", "2-1", "80/foo", "-1", "1-", "80-90-95", "\uff18"]
)
def test_no_ports(text: str) -> None:
    with pytest.raises(InstructionError) as caught:
        read_ports(text)
    assert str(caught.value) == (
        f"{text!r} is no port: expected 0 to 65535, or a range such as 8000-8010, "
        "and /tcp, /udp, /sctp or nothing behind it"
    )
    assert caught.value.near == text


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("0", 0),
        ("0s", 0),
        ("-0", 0),
        ("1ms", 1_000_000),
        ("1.5s", 1_500_000_000),
        ("1m30s", 90_000_000_000),
        ("1h0m0.5s", 3_600_500_000_000),
        (".5s", 500_000_000),
        ("5.s", 5_000_000_000),
        ("2000000ns", 2_000_000),
        ("1500us", 1_500_000),
        ("1500µs", 1_500_000),
        ("1500μs", 1_500_000),
        ("+3s", 3_000_000_000),
        ("0.1s", 100_000_000),
        ("2562047h", 9223369200000000000),
    ],
)
def test_times(text: str, nanoseconds: int) -> None:
    assert read_time("interval", text) == nanoseconds


@pytest.mark.parametrize("text", ["5", "s", "1x", "1s5", "5 s", "", "--1s", "1d", "."])
def test_no_times(text: str) -> None:
    with pytest.raises(InstructionError) as caught:
        read_time("interval", text)
    assert str(caught.value) == (f"--interval={text} is no time: expected one such as 30s or 1m30s")
    assert caught.value.near == "--interval"


@pytest.mark.parametrize("text", ["1us", "999999ns", "-5s", "99999999h"])
def test_times_out_of_range(text: str) -> None:
    with pytest.raises(InstructionError) as caught:
        read_time("timeout", text)
    assert str(caught.value) == (
        f"--timeout={text} is out of range: expected at least 1ms, or 0 for the default"
    )


@given(st.integers(0, 99), st.integers(0, 59), st.integers(0, 59), st.integers(0, 999))
def test_a_time_is_the_sum_of_its_parts(hours: int, minutes: int, seconds: int, milli: int) -> None:
    total = ((hours * 60 + minutes) * 60 + seconds) * 1000 + milli
    text = f"{hours}h{minutes}m{seconds}.{milli:03}s"
    assert read_time("interval", text) == total * 1_000_000


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("3", 3), ("+3", 3), ("007", 7)])
def test_numbers(text: str, number: int) -> None:
    assert read_number("retries", text) == number


@pytest.mark.parametrize("text", ["-1", "x", "1.5", "", "9999999999"])
def test_no_numbers(text: str) -> None:
    with pytest.raises(InstructionError) as caught:
        read_number("retries", text)
    assert str(caught.value) == f"--retries={text} is no whole number from 0"
    assert (caught.value.hint, caught.value.near) == ("write --retries=3", "--retries")


@pytest.mark.parametrize(
    "text", ["SIGTERM", "TERM", "sigint", "9", "15", "64", "SIGRTMIN", "RTMIN+15", "SIGRTMAX-14"]
)
def test_signals(text: str) -> None:
    check_signal(text)


@pytest.mark.parametrize(
    "text", ["", "0", "FOO", "SIG", "SIGSIGTERM", "RTMIN+16", "RTMAX-15", "9x"]
)
def test_no_signals(text: str) -> None:
    with pytest.raises(InstructionError) as caught:
        check_signal(text)
    assert str(caught.value) == f"there is no signal {text!r}"
    assert caught.value.hint == "write a name such as SIGTERM, or a number"
