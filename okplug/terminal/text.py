"""Text that is safe to print and that lines up."""

from __future__ import annotations

import re

_COLOUR = re.compile(r"\x1b\[[0-9;:]*m")
#: sequences after ECMA-48: CSI; OSC, DCS and other strings with their ends; all shorter ones. What
#: the end of the text cuts off counts as one, too
_SEQUENCE = re.compile(
    r"(?P<colour>\x1b\[[0-9;:]*m)"
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*(?:[@-~]|$)"
    r"|(?:\x1b[]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c|$)"
    r"|\x1b[ -/]*(?:[0-~]|$)"
    r"|[\x00-\x08\x0a-\x1f\x7f-\x9f]"
)
#: control characters but the tab, and what turns the direction of text or breaks lines
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_DIRECTION = re.compile(r"[\u200e\u200f\u2028-\u202e\u2066-\u2069]")

_MINUTE = 60
_HOUR = 3600
#: from here on a number is shown in the next larger unit, which it is rounded to
_FULL = 999.95


def visible(text: str) -> str:
    r"""Return foreign text as a terminal may have it: without colours, controls as ``\x1b``.

    A carriage return at the end, from lines that end as on Windows, is dropped.
    """
    if text.isascii() and text.isprintable():
        return text
    return _CONTROL.sub(_escaped, _COLOUR.sub("", text).removesuffix("\r"))


def printed(text: str, *, color: bool = False) -> str:
    r"""Return a line of a program's output as a terminal may have it.

    Of what ``\r`` has written over each other, as progress bars do, the last is left; of sequences
    that control a terminal the colours, if they are wanted, and nothing of any other.
    """
    if text.isascii() and text.isprintable():
        return text
    states = [state for state in text.split("\r") if _SEQUENCE.sub("", state)]
    colours = 0

    def kept(match: re.Match[str]) -> str:
        nonlocal colours
        if not color or not match["colour"]:
            return ""
        colours += 1
        return match["colour"]

    shown = _DIRECTION.sub(_escaped, _SEQUENCE.sub(kept, states[-1] if states else ""))
    return f"{shown}\x1b[0m" if colours else shown


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


def size(number: int) -> str:
    """Return a number of bytes as people read it: ``512 B``, ``12.3 MB``."""
    amount = float(number)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < _FULL:
            return f"{number} B" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: ``1 image``, ``2 images``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
