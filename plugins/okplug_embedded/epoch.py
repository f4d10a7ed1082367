"""The time that an image records everywhere."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from okplug import UsageError

if TYPE_CHECKING:
    from okplug import BuildRequest

_ARGUMENT = "SOURCE_DATE_EPOCH"
#: the last second of the year 9999, which is the last that an image's configuration can name
_LATEST = 253_402_300_799


def image_time(request: BuildRequest) -> int:
    """Return seconds since 1970: what the run says, else the build argument, else 0.

    :raises UsageError: if it is no such number.
    """
    text = str(request.source_date_epoch or request.args.get(_ARGUMENT) or 0)
    if not text.isascii() or not text.isdigit() or int(text) > _LATEST:
        raise UsageError(
            f"{_ARGUMENT} is {text!r}",
            hint="it is a whole number of seconds since 1970-01-01, such as 1700000000",
        )
    return int(text)


def written(time: int) -> str:
    """Return a time as RFC 3339 has it."""
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
