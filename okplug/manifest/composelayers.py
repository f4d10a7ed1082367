"""What several places say of one service, merged as compose does.

https://docs.docker.com/reference/compose-file/merge/

Of texts the last one counts, maps are merged key by key, and a list is added to.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import replace
from functools import reduce
from typing import TYPE_CHECKING, Final

from okplug.errors import ManifestError
from okplug.manifest.composefile import OVERRIDE, RESET
from okplug.manifest.decode import Field, fields, is_null, scalar, unexpected
from okplug.manifest.interpolation import quoted, unquoted
from okplug.manifest.yamlnodes import MappingNode, ScalarNode, SequenceNode

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from okplug.manifest.composefile import Layer
    from okplug.manifest.interpolation import Interpolation
    from okplug.manifest.yamlnodes import Node

#: what of a service counts here
_KEYS: Final = ("build", "depends_on", "image", "platform")
#: what may be a list of NAME=VALUE, and is a map here
_PAIRS: Final = ("additional_contexts", "args", "labels")
#: what a path of this kind does not begin with
_NO_PATH = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://|[\w.-]+@[\w.-]+:|github\.com/|service:|[/~]")


def text_node(place: Node, text: str) -> ScalarNode:
    """Return a text that is not written so, with the place of what it is made of."""
    return ScalarNode(place.path, place.line, place.column, text, is_plain=False, shift=-1)


def map_node(place: Node, entries: dict[str, Field]) -> MappingNode:
    """Return a map of these entries, at the place of what it is made of."""
    pairs = tuple((field.key, field.value) for field in entries.values())
    return MappingNode(place.path, place.line, place.column, pairs)


def merge_layers(
    layers: Sequence[Layer], folder: Path, interpolation: Interpolation
) -> dict[str, Field]:
    """Return ``build``, ``image``, ``platform`` and ``depends_on`` of a service.

    ``build`` and ``depends_on`` are maps in it, and the relative paths of ``build`` start at
    *folder*; variables are filled in.

    :raises ManifestError: if one of them is wrong, or they cannot be merged.
    """
    normal = (_normal_form(layer, folder, interpolation) for layer in layers)
    return reduce(_merge, normal, {})


def _normal_form(layer: Layer, folder: Path, interpolation: Interpolation) -> dict[str, Field]:
    said: dict[str, Field] = {}
    for name in _KEYS:
        field = layer.fields.get(name)
        if field is None or (is_null(field.value) and not field.value.tag):
            continue
        value = interpolation.node(field.value)
        if value.tag == RESET:
            pass
        elif name == "build":
            value = _build(value, str(layer.folder) if layer.folder != folder else "")
        elif name == "depends_on":
            value = _as_map(value, name)
        said[name] = Field(field.key, value)
    return said


def _build(node: Node, folder: str) -> Node:
    """Return a build section as a map.

    :param folder: what its relative paths start at, ``""`` where they may stay as they are.
    """
    if isinstance(node, SequenceNode):
        raise unexpected(node, "build", "a folder or a map")
    plain = replace(node, tag="")
    if isinstance(plain, ScalarNode):
        found = {"context": Field(text_node(node, "context"), plain)}
    else:
        found = fields(plain, "build")
    for name in _PAIRS:
        if name in found and isinstance(found[name].value, SequenceNode):
            found[name] = Field(found[name].key, _as_map(found[name].value, f"build.{name}"))
    if folder:
        _rebase(found, folder)
    return replace(map_node(node, found), tag=node.tag)


def _rebase(build: dict[str, Field], folder: str) -> None:
    if "context" in build:
        build["context"] = _absolute(build["context"], folder)
    contexts = build.get("additional_contexts")
    if contexts and isinstance(contexts.value, MappingNode):
        entries = {
            name: _absolute(field, folder)
            for name, field in fields(contexts.value, "additional_contexts").items()
        }
        build["additional_contexts"] = Field(contexts.key, map_node(contexts.value, entries))


def _absolute(field: Field, folder: str) -> Field:
    node = field.value
    if not isinstance(node, ScalarNode) or node.is_null or _NO_PATH.match(node.text):
        return field
    path = posixpath.normpath(posixpath.join(folder, unquoted(node.text)))
    return Field(field.key, replace(node, text=quoted(path), is_plain=False, shift=-1))


def _as_map(node: Node, subject: str) -> Node:
    """Return a list of ``NAME=VALUE`` as a map; the value of a bare ``NAME`` is nothing."""
    if not isinstance(node, SequenceNode):
        return node
    pairs = []
    for item in node.items:
        text = scalar(item, f"an item of {subject}", "NAME=value").text
        name, equals, value = text.partition("=")
        nothing = replace(text_node(item, ""), is_plain=True)
        pairs.append(
            (text_node(item, unquoted(name)), text_node(item, value) if equals else nothing)
        )
    return MappingNode(node.path, node.line, node.column, tuple(pairs), node.tag)


def _merge(earlier: dict[str, Field], later: dict[str, Field]) -> dict[str, Field]:
    merged = dict(earlier)
    for name, field in later.items():
        node = field.value
        if node.tag == RESET:
            merged.pop(name, None)
        elif node.tag == OVERRIDE or name not in merged:
            plain = replace(node, tag="") if node.tag == OVERRIDE else node
            if isinstance(plain, MappingNode):  # there may be such tags in it, too
                plain = map_node(plain, _merge({}, fields(plain, name)))
            merged[name] = Field(field.key, plain)
        elif not is_null(node):
            merged[name] = Field(field.key, _merged(merged[name].value, node, name))
    return merged


def _merged(earlier: Node, later: Node, name: str) -> Node:
    if isinstance(earlier, MappingNode) and isinstance(later, MappingNode):
        return map_node(later, _merge(fields(earlier, name), fields(later, name)))
    if isinstance(earlier, SequenceNode) and isinstance(later, SequenceNode):
        known = {item.text for item in earlier.items if isinstance(item, ScalarNode)}
        new = (i for i in later.items if not isinstance(i, ScalarNode) or i.text not in known)
        return replace(later, items=(*earlier.items, *new))
    if isinstance(earlier, ScalarNode) or isinstance(later, ScalarNode):
        return later
    raise ManifestError(
        f"{name} is {later.kind} here and {earlier.kind} at {earlier.location}",
        location=later.location,
        hint="write both alike",
    )
