"""Durations and sizes as people write and read them."""

from __future__ import annotations

import re
from typing import Final

from okplug import UsageError

_SECOND: Final = 10**9
_DURATIONS: Final = {
    "ns": 1,
    "us": 10**3,
    "ms": 10**6,
    "s": _SECOND,
    "m": 60 * _SECOND,
    "h": 3600 * _SECOND,
    "d": 24 * 3600 * _SECOND,
    "w": 7 * 24 * 3600 * _SECOND,
}
_SIZES: Final[dict[str, int]] = {
    "": 1,
    "b": 1,
    **{f"{prefix}{end}": 1000**n for n, prefix in enumerate("kmgt", 1) for end in ("", "b")},
    **{f"{prefix}ib": 1024**n for n, prefix in enumerate("kmgt", 1)},
}
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(ns|us|ms|[smhdw])")
_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]*)")
#: the largest number of the daemon's messages
_LIMIT: Final = 2**63


def parse_duration(text: str, option: str) -> int:
    """Return nanoseconds.

    :param option: what to name in the message.
    :raises UsageError: if it is no duration such as ``90m``, ``1h30m`` or ``7d``.
    """
    parts = _PART.findall(text)
    value: int = sum(round(float(number) * _DURATIONS[unit]) for number, unit in parts)
    if "".join(number + unit for number, unit in parts) != text or not text or value >= _LIMIT:
        raise UsageError(f"{option} {text!r} is no duration", hint="such as 30m, 1h30m, 48h or 7d")
    return value


def parse_size(text: str, option: str) -> int:
    """Return bytes; ``GB`` is 1000 and ``GiB`` 1024 to the power of three, case does not matter.

    :param option: what to name in the message.
    :raises UsageError: if it is no size such as ``512MB``, ``10GB`` or ``1.5GiB``.
    """
    found = _SIZE.fullmatch(text.strip().lower())
    if found is None or found[2] not in _SIZES:
        raise UsageError(f"{option} {text!r} is no size", hint="such as 512MB, 10GB or 1.5GiB")
    value: int = round(float(found[1]) * _SIZES[found[2]])
    if value >= _LIMIT:
        raise UsageError(f"{option} {text!r} is too large", hint="such as 512MB, 10GB or 1.5GiB")
    return value


def format_size(size: int) -> str:
    """Return a size with the unit that suits it, such as ``1.5 GB``."""
    value = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if round(value, 1) < 1000:  # noqa: PLR2004  # the next unit
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"
