"""The values that EXPOSE, HEALTHCHECK and STOPSIGNAL take."""

from __future__ import annotations

import re
from fractions import Fraction

from okplug_embedded.failures import InstructionError

_PORT = re.compile(
    r"(?:(?P<host>.*):)?(?P<first>\d{1,5})(?:-(?P<last>\d{1,5}))?(?:/(?P<protocol>\w*))?", re.ASCII
)
_PROTOCOLS = ("tcp", "udp", "sctp")
_HIGHEST_PORT = 65535

_TIME = re.compile(r"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+", re.ASCII)
_PART = re.compile(r"(?P<number>\d+\.?\d*|\.\d+)(?P<unit>ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_NANOSECONDS = {
    "ns": 1,
    **dict.fromkeys(("us", "µs", "μs"), 1_000),
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_SHORTEST = _NANOSECONDS["ms"]
_LONGEST = 2**63 - 1

_SIGNAL = re.compile(
    "ABRT|ALRM|BUS|CHLD|CLD|CONT|FPE|HUP|ILL|INT|IO|IOT|KILL|PIPE|POLL|PROF|PWR|QUIT|SEGV|STKFLT|"
    "STOP|SYS|TERM|TRAP|TSTP|TTIN|TTOU|URG|USR1|USR2|VTALRM|WINCH|XCPU|XFSZ|"
    r"RTMIN(?:\+(?:[1-9]|1[0-5]))?|RTMAX(?:-(?:[1-9]|1[0-4]))?"
)
_SIGNAL_NUMBER = re.compile(r"[+-]?0*[1-9]\d{0,8}", re.ASCII)


def read_ports(text: str) -> list[str]:
    """Return each port of a word of EXPOSE as ``number/protocol``.

    A host's address or port before a colon is passed over, as BuildKit does.

    :raises InstructionError: if it is no port or range of ports.
    """
    match = _PORT.fullmatch(text)
    first = int(match["first"]) if match else 1
    last = int(match["last"] or first) if match else 0
    protocol = (match["protocol"] or "tcp").lower() if match else ""
    if not first <= last <= _HIGHEST_PORT or protocol not in _PROTOCOLS:
        raise InstructionError(
            f"{text!r} is no port: expected 0 to {_HIGHEST_PORT}, or a range such as 8000-8010, "
            f"and /{', /'.join(_PROTOCOLS)} or nothing behind it",
            near=text,
        )
    return [f"{port}/{protocol}" for port in range(first, last + 1)]


def read_time(flag: str, text: str) -> int:
    """Return the nanoseconds of a time as Go writes it, such as ``1m30s``.

    :raises InstructionError: if it is no time, or below a millisecond and not 0.
    """
    if text.lstrip("+-") == "0":
        return 0
    if not _TIME.fullmatch(text):
        raise InstructionError(
            f"--{flag}={text} is no time: expected one such as 30s or 1m30s", near=f"--{flag}"
        )
    total = sum(
        Fraction(part["number"].rstrip(".") or "0") * _NANOSECONDS[part["unit"]]
        for part in _PART.finditer(text)
    )
    nanoseconds = int(total) * (-1 if text.startswith("-") else 1)
    if nanoseconds and not _SHORTEST <= nanoseconds <= _LONGEST:
        raise InstructionError(
            f"--{flag}={text} is out of range: expected at least 1ms, or 0 for the default",
            near=f"--{flag}",
        )
    return nanoseconds


def read_number(flag: str, text: str) -> int:
    """Return the value of a flag that counts.

    :raises InstructionError: if it is no number from 0.
    """
    if not re.fullmatch(r"\+?\d{1,9}", text, re.ASCII):
        raise InstructionError(
            f"--{flag}={text} is no whole number from 0", hint=f"write --{flag}=3", near=f"--{flag}"
        )
    return int(text)


def check_signal(text: str) -> None:
    """Accept a signal's number, or its name with or without ``SIG``.

    :raises InstructionError: if there is no such signal.
    """
    if not _SIGNAL_NUMBER.fullmatch(text) and not _SIGNAL.fullmatch(
        text.upper().removeprefix("SIG")
    ):
        raise InstructionError(
            f"there is no signal {text!r}", hint="write a name such as SIGTERM, or a number"
        )
