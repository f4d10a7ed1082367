"""``deploy.compose`` of an okteto manifest: the compose files whose images are the manifest's.

https://www.okteto.com/docs/reference/okteto-manifest/#deploy
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from okplug.errors import ManifestError
from okplug.manifest.buildfiles import named_file
from okplug.manifest.decode import check_keys, fields, is_null, scalar, scalars
from okplug.manifest.imagenames import sanitise
from okplug.manifest.nodevalues import expanded
from okplug.manifest.yamlnodes import MappingNode, ScalarNode, SequenceNode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from okplug.manifest.decode import Field
    from okplug.manifest.yamlnodes import Node

#: what may name the file; the one that okteto's reference has comes first
_FILE_KEYS: Final = ("file", "manifest", "files")
_KEYS: Final = frozenset({*_FILE_KEYS, "endpoints", "services"})
_FORMS: Final = "write the path of a compose file, a list of them, or {file: PATH, services: [...]}"


class ComposeFiles(NamedTuple):
    """What ``deploy.compose`` names.

    :param paths: absolute; later files override earlier ones.
    :param services: the sanitised names of those that count; none for all.
    """

    paths: tuple[Path, ...]
    services: frozenset[str]


def find_compose_files(
    deploy: Node, folder: str, environ: Mapping[str, str]
) -> ComposeFiles | None:
    """Return the compose files of a ``deploy`` section, None if it names none.

    :param folder: absolute path that relative ones start at.
    :raises ManifestError: if ``compose`` has none of its forms, or a file is not there.
    """
    node = _section(deploy)
    if node is None:
        return None
    paths: list[Path] = []
    services: set[str] = set()
    for item in node.items if isinstance(node, SequenceNode) else (node,):
        said = _entry(item)
        paths += [_path(text, folder, environ) for text in _files(said, item)]
        if "services" in said:
            wanted = scalars(said["services"].value, "deploy.compose.services")
            services.update(sanitise(each.text) for each in wanted)
    return ComposeFiles(tuple(dict.fromkeys(paths)), frozenset(services)) if paths else None


def _section(deploy: Node) -> Node | None:
    if not isinstance(deploy, MappingNode):
        return None
    field = fields(deploy, "deploy").get("compose")
    return None if field is None or is_null(field.value) else field.value


def _entry(node: Node) -> dict[str, Field]:
    """Return the keys of an item; a text has none."""
    if isinstance(node, ScalarNode):
        return {}
    said = fields(node, "deploy.compose", "a path, a list of paths or a map")
    check_keys(said, _KEYS, "deploy.compose")
    return said


def _files(said: Mapping[str, Field], node: Node) -> Iterator[ScalarNode]:
    if isinstance(node, ScalarNode):
        yield scalar(node, "deploy.compose")
        return
    given = [said[key].value for key in _FILE_KEYS if key in said]
    if not given:
        raise ManifestError(
            "deploy.compose: a file is missing", location=node.location, hint=_FORMS
        )
    for each in given:
        yield from scalars(each, "deploy.compose.file")


def _path(node: ScalarNode, folder: str, environ: Mapping[str, str]) -> Path:
    text = expanded(node, "deploy.compose", environ)
    return named_file(text, folder, "deploy.compose", node.location)
