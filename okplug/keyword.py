"""The expressions of ``-k``: words with ``and``, ``or``, ``not`` and parentheses, as in pytest."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from okplug.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    Test = Callable[[str], bool]

_TOKEN = re.compile(r"\s*([()]|[^\s()]+)")
_MAX_DEPTH = 50
_HINT = "words, and, or, not and parentheses, such as 'api and not (test or old)'"


def compile_keyword(text: str) -> Test:
    """Return the test that an expression is; a word holds for a text that contains it.

    Case does not count.

    :raises UsageError: if it is no expression.
    """
    return _Parser(text).parse()


class _Parser:
    """A parser by recursive descent: ``or`` binds least, ``not`` most."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = _TOKEN.findall(text)
        self._depth = 0

    def parse(self) -> Test:
        test = self._either()
        if self._tokens:
            raise self._error(f"{self._tokens[0]!r} does not belong there")
        return test

    def _error(self, problem: str) -> UsageError:
        return UsageError(f"-k {self._text!r}: {problem}", hint=_HINT)

    def _takes(self, word: str) -> bool:
        if self._tokens and self._tokens[0].lower() == word:
            self._tokens.pop(0)
            return True
        return False

    def _deeper(self, read: Callable[[], Test]) -> Test:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise self._error(f"more than {_MAX_DEPTH} parts lie in one another")
        test = read()
        self._depth -= 1
        return test

    def _either(self) -> Test:
        tests = [self._both()]
        while self._takes("or"):
            tests.append(self._both())
        return lambda value: any(test(value) for test in tests)

    def _both(self) -> Test:
        tests = [self._one()]
        while self._takes("and"):
            tests.append(self._one())
        return lambda value: all(test(value) for test in tests)

    def _one(self) -> Test:
        if self._takes("not"):
            test = self._deeper(self._one)
            return lambda value: not test(value)
        if self._takes("("):
            test = self._deeper(self._either)
            if not self._takes(")"):
                raise self._error("a parenthesis is not closed")
            return test
        if not self._tokens or self._tokens[0].lower() in {")", "and", "or"}:
            raise self._error("a word is missing")
        word = self._tokens.pop(0).lower()
        return lambda value: word in value.lower()
