"""What the top of an okteto manifest may look like: any section but a misspelt ``build``."""

from __future__ import annotations

import re
from typing import Final

_LETTERS: Final = tuple(f"[{letter}{letter.upper()}]" for letter in "build")


def _in_order(*letters: str) -> str:
    return "".join(rf".*{letter}" for letter in letters)


_ONE_MISSING: Final = "|".join(
    _in_order(*_LETTERS[:index], *_LETTERS[index + 1 :]) for index in range(len(_LETTERS))
)
#: what differs from ``build`` by a letter that is missing, wrong or misplaced, by one or two more,
#: or by capitals; in the common part of Python's and ECMAScript's regular expressions
MISSPELT_BUILD: Final = (
    r"^(?!build$|x-)"
    rf"(?:(?=.{{4,5}}$)(?:{_ONE_MISSING})|(?=.{{5,7}}$){_in_order(*_LETTERS)}).*$"
)


def is_misspelt_build(name: str) -> bool:
    """Tell whether a section's name was meant to be ``build``; those of other tools are not."""
    return re.search(MISSPELT_BUILD, name) is not None
