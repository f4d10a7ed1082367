"""Patterns of folders and names: ``*``, ``?`` and ``[...]`` within a component, ``**`` across."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PIECE = re.compile(
    r"(?P<folders>(?:^|(?<=/))\*\*(?:/|$))|(?P<stars>\*+)|(?P<one>\?)"
    r"|\[(?P<negated>[!^]?)(?P<chars>\]?[^]/]*)\]|(?P<char>.)",
    re.DOTALL,
)


def is_pattern(text: str) -> bool:
    """Tell whether a text may stand for others than itself."""
    return any(char in text for char in "*?[")


def compile_pattern(pattern: str) -> Callable[[str], bool]:
    """Return the test that a pattern is; a text fits also if it is the pattern itself.

    ``**`` as a whole component stands for any number of components, none included. A bracket that
    is not closed stands for itself.
    """
    matches = re.compile("".join(_pieces(pattern)), re.DOTALL).fullmatch
    return lambda text: text == pattern or matches(text) is not None


def address_test(spec: str) -> Callable[[str, str], bool]:
    """Return the test of an image's folder and name that a selection is.

    ``folder:name`` is an address, ``folder::`` all at and below a folder, and a text without a
    colon a folder or a name; each part may be a pattern.
    """
    if spec.endswith("::"):
        top = spec[:-2].rstrip("/")
        inside = compile_pattern(f"{top}/**" if top else "**")
        fits = compile_pattern(top)
        return lambda folder, _: fits(folder) or inside(folder)
    first, colon, last = spec.rpartition(":")
    of_folder = compile_pattern((first if colon else spec).rstrip("/"))
    of_name = compile_pattern(last)
    if not colon:
        return lambda folder, name: of_folder(folder) or of_name(name)
    return lambda folder, name: of_folder(folder) and (not last or of_name(name))


def _pieces(pattern: str) -> Iterator[str]:
    for match in _PIECE.finditer(pattern):
        if match["folders"]:
            yield "(?:[^/]+/)*" if match["folders"].endswith("/") else ".*"
        elif match["stars"]:
            yield "[^/]*"
        elif match["one"]:
            yield "[^/]"
        elif match["char"]:
            yield re.escape(match["char"])
        else:
            yield _set(match["chars"], is_negated=bool(match["negated"]))


def _set(chars: str, *, is_negated: bool) -> str:
    """Return a set of characters as an expression; a range that runs backwards is empty."""
    parts = []
    for first, last in re.findall(r"(?s)(.)(?:-(.))?", chars):
        if not last:
            parts.append(re.escape(first))
        elif first <= last:
            parts.append(f"{re.escape(first)}-{re.escape(last)}")
    if not parts:
        return "[^/]" if is_negated else "(?!)"
    return f"(?!/)[{'^' if is_negated else ''}{''.join(parts)}]"
