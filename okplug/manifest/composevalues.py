"""The values of a build section of compose in the forms that a manifest has."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from okplug.errors import ManifestError
from okplug.manifest.composelayers import map_node, text_node
from okplug.manifest.decode import Field, check_keys, fields, is_null, scalar
from okplug.manifest.imagenames import sanitise
from okplug.manifest.interpolation import quoted, unquoted
from okplug.manifest.yamlnodes import MappingNode, ScalarNode, SequenceNode
from okplug.suggestions import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from okplug.manifest.interpolation import Interpolation
    from okplug.manifest.yamlnodes import Node

_SERVICE: Final = "service:"
#: what a service says of a secret that it builds with
_SECRET_KEYS: Final = frozenset({"gid", "mode", "source", "target", "uid"})


@dataclass(frozen=True, slots=True)
class Values:
    """Translates the values of one file.

    :param secrets: those of the file, by name.
    :param addresses: the address of each service that is built, by its sanitised name.
    """

    secrets: Mapping[str, Field]
    addresses: Mapping[str, str]
    interpolation: Interpolation

    def translated(self, key: str, node: Node) -> Node:
        """Return the value of a key, its variables filled in, as a manifest would have it.

        :raises ManifestError: if it has no such form, or names what the file has not.
        """
        match key:
            case "args":
                return self._args(node)
            case "additional_contexts":
                return self._contexts(node)
            case "secrets":
                return self._of_secrets(node)
            case "ssh":
                return _ssh(node)
            case "dockerfile_inline":
                return _inline(node)
            case _:
                return node

    def _args(self, node: Node) -> Node:
        """Give arguments without a value that of the environment, and drop those without any."""
        found: dict[str, Field] = {}
        for name, each in fields(node, "build.args", "a map or a list").items():
            value: Node = each.value
            if is_null(value):
                text = self.interpolation.environ.get(name)
                if text is None:
                    continue
                value = text_node(each.key, quoted(text))
            found[name] = Field(each.key, value)
        return map_node(node, found)

    def _contexts(self, node: Node) -> Node:
        found: dict[str, Field] = {}
        for name, each in fields(node, "build.additional_contexts", "a map or a list").items():
            value = scalar(each.value, f"build.additional_contexts.{name}")
            if value.text.startswith(_SERVICE):
                wanted = value.text.removeprefix(_SERVICE)
                value = text_node(value, self._address(wanted, value))
            found[name] = Field(each.key, value)
        return map_node(node, found)

    def _address(self, service: str, node: ScalarNode) -> str:
        name = sanitise(unquoted(service))
        if name not in self.addresses:
            raise ManifestError(
                f"no service {name!r} is built here{did_you_mean(name, self.addresses)}",
                location=node.location,
                hint="name a service with a build section",
            )
        return self.addresses[name]

    def _of_secrets(self, node: Node) -> Node:
        """Return the secrets of a list as a map of ids to where each comes from."""
        if isinstance(node, MappingNode):
            return node  # as in a manifest of okteto
        items = node.items if isinstance(node, SequenceNode) else (node,)
        found: dict[str, Field] = {}
        for item in items:
            source, target = item, item
            if isinstance(item, MappingNode):
                said = fields(item, "an item of build.secrets")
                check_keys(said, _SECRET_KEYS, "build.secrets")
                if "source" not in said:
                    raise ManifestError(
                        "build.secrets: source is missing",
                        location=item.location,
                        hint="write the name of a secret of the file",
                    )
                source = said["source"].value
                target = said["target"].value if "target" in said else source
            wanted = scalar(source, "an item of build.secrets")
            key = scalar(target, "build.secrets.target")
            found[key.text] = Field(text_node(key, unquoted(key.text)), self._secret(wanted))
        return map_node(node, found)

    def _secret(self, wanted: ScalarNode) -> Node:
        name = unquoted(wanted.text)
        if name not in self.secrets:
            raise ManifestError(
                f"there is no secret {name!r} in the file{did_you_mean(name, self.secrets)}",
                location=wanted.location,
                hint=f"write it below secrets: at the top, such as {name}: {{file: PATH}}",
            )
        place = self.secrets[name]
        said = {} if is_null(place.value) else fields(place.value, f"secrets.{name}")
        sources = [(key, said[key]) for key in ("file", "environment") if key in said]
        if len(sources) != 1:
            raise ManifestError(
                f"secrets.{name}: expected either file or environment",
                location=place.key.location,
                hint="a build can have the content of a file or of a variable",
            )
        kind, source = sources[0]
        text = scalar(self.interpolation.node(source.value), f"secrets.{name}.{kind}")
        if kind == "file":
            return map_node(text, {"file": Field(text_node(text, "file"), text)})
        return map_node(text, {"env": Field(text_node(text, "env"), text)})


def _ssh(node: Node) -> Node:
    """Return a map of ids to sockets or keys as the texts that a manifest has."""
    if not isinstance(node, MappingNode):
        return node
    items = (
        each.key
        if is_null(each.value)
        else text_node(each.key, f"{name}={scalar(each.value, 'build.ssh').text}")
        for name, each in fields(node, "build.ssh").items()
    )
    return SequenceNode(node.path, node.line, node.column, tuple(items))


def _inline(node: Node) -> Node:
    """Return a Dockerfile, in which variables are not expanded again."""
    text = scalar(node, "build.dockerfile_inline")
    return replace(text, text=unquoted(text.text)) if "$$" in text.text else text
