"""Variables in compose files: ``$NAME``, ``${NAME}``, ``${NAME:-default}`` and the like.

https://docs.docker.com/reference/compose-file/interpolation/

    $NAME  ${NAME}        the value, nothing if it is not set
    ${NAME-x}  ${NAME:-x} x if it is not set; with the colon also if it is empty
    ${NAME+x}  ${NAME:+x} x if it is set; with the colon only if it is not empty
    ${NAME?x}  ${NAME:?x} an error that says x if it is not set; with the colon also if it is empty
    $$                    a dollar sign

``x`` may hold variables itself. What comes out is in the dialect of okteto's manifests, which knows
of no variable that is not set: values and dollar signs are quoted in it, and
``${OKTETO_BUILD_<NAME>_<FIELD>}`` stays for the image's value.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from okplug.errors import ManifestError
from okplug.manifest.expand import build_variables
from okplug.manifest.yamlnodes import MappingNode, Node, ScalarNode, SequenceNode

if TYPE_CHECKING:
    from collections.abc import Mapping

_N = TypeVar("_N", ScalarNode, SequenceNode, MappingNode, Node)
_NEXT = re.compile(
    r"\$(?:(?P<dollar>\$)|(?P<name>[A-Za-z_]\w*)|(?P<brace>\{)|(?P<wrong>))", re.ASCII
)
_NEXT_OR_END = re.compile(rf"{_NEXT.pattern}|(?P<end>\}})", re.ASCII)
_HEAD = re.compile(r"(?P<name>[A-Za-z_]\w*)(?P<operator>:?[-+?]|(?=\}))", re.ASCII)
#: how deep a default may lie in a default
_MAX_DEPTH = 50
_FORMS = "write ${NAME} or ${NAME:-default}; $$ is a plain dollar sign"


class _Open(NamedTuple):
    """A ``${NAME`` with its operator, whose end has not been read.

    :param start: the index of its dollar sign.
    :param is_used: False in a default that does not count.
    """

    name: str
    operator: str
    start: int
    is_used: bool


def unquoted(text: str) -> str:
    """Return a text that came out of an interpolation and holds no variable as it is meant."""
    return text.replace("$$", "$")


def quoted(text: str) -> str:
    """Return a text that stands for *text* where variables are expanded."""
    return text.replace("$", "$$")


@dataclass(slots=True)
class Interpolation:
    """Fills in the values of one file's variables.

    :param unset: the variables that had no value and no default, in their order.
    """

    environ: Mapping[str, str]
    unset: dict[str, None] = field(default_factory=dict)

    def node(self, node: _N) -> _N:
        """Return a node with its values filled in, keys as they are.

        :raises ManifestError: if the syntax is wrong, or a variable is required and not set.
        """
        if isinstance(node, SequenceNode):
            return replace(node, items=tuple(map(self.node, node.items)))
        if isinstance(node, MappingNode):
            pairs = tuple((key, self.node(value)) for key, value in node.pairs)
            return replace(node, pairs=pairs)
        if isinstance(node, ScalarNode) and "$" in node.text:
            return replace(node, text=_Text(node, self).words(()), is_plain=False, shift=-1)
        return node

    def text(self, node: ScalarNode) -> str:
        """Return the text of a node with its values filled in.

        :raises ManifestError: as ``node`` does.
        """
        return unquoted(self.node(node).text)


@dataclass(slots=True)
class _Text:
    """One pass over the text of one node; *position* is the index of what was not read yet."""

    source: ScalarNode
    interpolation: Interpolation
    position: int = 0

    def words(self, opened: tuple[_Open, ...]) -> str:
        """Fill in up to the end of the text or, in a default, up to its closing brace."""
        text = self.source.text
        pattern = _NEXT_OR_END if opened else _NEXT
        parts: list[str] = []
        while match := pattern.search(text, self.position):
            parts.append(text[self.position : match.start()])
            self.position = match.end()
            if match.lastgroup == "end":
                return "".join(parts)
            parts.append(self._variable(match, opened))
        if opened:
            raise self._error("the closing brace of ${ is missing", opened[-1].start, _FORMS)
        return "".join([*parts, text[self.position :]])

    def _variable(self, match: re.Match[str], opened: tuple[_Open, ...]) -> str:
        is_used = not opened or opened[-1].is_used
        if match.lastgroup == "dollar":
            return "$$"
        if match.lastgroup == "name":
            return self._value(match["name"], match[0], is_used=is_used)
        head = _HEAD.match(self.source.text, self.position) if match.lastgroup == "brace" else None
        if head is None:
            raise self._error("what follows $ is not a variable", match.start(), _FORMS)
        self.position = head.end()
        if head["operator"]:
            return self._choice(head, match.start(), opened, is_used=is_used)
        self.position += 1
        return self._value(head["name"], f"${{{head['name']}}}", is_used=is_used)

    def _value(self, name: str, written: str, *, is_used: bool) -> str:
        if build_variables(written):
            return written
        value = self.interpolation.environ.get(name)
        if value is None and is_used:
            self.interpolation.unset[name] = None
        return quoted(value or "")

    def _choice(
        self, head: re.Match[str], start: int, opened: tuple[_Open, ...], *, is_used: bool
    ) -> str:
        """Fill in what follows an operator, closing brace included, and return what counts."""
        name, operator = head["name"], head["operator"]
        value = self.interpolation.environ.get(name)
        is_there = bool(value) if operator.startswith(":") else value is not None
        takes_word = is_there == operator.endswith("+")
        if len(opened) == _MAX_DEPTH:
            raise self._error(f"more than {_MAX_DEPTH} defaults lie in one another", start, _FORMS)
        depth = _Open(name, operator, start, is_used and takes_word and "?" not in operator)
        begin = self.position
        word = self.words((*opened, depth))
        if not takes_word:
            return "" if operator.endswith("+") else quoted(value or "")
        if operator.endswith("?") and is_used:
            # as written: an error must not show what variables hold
            reason = self.source.text[begin : self.position - 1] or "it is not set"
            raise self._error(f"the variable {name} is required: {reason}", start, f"set {name}")
        return word

    def _error(self, message: str, offset: int, hint: str) -> ManifestError:
        return ManifestError(message, location=self.source.location_at(offset), hint=hint)
