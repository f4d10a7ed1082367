"""What nodes come to with their variables expanded: texts, lists of them, names with values."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from okplug.errors import ManifestError
from okplug.manifest.decode import check_text, fields, is_null, scalar, scalars
from okplug.manifest.expand import ExpansionError, expand
from okplug.manifest.model import Located
from okplug.manifest.yamlnodes import MappingNode, Node, ScalarNode, SequenceNode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


class Pair(NamedTuple):
    """A name with its value.

    :param value: None for an item of a list that is a name alone.
    :param node: what *name* is the text of, or the beginning of it.
    """

    name: str
    value: str | None
    node: ScalarNode


def expanded(node: ScalarNode, subject: str, environ: Mapping[str, str], *, start: int = 0) -> str:
    """Return the text of a node from index *start* on, variables expanded.

    :param subject: what the node is, such as ``build.api.context``.
    :raises ManifestError: if a variable has no value, or comes to what no text may hold.
    """
    text = node.text[start:]
    if "$" not in text:
        return text
    try:
        value = expand(text, environ)
    except ExpansionError as error:
        raise ManifestError(
            error.message, location=node.location_at(start + error.offset), hint=error.hint
        ) from error
    check_text(value, node, subject)
    return value


def texts(
    node: Node, subject: str, environ: Mapping[str, str], *, splits: bool = False
) -> Iterator[Located]:
    """Yield the texts of a list, or the one text in place of a list.

    :param splits: commas divide a text into several.
    :raises ManifestError: if one is empty, or is none.
    """
    for item in scalars(node, subject):
        value = expanded(item, subject, environ)
        for text in value.split(",") if splits else (value,):
            found = text.strip() if splits else text
            if not found:
                raise ManifestError(f"an item of {subject} is empty", location=item.location)
            yield Located(found, item.location)


def pairs(
    node: Node, subject: str, environ: Mapping[str, str], *, separators: str = "="
) -> Iterator[Pair]:
    """Yield the entries of a map, or the items ``NAME=value`` of a list.

    Variables are expanded in values, not in names; a value that is null is empty.

    :param separators: each of them may stand between name and value of an item.
    :raises ManifestError: if there is something else.
    """
    if isinstance(node, SequenceNode):
        for item in node.items:
            yield _pair_of_item(item, subject, environ, separators)
        return
    for name, field in fields(node, subject, "a map or a list").items():
        value = ""
        if not is_null(field.value):
            text = scalar(field.value, f"{subject}.{name}")
            value = expanded(text, f"{subject}.{name}", environ)
        yield Pair(name, value, field.key)


def _pair_of_item(item: Node, subject: str, environ: Mapping[str, str], separators: str) -> Pair:
    between = separators[0]
    if isinstance(item, MappingNode):
        raise ManifestError(
            f"an item of {subject}: expected NAME{between}value, found a map",
            location=item.location,
            hint=f"write - NAME{between}value, or NAME: value without the dash",
        )
    text = scalar(item, f"an item of {subject}")
    name, *rest = re.split(f"[{separators}]", text.text, maxsplit=1)
    if not rest:
        return Pair(name, None, text)
    return Pair(name, expanded(text, f"{subject}.{name}", environ, start=len(name) + 1), text)


def by_name(found: Iterable[Pair], what: str, owner: str) -> dict[str, Pair]:
    """Return pairs by name.

    :param what: what a name is called, such as ``argument``.
    :param owner: what has them, such as ``build.api``.
    :raises ManifestError: if a name is given twice.
    """
    known: dict[str, Pair] = {}
    for pair in found:
        other = known.setdefault(pair.name, pair)
        if other is not pair:
            first = other.node
            raise ManifestError(
                f"the {what} {pair.name} of {owner} is given twice, first in line {first.line}, "
                f"column {first.column}",
                location=pair.node.location,
                hint="keep one of the two",
            )
    return known
