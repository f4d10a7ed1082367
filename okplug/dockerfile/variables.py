"""Variables, quotes and escapes in the words of an instruction.

The rules are those of BuildKit's Dockerfile frontend, which follow POSIX shells up to a point:

    $NAME  ${NAME}          the value, nothing if it is not set
    ${NAME-x}   ${NAME:-x}  x if NAME is not set (with the colon: or empty)
    ${NAME+x}   ${NAME:+x}  x if NAME is set (with the colon: and not empty), else nothing
    ${NAME?x}   ${NAME:?x}  an error that says x if NAME is not set (with the colon: or empty)
    ${NAME#p}   ${NAME##p}  the value without the shortest (longest) match of p at its start
    ${NAME%p}   ${NAME%%p}  the same at its end
    ${NAME/p/r} ${NAME//p/r}  the value with the first match (all matches) of p replaced by r

``x``, ``p`` and ``r`` may hold variables and quotes themselves. Values are not expanded again.
Single quotes keep everything; double quotes keep everything but variables and escaped ``"``, ``$``
and escape characters. Quotes go away, and so does an escape character before any other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from okplug.dockerfile.shellreader import (
    WHITESPACE,
    BadSubstitutionError,
    Quoting,
    Reader,
    UnsetVariableError,
    Words,
    special,
)

if TYPE_CHECKING:
    from okplug.dockerfile.shellreader import Lookup

__all__ = [
    "WHITESPACE",
    "BadSubstitutionError",
    "Expansion",
    "Quoting",
    "UnsetVariableError",
    "evaluate",
    "expand",
    "expand_body",
    "is_plain",
    "split_words",
]

_WORD = Quoting()
_BODY = Quoting(ignore_quotes=True)


@dataclass(frozen=True, slots=True)
class Expansion:
    """What a text comes to.

    :param found: variables that were read and have a value.
    :param missing: variables that were read and have none.
    """

    text: str
    found: frozenset[str] = frozenset()
    missing: frozenset[str] = frozenset()


def is_plain(text: str, escape: str = "\\") -> bool:
    """Tell whether *text* holds nothing that expansion would change."""
    return special(escape).search(text) is None


def expand(text: str, lookup: Lookup, escape: str = "\\") -> str:
    """Return *text* with variables replaced, quotes and escapes taken away.

    :raises BadSubstitutionError: if a quote or ``${`` is not closed, or a form is not known.
    """
    return evaluate(text, lookup, escape).text


def expand_body(text: str, lookup: Lookup) -> str:
    r"""Return the body of a COPY or ADD here-document with variables replaced, quotes kept.

    The escape character is the backslash here, whatever the Dockerfile says.

    :raises BadSubstitutionError: as :func:`expand`.
    """
    return evaluate(text, lookup, "\\", _BODY).text


def split_words(
    text: str, lookup: Lookup, escape: str = "\\", quoting: Quoting = _WORD
) -> tuple[str, ...]:
    """Return the words of the expanded *text*, empty ones left out.

    Blanks that were not quoted or escaped end a word, those that come from a variable, too.

    :raises BadSubstitutionError: as :func:`expand`.
    """
    words = Words()
    Reader(text, lookup, escape, quoting).read("", words=words)
    return words.finish()


def evaluate(text: str, lookup: Lookup, escape: str = "\\", quoting: Quoting = _WORD) -> Expansion:
    """Return *text* expanded, and the variables that were read.

    :raises BadSubstitutionError: as :func:`expand`.
    """
    if is_plain(text, escape):
        return Expansion(text)
    reader = Reader(text, lookup, escape, quoting)
    try:
        result = reader.read("")
    except BadSubstitutionError as error:
        error.text = text
        raise
    return Expansion(result, frozenset(reader.found), frozenset(reader.missing))
