"""Guess what was meant by a word that is not known."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def closest(word: str, known: Iterable[str]) -> str:
    """Return the known word that is most like *word*, ``""`` if none is much like it."""
    import difflib

    return next(iter(difflib.get_close_matches(word, sorted(known), n=1, cutoff=0.6)), "")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return the end of a message, ``, did you mean 'x'?``, or ``""`` without a guess."""
    guess = closest(word, known)
    return f", did you mean {guess!r}?" if guess else ""
