"""A service of a compose file as an entry of a ``build`` section.

https://docs.docker.com/reference/compose-file/build/
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from okplug.manifest.composelayers import map_node, merge_layers, text_node
from okplug.manifest.decode import Field, check_keys, fields, is_null, scalars
from okplug.manifest.expand import build_variables
from okplug.manifest.imagenames import sanitise
from okplug.manifest.interpolation import unquoted
from okplug.manifest.model import Located
from okplug.manifest.yamlnodes import ScalarNode, SequenceNode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from okplug.manifest.composefile import Service
    from okplug.manifest.composevalues import Values
    from okplug.manifest.yamlnodes import Node

#: keys of compose's build section that an entry has, and what they are called there
_NAMES: Final = {
    "additional_contexts": "contexts",
    "args": "args",
    "cache_from": "cache_from",
    "cache_to": "export_cache",
    "context": "context",
    "dockerfile": "dockerfile",
    "dockerfile_inline": "dockerfile_inline",
    "export_cache": "export_cache",
    "extra_hosts": "extra_hosts",
    "image": "image",
    "labels": "labels",
    "network": "network",
    "platforms": "platforms",
    "secrets": "secrets",
    "ssh": "ssh",
    "tags": "tags",
    "target": "target",
}
#: those that change how an image is built, but not what it is
_IDLE: Final = frozenset(
    {
        "entitlements",
        "isolation",
        "no_cache",
        "privileged",
        "provenance",
        "pull",
        "sbom",
        "shm_size",
        "ulimits",
    }
)
_KEYS: Final = _NAMES.keys() | _IDLE
_OWN: Final = ("okteto.dev/", "okteto.global/")


@dataclass(frozen=True, slots=True)
class Entry:
    """What a service comes to.

    :param field: name and entry, for the reader of ``build`` sections.
    :param names: what it says the image is called, in a registry that is not the user's.
    :param after: the addresses of services to build first.
    """

    field: Field
    names: tuple[str, ...]
    after: tuple[Located, ...]


@dataclass(slots=True)
class Translator:
    """Makes entries of the services of one file.

    :param folder: absolute path that the file's relative paths start at.
    :param registry: what references of the user's own registry begin with.
    :param idle: key without effect -> the services that have it.
    """

    folder: Path
    values: Values
    registry: str
    idle: dict[str, list[str]] = field(default_factory=dict)

    def entry(self, service: Service) -> Entry | None:
        """Return what a service comes to, None if it is not built.

        :raises ManifestError: if it is wrong.
        """
        said = merge_layers(service.layers, self.folder, self.values.interpolation)
        if "build" not in said:
            return None
        name = service.key.text
        build = _untagged_fields(said["build"].value, f"services.{name}.build")
        build = {key: each for key, each in build.items() if not key.startswith("x-")}
        check_keys(build, _KEYS, f"services.{name}.build")
        if "image" in said:
            build["image"] = said["image"]
        if "platform" in said and "platforms" not in build:
            build["platforms"] = said["platform"]
        return self._translated(service.key, build, said.get("depends_on"))

    def _translated(
        self, key: ScalarNode, build: dict[str, Field], depends_on: Field | None
    ) -> Entry:
        entries: dict[str, Field] = {}
        names: list[str] = []
        for name, each in build.items():
            if is_null(each.value):
                continue
            if name in _IDLE:
                self.idle.setdefault(name, []).append(key.text)
                continue
            value = each.value
            if name in {"image", "tags"}:
                value = self._own_names(value, names)
            else:
                value = self.values.translated(name, value)
            if not is_null(value):
                target = _NAMES[name]
                entries[target] = Field(text_node(each.key, target), value)
        whole = Field(key, map_node(key, entries))
        return Entry(whole, tuple(names), tuple(self._after(key, depends_on)))

    def _after(self, key: ScalarNode, depends_on: Field | None) -> Iterator[Located]:
        own = self.values.addresses[sanitise(key.text)]
        wanted = fields(depends_on.value, "depends_on", "a list or a map") if depends_on else {}
        for name, each in wanted.items():
            address = self.values.addresses.get(sanitise(name), own)
            if address != own:
                yield Located(address, each.key.location)

    def _own_names(self, node: Node, others: list[str]) -> Node:
        """Return the references that are in the user's registry; the others are collected."""
        nodes = scalars(node, "the name of an image")
        own = [each for each in nodes if self._is_own(unquoted(each.text))]
        others.extend(
            unquoted(each.text)
            for each in nodes
            if each not in own and not build_variables(each.text)
        )
        nothing = replace(text_node(node, ""), is_plain=True)
        if isinstance(node, SequenceNode) and own:
            return replace(node, items=tuple(own))
        return next(iter(own), nothing)

    def _is_own(self, text: str) -> bool:
        return text.startswith((*_OWN, f"{self.registry}/"))


def _untagged_fields(node: Node, subject: str) -> dict[str, Field]:
    return fields(replace(node, tag=""), subject)
