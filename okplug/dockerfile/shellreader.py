"""Reads a text with variables, quotes and escapes, character by character.

What the forms mean is said in :mod:`okplug.dockerfile.variables`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from okplug.dockerfile.shellpatterns import (
    PatternError,
    remove_prefix,
    remove_suffix,
    replace,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    Lookup = Callable[[str], str | None]

#: how deep ``${A:-${B:-...}}`` may go
MAX_DEPTH = 50
#: whitespace between words, as Go's unicode package has it
WHITESPACE = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)


_CHOICES = frozenset("-+?")
_TRIMS = frozenset("#%")
_NAME = re.compile(r"\d+|[^\W\d]\w*|[-@*#?$!]")
#: ``<<`` takes the blanks behind it into the word, since they may stand before a delimiter
_LESS = re.compile(r"<<[\t\r ]*|<")
_BLANKS = re.compile(f"[{WHITESPACE}]+")


class BadSubstitutionError(ValueError):
    """A word whose quotes or ``${...}`` cannot be read.

    ``text`` is the word, once it is known.
    """

    text = ""


class UnsetVariableError(BadSubstitutionError):
    """``${NAME?...}`` of a variable that has no value.

    :param name: the variable.
    """

    def __init__(self, name: str, message: str) -> None:
        super().__init__(f"{name}: {message}")
        self.name = name


@dataclass(frozen=True, slots=True)
class Quoting:
    """How quotes and escapes are treated.

    :param keep_quotes: quotes stay in the text.
    :param keep_escapes: escape characters stay in the text.
    :param ignore_quotes: quotes are plain characters, as in the body of a here-document.
    :param keep_unset: a variable without value stays as it is written.
    """

    keep_quotes: bool = False
    keep_escapes: bool = False
    ignore_quotes: bool = False
    keep_unset: bool = False


@lru_cache(maxsize=32)
def special(escape: str, stop: str = "") -> re.Pattern[str]:
    """Return the pattern of the characters that mean something."""
    return re.compile(f"[$'\"<{re.escape(escape + stop)}]")


def _split(text: str) -> list[str]:
    return _BLANKS.split(text)


class Words:
    """Collects words from pieces of which some may be split."""

    def __init__(self) -> None:
        self._words: list[str] = []
        self._word = ""

    def add(self, piece: str, *, split: bool) -> None:
        """Take the next piece of text; *split* lets its blanks end a word."""
        parts = _split(piece) if split else [piece]
        for part in parts[:-1]:
            self._word += part
            self._end()
        self._word += parts[-1]

    def drop(self) -> None:
        """Forget the word that has not ended."""
        self._word = ""

    def finish(self) -> tuple[str, ...]:
        """Return the words."""
        self._end()
        return tuple(self._words)

    def _end(self) -> None:
        if self._word:
            self._words.append(self._word)
            self._word = ""


class Reader:
    """Reads one text from its start to its end."""

    def __init__(self, text: str, lookup: Lookup, escape: str, quoting: Quoting) -> None:
        self.found: set[str] = set()
        self.missing: set[str] = set()
        self._text = text
        self._at = 0
        self._lookup = lookup
        self._escape = escape
        self._quoting = quoting
        self._depth = 0
        self._words = Words()

    def read(
        self,
        stop: str,
        *,
        keep_escapes: bool | None = None,
        pattern: bool = False,
        words: Words | None = None,
    ) -> str:
        """Return what comes before *stop*, or before the end of the text if *stop* is empty.

        :param pattern: escapes in quotes are doubled, so that a pattern takes them literally.
        """
        if keep_escapes is None:
            keep_escapes = self._quoting.keep_escapes
        if words is not None:
            self._words = words
        else:
            self._words.drop()  # as BuildKit does, whose words share one buffer
        marks = special(self._escape, stop)
        pieces: list[str] = []
        while match := marks.search(self._text, self._at):
            plain = self._text[self._at : match.start()]
            self._at = match.start()
            if match[0] == stop:
                self._at += 1
                return "".join([*pieces, plain])
            if words is not None:
                words.add(plain, split=True)
            piece, split = self._special(match[0], keep_escapes=keep_escapes, pattern=pattern)
            pieces += (plain, piece)
            if words is not None:
                words.add(piece, split=split)
        if stop:
            self._at = len(self._text)
            raise BadSubstitutionError(f"'{stop}' is missing in {self._text!r}")
        rest = self._text[self._at :]
        self._at = len(self._text)
        if words is not None:
            words.add(rest, split=True)
        return "".join([*pieces, rest])

    def _special(self, char: str, *, keep_escapes: bool, pattern: bool) -> tuple[str, bool]:
        """Read what *char* begins; return it, and whether blanks in it end a word."""
        if char == self._escape:
            return self._escaped(keep_escapes=keep_escapes), False
        if char == "$":
            return self._dollar(), True
        if char == "<":
            match = _LESS.match(self._text, self._at)
            assert match is not None
            self._at = match.end()
            return match[0], False
        if self._quoting.ignore_quotes:
            self._at += 1
            return char, True
        if char == "'":
            return self._single_quoted(pattern=pattern), False
        return self._double_quoted(keep_escapes=keep_escapes, pattern=pattern), False

    def _escaped(self, *, keep_escapes: bool) -> str:
        following = self._text[self._at + 1 : self._at + 2]
        self._at += 2
        return self._escape + following if keep_escapes else following

    def _single_quoted(self, *, pattern: bool) -> str:
        end = self._text.find("'", self._at + 1)
        if end < 0:
            raise BadSubstitutionError(f"the quote ' is not closed in {self._text!r}")
        inner = self._text[self._at + 1 : end]
        self._at = end + 1
        if pattern:
            inner = inner.replace(self._escape, self._escape * 2)
        return f"'{inner}'" if self._quoting.keep_quotes else inner

    def _double_quoted(self, *, keep_escapes: bool, pattern: bool) -> str:
        pieces: list[str] = []
        self._at += 1
        while self._at < len(self._text):
            char = self._text[self._at]
            if char == '"':
                self._at += 1
                inner = "".join(pieces)
                return f'"{inner}"' if self._quoting.keep_quotes else inner
            if char == "$":
                pieces.append(self._dollar())
            elif char == self._escape:
                pieces.append(self._escaped_in_quotes(keep_escapes=keep_escapes, pattern=pattern))
            else:
                pieces.append(char)
                self._at += 1
        raise BadSubstitutionError(f'the quote " is not closed in {self._text!r}')

    def _escaped_in_quotes(self, *, keep_escapes: bool, pattern: bool) -> str:
        following = self._text[self._at + 1 : self._at + 2]
        if following in ('"', "$", self._escape):
            self._at += 2
            return self._escape + following if keep_escapes else following
        self._at += 1
        if not following:
            return ""
        doubled = keep_escapes and (pattern or not self._quoting.keep_quotes)
        return self._escape * 2 if doubled else self._escape

    def _dollar(self) -> str:
        self._at += 1
        if self._text.startswith("{", self._at):
            self._at += 1
            self._depth += 1
            if self._depth > MAX_DEPTH:
                raise BadSubstitutionError(f"more than {MAX_DEPTH} ${{...}} in one another")
            value = self._braces()
            self._depth -= 1
            return value
        name = self._name()
        return self._plain(name, f"${name}") if name else "$"

    def _plain(self, name: str, written: str) -> str:
        """Return the value of a variable that stands as *written*, without an operator."""
        value = self._value(name)
        if value is None:
            return written if self._quoting.keep_unset else ""
        return value

    def _braces(self) -> str:
        """Read what follows ``${``."""
        if self._next() in ("{", "}", ":"):
            raise BadSubstitutionError(f"bad substitution in {self._text!r}")
        name = self._name()
        operator = self._take()
        if operator == "}":
            return self._plain(name, f"${{{name}}}")
        if operator == "/":
            return self._replaced(name)
        if operator in _TRIMS:
            return self._trimmed(name, operator)
        if operator == ":":
            operator += self._take()
        if operator[1:] in _TRIMS or operator[:1] not in _CHOICES | {":"}:
            raise self._no_operator(operator)
        return self._chosen(name, operator, self.read("}", keep_escapes=False))

    def _chosen(self, name: str, operator: str, word: str) -> str:
        value = self._value(name)
        if value is None and self._quoting.keep_unset:
            return f"${{{name}{operator}{word}}}"
        if operator[-1] not in _CHOICES:
            raise self._no_operator(operator)
        is_set = value is not None and (value != "" or len(operator) == 1)
        if operator.endswith("+"):
            return word if is_set else ""
        if not is_set and operator.endswith("-"):
            return word
        if not is_set:
            state = "unset" if value is None else "empty"
            raise UnsetVariableError(name, word or f"is not allowed to be {state}")
        return value or ""

    def _no_operator(self, operator: str) -> BadSubstitutionError:
        if not operator:
            return BadSubstitutionError(f"'}}' is missing in {self._text!r}")
        return BadSubstitutionError(f"'{operator}' is no operator of ${{...}}, in {self._text!r}")

    def _trimmed(self, name: str, operator: str) -> str:
        pattern = self.read("}", keep_escapes=True, pattern=True)
        value = self._value(name)
        if value is None and self._quoting.keep_unset:
            return f"${{{name}{operator}{pattern}}}"
        remove = remove_prefix if operator == "#" else remove_suffix
        longest = pattern.startswith(operator)
        pattern = pattern.removeprefix(operator)
        return self._matched(lambda: remove(value or "", pattern, longest=longest))

    def _replaced(self, name: str) -> str:
        everywhere = self._next() == "/"
        self._at += everywhere
        pattern = self.read("/", keep_escapes=True, pattern=True)
        replacement = self.read("}", keep_escapes=True)
        value = self._value(name)
        if value is None and self._quoting.keep_unset:
            return f"${{{name}/{pattern}/{replacement}}}"
        return self._matched(
            lambda: replace(value or "", pattern, replacement, everywhere=everywhere)
        )

    def _matched(self, match: Callable[[], str]) -> str:
        try:
            return match()
        except PatternError as error:
            raise BadSubstitutionError(f"{error}, in {self._text!r}") from error

    def _name(self) -> str:
        match = _NAME.match(self._text, self._at)
        if match is None:
            return ""
        self._at = match.end()
        return match[0]

    def _next(self) -> str:
        return self._text[self._at : self._at + 1]

    def _take(self) -> str:
        char = self._next()
        self._at += len(char)
        return char

    def _value(self, name: str) -> str | None:
        value = self._lookup(name)
        (self.missing if value is None else self.found).add(name)
        return value
