"""Lists of ``key=value`` in one text, as BuildKit and buildx write them: CSV after RFC 4180."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def join_fields(fields: Iterable[str]) -> str:
    """Return the fields as one text, quoted where a comma or quote demands it."""
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow(list(fields))
    return out.getvalue()


def split_fields(text: str) -> list[tuple[str, str | None]]:
    """Return names and values in order; a field without ``=`` has the value None.

    :raises ValueError: if a quote is not closed or stands in the middle of a field.
    """
    try:
        rows = list(csv.reader([text], strict=True))
    except csv.Error as error:
        raise ValueError(str(error)) from None
    return [_pair(field) for row in rows for field in row]


def _pair(field: str) -> tuple[str, str | None]:
    name, equals, value = field.partition("=")
    return name.strip().lower(), value if equals else None
