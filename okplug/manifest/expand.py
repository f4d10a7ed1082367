"""Variables in the values of a manifest: ``$NAME``, ``${NAME}``, ``${NAME:-default}`` and the like.

The dialect is that of the a8m/envsubst library, which okteto uses, and a little more:

    $NAME  ${NAME}        the value; an error if it is not set
    ${NAME-x}  ${NAME=x}  the value if it is set, else x
    ${NAME:-x} ${NAME:=x} the value if it is set and not empty, else x
    ${NAME+x}  ${NAME:+x} x if it is set, be it empty, else nothing
    ${NAME?x}  ${NAME:?x} the value, or an error that says x
    ${#NAME}              the number of characters of the value
    $$                    a dollar sign

``x`` may hold variables itself. Values are taken as they are: what they hold is not expanded again.
A lone ``$``, ``$_`` and ``${_}`` stay as they stand, and so does
``${OKTETO_BUILD_<NAME>_<FIELD>}``, whose value is known only when image <NAME> is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: how deep a default may lie in a default
MAX_DEPTH = 50

_BUILD_NAME = r"OKTETO_BUILD_([A-Z0-9_]+)_(IMAGE|REGISTRY|REPOSITORY|TAG|SHA)"
_BUILD_VARIABLE = re.compile(rf"\$(?:\{{{_BUILD_NAME}\}}|{_BUILD_NAME}(?!\w))")
_IS_BUILD_NAME = re.compile(_BUILD_NAME).fullmatch
_NEXT = re.compile(r"\$(?:(?P<dollar>\$)|(?P<name>\w+)|(?P<brace>\{))")
_NEXT_OR_END = re.compile(rf"{_NEXT.pattern}|(?P<end>\}})")
_HEAD = re.compile(r"(?P<length>#?)(?P<name>\w+)(?P<operator>:?[-=+?])?")
_FORMS = "write ${NAME} or ${NAME:-default}; $$ is a plain dollar sign"


class ExpansionError(Exception):
    """A variable has no value, or what follows a ``$`` is not a variable.

    :param offset: index in the text at which the variable begins.
    :param hint: the remedy.
    :param unset: the name of the variable that has no value, ``""`` if that is not it.
    """

    def __init__(self, message: str, *, offset: int, hint: str, unset: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset
        self.hint = hint
        self.unset = unset


class BuildVariable(NamedTuple):
    """``${OKTETO_BUILD_<NAME>_<FIELD>}`` in a text.

    :param text: all of it, as it is written.
    :param name: the name of the image as ``variable_part`` gives it.
    :param field: ``IMAGE``, ``REGISTRY``, ``REPOSITORY``, ``TAG`` or ``SHA``.
    """

    text: str
    name: str
    field: str


def expand(text: str, environ: Mapping[str, str]) -> str:
    """Replace the variables of *text* once.

    :raises ExpansionError: if a variable is not set and has no default, or the syntax is wrong.
    """
    if "$" not in text:
        return text
    return _Expansion(text, environ).words()


def variable_part(name: str) -> str:
    """Return the name of an image as it stands in its variables: ``my-api`` is ``MY_API``."""
    return re.sub(r"[^A-Z0-9]", "_", name.upper())


def build_variables(text: str) -> tuple[BuildVariable, ...]:
    """Return the ``${OKTETO_BUILD_<NAME>_<FIELD>}`` of *text* in their order, with repetitions."""
    if "OKTETO_BUILD_" not in text:
        return ()
    return tuple(_as_variable(match) for match in _BUILD_VARIABLE.finditer(text))


def substitute_build_variables(text: str, lookup: Callable[[str, str], str | None]) -> str:
    """Replace ``${OKTETO_BUILD_<NAME>_<FIELD>}`` by what *lookup* says of NAME and FIELD.

    :param lookup: None leaves the variable as it stands.
    """

    def replacement(match: re.Match[str]) -> str:
        variable = _as_variable(match)
        value = lookup(variable.name, variable.field)
        return variable.text if value is None else value

    return _BUILD_VARIABLE.sub(replacement, text) if "OKTETO_BUILD_" in text else text


def _as_variable(match: re.Match[str]) -> BuildVariable:
    return BuildVariable(match[0], match[1] or match[3], match[2] or match[4])


class _Head(NamedTuple):
    """The name of a variable and its operator; *start* is the index of its dollar sign."""

    name: str
    operator: str
    start: int
    is_length: bool


@dataclass(slots=True)
class _Expansion:
    """One pass over one text.

    :param position: index of what has not been read yet.
    :param opened: where each ``${`` begins whose closing brace has not been read yet.
    """

    text: str
    environ: Mapping[str, str]
    position: int = 0
    opened: list[int] = field(default_factory=list)

    def words(self, *, is_used: bool = True) -> str:
        """Expand up to the end of the text or, in a default, up to its closing brace.

        :param is_used: False for a default that does not count: it is read, but what it names need
            not be set.
        """
        parts: list[str] = []
        pattern = _NEXT_OR_END if self.opened else _NEXT
        while match := pattern.search(self.text, self.position):
            parts.append(self.text[self.position : match.start()])
            self.position = match.end()
            if match.lastgroup == "end":
                self.opened.pop()
                return "".join(parts)
            parts.append(self._variable(match, is_used=is_used))
        if self.opened:
            raise self._unclosed(self.opened[-1])
        parts.append(self.text[self.position :])
        return "".join(parts)

    def _variable(self, match: re.Match[str], *, is_used: bool) -> str:
        if match.lastgroup == "dollar":
            return "$"
        if match.lastgroup == "brace":
            head = self._head(match.start())
            if head.operator:
                return self._choice(head, is_used=is_used)
        else:
            head = _Head(match["name"], "", match.start(), is_length=False)
        if head.name == "_" or _IS_BUILD_NAME(head.name):
            return self.text[head.start : self.position]
        return self._value(head) if is_used else ""

    def _choice(self, head: _Head, *, is_used: bool) -> str:
        """Expand what follows an operator, closing brace included, and return what counts."""
        value = self.environ.get(head.name)
        takes_word = is_used and _takes_word(head.operator, value)
        is_required = head.operator.endswith("?")
        start = self.position
        self.opened.append(head.start)
        word = self.words(is_used=takes_word and not is_required)
        if not takes_word:
            return "" if head.operator.endswith("+") else value or ""
        if is_required:
            # as written: an error must not show what the variables hold
            reason = self.text[start : self.position - 1] or "it is not set"
            raise ExpansionError(
                f"the variable {head.name} is required: {reason}",
                offset=head.start,
                hint=f"set {head.name}",
            )
        return word

    def _head(self, start: int) -> _Head:
        """Read ``NAME:-``, or ``NAME}`` or ``#NAME}`` with the closing brace."""
        match = _HEAD.match(self.text, self.position)
        if match is None:
            raise self._malformed(start)
        name, operator = match["name"], match["operator"] or ""
        self.position = match.end()
        if not operator:
            self._close(start)
        elif match["length"] or name == "_":
            raise self._malformed(start)
        elif _IS_BUILD_NAME(name):
            raise ExpansionError(
                f"{name} takes no default: its value comes from the image that it names",
                offset=start,
                hint=f"write ${{{name}}}",
            )
        elif len(self.opened) == MAX_DEPTH:
            raise ExpansionError(
                f"more than {MAX_DEPTH} defaults lie in one another",
                offset=start,
                hint="give one of these variables a plain default",
            )
        return _Head(name, operator, start, is_length=bool(match["length"]))

    def _close(self, start: int) -> None:
        if self.position == len(self.text):
            raise self._unclosed(start)
        if self.text[self.position] != "}":
            raise self._malformed(start)
        self.position += 1

    def _value(self, head: _Head) -> str:
        value = self.environ.get(head.name)
        if value is None:
            raise ExpansionError(
                f"the variable {head.name} is not set",
                offset=head.start,
                hint=f"set it, or write ${{{head.name}:-default}}; $$ is a plain dollar sign",
                unset=head.name,
            )
        return str(len(value)) if head.is_length else value

    @staticmethod
    def _unclosed(start: int) -> ExpansionError:
        return ExpansionError("the closing brace of ${ is missing", offset=start, hint=_FORMS)

    @staticmethod
    def _malformed(start: int) -> ExpansionError:
        return ExpansionError("what follows ${ is not a variable", offset=start, hint=_FORMS)


def _takes_word(operator: str, value: str | None) -> bool:
    """Say whether what follows *operator* counts rather than the variable's *value*."""
    if operator.endswith("+"):
        return value is not None
    return not value if operator.startswith(":") else value is None
