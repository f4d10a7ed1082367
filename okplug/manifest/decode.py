"""Decode nodes: what should be there, or an error that names the place and what was found."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from okplug.errors import ManifestError
from okplug.manifest.yamlnodes import MappingNode, Node, ScalarNode, SequenceNode
from okplug.suggestions import closest

if TYPE_CHECKING:
    from collections.abc import Collection

#: what no path, argument or name may hold: it could not be handed to another program
_IMPOSSIBLE = re.compile("[\0\ud800-\udfff]")


class Field(NamedTuple):
    """One entry of a map."""

    key: ScalarNode
    value: Node


def is_null(node: Node) -> bool:
    """Say whether nothing is written."""
    return isinstance(node, ScalarNode) and node.is_null


def scalar(node: Node, subject: str, expected: str = "a string") -> ScalarNode:
    """Return *node* if it is a text.

    :param subject: what the node is, such as ``build.api.context``.
    :raises ManifestError: if it is a list, a map or nothing.
    """
    if not isinstance(node, ScalarNode) or node.is_null:
        raise unexpected(node, subject, expected)
    _check_tag(node)
    check_text(node.text, node, subject)
    return node


def scalars(node: Node, subject: str) -> tuple[ScalarNode, ...]:
    """Return the texts of a list, or the one text that stands in place of a list.

    :raises ManifestError: if it is a map, or an item is no text.
    """
    if is_null(node):
        return ()
    if isinstance(node, SequenceNode):
        _check_tag(node)
        return tuple(scalar(item, f"an item of {subject}") for item in node.items)
    return (scalar(node, subject, "a list or a string"),)


def fields(node: Node, subject: str, expected: str = "a map") -> dict[str, Field]:
    """Return the entries of a map, those that ``<<`` merges into it after its own.

    :raises ManifestError: if it is no map, or a key is written twice or is no text.
    """
    if not isinstance(node, MappingNode):
        raise unexpected(node, subject, expected)
    _check_tag(node)
    own: dict[str, Field] = {}
    merged: list[Node] = []
    for key, value in node.pairs:
        name = scalar(key, f"a key of {subject}")
        if name.is_plain and name.text == "<<":
            merged.extend(_merge_sources(value))
            continue
        if name.text in own:
            raise _repeated(name, own[name.text].key, subject)
        own[name.text] = Field(name, value)
    for source in merged:
        for text, field in fields(source, "what << merges").items():
            own.setdefault(text, field)
    return own


def check_keys(found: dict[str, Field], valid: Collection[str], subject: str) -> None:
    """Refuse keys that are not in *valid*.

    :raises ManifestError: at the first one, with the key that was probably meant.
    """
    for name, field in found.items():
        if name not in valid:
            guess = closest(name, valid)
            question = f"did you mean {guess}? " if guess else ""
            raise ManifestError(
                f"unknown key {name!r} in {subject}",
                location=field.key.location,
                hint=f"{question}the keys are {', '.join(sorted(valid))}",
            )


def check_text(text: str, node: ScalarNode, subject: str) -> None:
    """Refuse what cannot be a path, an argument or a name on any system.

    :raises ManifestError: if there is a NUL, or a byte of the environment that is not UTF-8.
    """
    if not text.isprintable() and _IMPOSSIBLE.search(text):
        raise ManifestError(
            f"{subject} holds a character that no path or argument can hold",
            location=node.location,
            hint="there is a NUL, or a variable whose value is not UTF-8",
        )


def unexpected(node: Node, subject: str, expected: str) -> ManifestError:
    """Return the error for a node of the wrong kind."""
    found = "nothing" if is_null(node) else node.kind
    return ManifestError(f"{subject}: expected {expected}, found {found}", location=node.location)


def _merge_sources(node: Node) -> tuple[Node, ...]:
    return node.items if isinstance(node, SequenceNode) else (node,)


def _repeated(key: ScalarNode, first: ScalarNode, subject: str) -> ManifestError:
    return ManifestError(
        f"the key {key.text!r} of {subject} is written twice, first in line {first.line}, "
        f"column {first.column}",
        location=key.location,
        hint="keep one of the two",
    )


def _check_tag(node: Node) -> None:
    if node.tag:
        raise ManifestError(
            f"the tag {node.tag} means nothing in a manifest",
            location=node.location,
            hint="remove the tag",
        )
