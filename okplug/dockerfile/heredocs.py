"""Here-documents: where an instruction announces them, and how."""

from __future__ import annotations

import re

from okplug.dockerfile.model import Heredoc
from okplug.dockerfile.variables import BadSubstitutionError, Quoting, split_words

#: a file descriptor may stand before ``<<``
_ANNOUNCEMENT = re.compile(r"\d*<<(?P<dash>-?)[\t\n\f\r ]*+(?P<name>[^<]*)", re.ASCII)
_AS_WRITTEN = Quoting(keep_quotes=True, keep_escapes=True, keep_unset=True)
_QUOTED = Quoting(keep_quotes=True, keep_unset=True)
_UNQUOTED = Quoting(keep_unset=True)


def find_heredocs(line: str) -> tuple[Heredoc, ...]:
    """Return the here-documents that an instruction announces, their bodies still empty.

    A ``<<`` within quotes announces none; nor does any in a line whose quotes are not closed.
    """
    try:
        words = split_words(line, _no_variable, "\\", _AS_WRITTEN)
    except BadSubstitutionError:
        return ()
    return tuple(heredoc for word in words if (heredoc := announced_heredoc(word)))


def announced_heredoc(word: str) -> Heredoc | None:
    """Return the here-document that a word of an instruction announces, None if it does not."""
    match = _ANNOUNCEMENT.fullmatch(word)
    if match is None:
        return None
    try:
        names = split_words(match["name"], _no_variable, "\\", _UNQUOTED)
        quoted = split_words(match["name"], _no_variable, "\\", _QUOTED)
    except BadSubstitutionError:
        return None
    if len(names) != 1:
        return None
    return Heredoc(names[0], "", expand=names == quoted, chomp=bool(match["dash"]))


def _no_variable(_name: str) -> None:
    return None
