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


def split_texts(text: str) -> tuple[str, ...]:
    """Return the lists of fields that stand in one text, with commas between them as well.

    A field such as ``mode=max`` continues the list before it, unless that has such a field already
    or has a word that is no field.
    """
    texts: list[str] = []
    for word in filter(None, map(str.strip, text.split(","))):
        if texts and _continues(texts[-1], word):
            texts[-1] += f",{word}"
        else:
            texts.append(word)
    return tuple(texts)


def _continues(text: str, word: str) -> bool:
    if text.count('"') % 2:
        return True  # the comma was in a quoted field
    fields = [_pair(field) for field in text.split(",")]
    name, value = _pair(word)
    return value is not None and all(other != name and found is not None for other, found in fields)


def _pair(field: str) -> tuple[str, str | None]:
    name, equals, value = field.partition("=")
    return name.strip().lower(), value if equals else None
