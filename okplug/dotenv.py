r"""The language of ``.env`` files, as compose has it: ``NAME=value``, a line each.

A name may follow ``export``, and alone it stands for what the environment has. A value ends with
its line or before `` #``; in single quotes it is taken as it is, in double quotes after ``\n``,
``\r``, ``\t``, ``\"``, ``\\`` and ``\$``, and in both it may have many lines. Variables are
expanded but in single quotes; one that is not set is empty.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from okplug.errors import Location, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_SPACE = re.compile(r"[^\S\n]+")
_NAME = re.compile(r"[^\S\n]*(?:export[^\S\n]+)?(?P<name>[A-Za-z_][\w.-]*)[^\S\n]*", re.ASCII)
_UNQUOTED = re.compile(r"(?:(?![^\S\n]+(?:#|\n|\Z))[^\n])*")
_QUOTED = {"'": re.compile(r"'([^']*)'"), '"': re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)}
_END = re.compile(r"[^\S\n]*(?:#[^\n]*)?(?:\n|\Z)")
_ESCAPE = re.compile(r'\\([nrt"\\$])')
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "$": "$$"}
_FORMS = "write NAME=value, and quotes around a value with # or line breaks"


@dataclass(frozen=True, slots=True)
class Variable:
    """The value of one variable, and where its name stands."""

    value: str = field(repr=False)
    location: Location


@dataclass(frozen=True, slots=True)
class EnvFile:
    """What a file says.

    :param warnings: variables that it uses and that are not set.
    """

    variables: Mapping[str, Variable]
    warnings: tuple[str, ...] = ()


def parse_env(
    data: bytes, path: Path, below: Mapping[str, str], above: Mapping[str, str]
) -> EnvFile:
    """Read a file; of a name that is written twice the later one counts.

    :param below: variables that its values may use, where it does not define them itself.
    :param above: variables that count more than its own.
    :raises UsageError: if it cannot be understood.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError("the file is not UTF-8", location=Location(path, line)) from error
    reader = _Reader(text.replace("\r\n", "\n"), path, below, above)
    reader.read()
    return EnvFile(reader.found, tuple(reader.warnings))


@dataclass(slots=True)
class _Reader:
    """One pass over one text; *position* is the index of what has not been read yet."""

    text: str
    path: Path
    below: Mapping[str, str]
    above: Mapping[str, str]
    position: int = 0
    found: dict[str, Variable] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def read(self) -> None:
        while self._skip_blanks():
            name = _NAME.match(self.text, self.position)
            if name is None:
                raise self._error("expected the name of a variable", self._first())
            self.position = name.end()
            if self._passes(_END):
                continue  # what the environment has counts anyhow
            if self.text[self.position] not in "=:":
                raise self._error(f"expected = after {name['name']}", self.position)
            self.position += 1
            self._passes(_SPACE)
            value = self._value()
            self.found[name["name"]] = Variable(value, self._location(name.start("name")))

    def _skip_blanks(self) -> bool:
        """Pass over what says nothing; tell whether anything is left."""
        while self.position < len(self.text) and self._passes(_END):
            pass
        return self.position < len(self.text)

    def _passes(self, pattern: re.Pattern[str]) -> bool:
        """Pass over what fits, if anything does."""
        match = pattern.match(self.text, self.position)
        if match is not None:
            self.position = match.end()
        return match is not None

    def _first(self) -> int:
        """Return where the next thing is that is no blank."""
        rest = self.text[self.position :]
        return self.position + len(rest) - len(rest.lstrip())

    def _value(self) -> str:
        start = self.position
        quote = self.text[start : start + 1]
        if quote not in _QUOTED or not quote:
            return self._unquoted(start)
        match = _QUOTED[quote].match(self.text, start)
        if match is None:
            raise self._error(f"the closing {quote} is missing", start)
        self.position = match.end()
        if not self._passes(_END):
            raise self._error(f"expected the end of the line after {quote}", self.position)
        if quote == "'":
            return match[1]
        text = _ESCAPE.sub(lambda escape: _ESCAPED[escape[1]], match[1])
        return self._expanded(text, start, is_exact=False)

    def _unquoted(self, start: int) -> str:
        if self.text[start : start + 1] == "#" and self.text[start - 1].isspace():
            text = ""
        else:
            match = _UNQUOTED.match(self.text, start)
            text = match[0] if match else ""
        self.position = start + len(text)
        self._passes(_END)
        return self._expanded(text, start, is_exact=True)

    def _expanded(self, text: str, start: int, *, is_exact: bool) -> str:
        """Expand the variables of a value that begins at *start*.

        :param is_exact: the value stands there as it is, so that places in it are known.
        """
        if "$" not in text:
            return text
        from okplug.manifest.expand import ExpansionError, expand

        own = {name: variable.value for name, variable in self.found.items()}
        known = {**self.below, **own, **self.above}
        while True:
            try:
                return expand(text, known)
            except ExpansionError as error:
                place = start + error.offset if is_exact else start
                if not error.unset:
                    raise self._error(error.message, place, error.hint) from error
                known[error.unset] = ""
                self.warnings.append(
                    f"{self._location(place)}: the variable {error.unset} is not set and counts as "
                    "empty; a value in single quotes is taken as it is"
                )

    def _location(self, position: int) -> Location:
        line_start = self.text.rfind("\n", 0, position) + 1
        line = self.text.count("\n", 0, position) + 1
        return Location(self.path, line, position - line_start + 1)

    def _error(self, message: str, position: int, hint: str = _FORMS) -> UsageError:
        return UsageError(message, location=self._location(position), hint=hint)
