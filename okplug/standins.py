"""What stands for an image that is not built yet, in build arguments and references."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_PREFIX = "okplug-image:"
_STAND_IN = re.compile(re.escape(_PREFIX) + r"(?P<address>[^#]*)#(?P<field>[A-Z]+)")
#: a folder may be called ``c#``
_ESCAPES = (("%", "%25"), ("#", "%23"))


def stand_in(address: str, field: str) -> str:
    """Return what stands for a field of ``OKTETO_BUILD_<NAME>_<FIELD>`` of an image."""
    for char, escape in _ESCAPES:
        address = address.replace(char, escape)
    return f"{_PREFIX}{address}#{field}"


def standing_in(text: str) -> tuple[str, ...]:
    """Return the addresses of the images that something in *text* stands for, in order."""
    if _PREFIX not in text:
        return ()
    return tuple(_address(match) for match in _STAND_IN.finditer(text))


def fields_in(text: str) -> frozenset[str]:
    """Return which fields of images something in *text* stands for."""
    if _PREFIX not in text:
        return frozenset()
    return frozenset(match["field"] for match in _STAND_IN.finditer(text))


def fill_in(text: str, lookup: Callable[[str, str], str]) -> str:
    """Replace what stands for images by what *lookup(address, field)* returns."""
    if _PREFIX not in text:
        return text
    return _STAND_IN.sub(lambda match: lookup(_address(match), match["field"]), text)


def _address(match: re.Match[str]) -> str:
    address = match["address"]
    for char, escape in reversed(_ESCAPES) if "%" in address else ():
        address = address.replace(escape, char)
    return address
