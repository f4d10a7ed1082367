"""Text that is safe to print and that lines up."""

from __future__ import annotations

import re

_COLOUR = re.compile(r"\x1b\[[0-9;:]*m")
#: control characters but the tab, and what turns the direction of text or breaks lines
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")

_MINUTE = 60
_HOUR = 3600


def visible(text: str) -> str:
    r"""Return foreign text as a terminal may have it: without colours, controls as ``\x1b``.

    A carriage return at the end, from lines that end as on Windows, is dropped.
    """
    if text.isascii() and text.isprintable():
        return text
    return _CONTROL.sub(_escaped, _COLOUR.sub("", text).removesuffix("\r"))


def _escaped(match: re.Match[str]) -> str:
    return repr(match[0])[1:-1]


def columns(text: str) -> int:
    """Return how many columns a terminal needs for the text, after Unicode's annex 11."""
    if text.isascii():
        return len(text)
    from unicodedata import category, east_asian_width

    return sum(
        0 if category(char) in {"Mn", "Me", "Cf"} else 1 + (east_asian_width(char) in "WF")
        for char in text
    )


def padded(text: str, width: int) -> str:
    """Return the text with blanks up to a number of columns."""
    return text + " " * (width - columns(text))


def rule(title: str, fill: str, width: int) -> str:
    """Return a line with the title in its middle; a title that is too long stands alone."""
    left = (width - columns(title) - 2) // 2
    if left < 1:
        return title
    line = f"{fill * left} {title} "
    return line + fill * (width - columns(line))


def seconds(duration: float) -> str:
    """Return a duration as people read it: ``0.03s``, ``1m05s``, ``2h00m10s``."""
    if round(duration, 2) < _MINUTE:
        return f"{duration:.2f}s"
    whole = round(duration)
    minutes = f"{whole % _HOUR // _MINUTE:02}m{whole % _MINUTE:02}s"
    return f"{whole // _HOUR}h{minutes}" if whole >= _HOUR else minutes.removeprefix("0")


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: ``1 image``, ``2 images``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
