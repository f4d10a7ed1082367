"""Keep-alive pings, which find out that a connection is dead while nothing else is sent."""

from __future__ import annotations

import re
from dataclasses import dataclass

#: the setting's word for no pings at all
INFINITE = "infinite"
#: milliseconds: below this, daemons take pings for an attack
_FLOOR = 10_000
#: milliseconds: what gRPC takes for a time that is not set
_DEFAULT_TIMEOUT = 20_000
#: milliseconds: the largest number that gRPC's options hold, 25 days
_CEILING = 2**31 - 1
_MILLISECONDS = re.compile(r"\d+(?:\.\d*)?|\.\d+", re.ASCII)


@dataclass(frozen=True, slots=True)
class KeepAlive:
    """When to ping and how long to wait for the answer.

    :param time: milliseconds without activity before a ping, None for never.
    :param timeout: milliseconds to wait before the connection is given up.
    :param permit_without_stream: ping also while no call is open.
    """

    time: int | None = None
    timeout: int = _DEFAULT_TIMEOUT
    permit_without_stream: bool = False

    @classmethod
    def from_settings(cls, time: str, timeout: str, *, permit_without_stream: bool) -> KeepAlive:
        """Return what checked settings ask for: a time below 10 s counts as 10 s, and none is 20 s.

        :param time: milliseconds or ``infinite``.
        :param timeout: milliseconds.
        """
        return cls(
            None if time == INFINITE else max(_FLOOR, _number(time)),
            _number(timeout) or _DEFAULT_TIMEOUT,
            permit_without_stream,
        )

    def channel_options(self) -> list[tuple[str, int]]:
        """Return gRPC's names for it; none without pings, because gRPC sends none by default."""
        if self.time is None:
            return []
        return [
            ("grpc.keepalive_time_ms", self.time),
            ("grpc.keepalive_timeout_ms", self.timeout),
            # on a connection that has gone dead it is this one that counts, by default a minute
            ("grpc.http2.ping_timeout_ms", self.timeout),
            ("grpc.keepalive_permit_without_calls", int(self.permit_without_stream)),
            # by default gRPC would send two and then one a minute, whatever the time
            ("grpc.http2.max_pings_without_data", 0),
        ]


def check_time(text: str) -> str:
    """Return a time as the settings hold it, ``infinite`` or milliseconds.

    :raises ValueError: if it is none; the message says what was expected.
    """
    if text.strip().lower() in (INFINITE, "infinity"):
        return INFINITE
    return _check(text, f"a number of milliseconds or {INFINITE}")


def check_timeout(text: str) -> str:
    """Return a time as the settings hold it, milliseconds.

    :raises ValueError: if it is none; the message says what was expected.
    """
    return _check(text, "a number of milliseconds")


def _check(text: str, expected: str) -> str:
    if not _MILLISECONDS.fullmatch(text.strip()):
        raise ValueError(f"expected {expected}, not {text!r}")
    return text.strip()


def _number(text: str) -> int:
    return min(_CEILING, int(float(text)))
