"""Durations of settings, in the syntax of Go: ``1h30m``, ``1.5s``, ``300ms``."""

from __future__ import annotations

import re

_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600}
_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)", re.ASCII)


def seconds(text: str) -> float:
    """Return a duration in seconds.

    :raises ValueError: if it is none, or below 0; the message says what was expected.
    """
    if text.removeprefix("+") == "0":
        return 0.0
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text.removeprefix("+"):
        raise ValueError(f"expected a duration such as 90s, 10m or 1h30m, not {text!r}")
    return float(sum(float(number) * _SECONDS[unit] for number, unit in parts))


def check_duration(text: str) -> str:
    """Return the text if it is a duration.

    :raises ValueError: if it is none.
    """
    seconds(text)
    return text


def check_time(text: str) -> str:
    """Return the text if it is a duration above 0.

    :raises ValueError: if it is none.
    """
    if not seconds(text):
        raise ValueError(f"expected a duration above 0, not {text!r}")
    return text
