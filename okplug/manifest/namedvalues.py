"""Keys of an entry that give names values: build arguments, labels and annotations."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from okplug.errors import ManifestError
from okplug.manifest.model import BuildArg
from okplug.manifest.nodevalues import Pair, by_name, pairs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from okplug.manifest.yamlnodes import Node

_ARG_NAME = re.compile(r"[^\s=$]+")
#: what buildx puts before the name of an annotation to say where it belongs
_LEVEL = re.compile(r"(?:index|manifest)(?:-descriptor)?(?:\[[^\]]*\])?[:,]")
#: annotations that okplug sets itself
_OWN = "dev.okplug."


def read_arguments(node: Node, owner: str, environ: Mapping[str, str]) -> dict[str, BuildArg]:
    """Return build arguments by name.

    A bare NAME in a list stands for itself: okteto does not take it from the environment.

    :param owner: what has them, such as ``build.api``.
    :raises ManifestError: if a name is no name or is given twice.
    """
    subject = f"{owner}.args"
    found = list(pairs(node, subject, environ))
    for name, _, key in found:
        if not _ARG_NAME.fullmatch(name):
            raise ManifestError(
                f"{subject}: {name!r} cannot be the name of an argument",
                location=key.location,
                hint="write NAME=value; variables are expanded in values only",
            )
    return {
        name: BuildArg(name, name if value is None else value, key.location)
        for name, value, key in by_name(found, "argument", owner).values()
    }


def read_labels(node: Node, owner: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Return labels by name; a bare NAME in a list has an empty value.

    :raises ManifestError: if a name is empty or given twice.
    """
    return {pair.name: pair.value or "" for pair in _read(node, owner, environ, "label")}


def read_annotations(node: Node, owner: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Return annotations by name, as for labels.

    :raises ManifestError: if a name is empty, given twice, okplug's own, or says where it belongs.
    """
    found = _read(node, owner, environ, "annotation")
    for name, _, key in found:
        is_own = name.startswith(_OWN)
        if is_own or _LEVEL.match(name):
            reason = "okplug sets these itself" if is_own else "it says where it belongs"
            raise ManifestError(
                f"{owner}.annotations: {name} cannot be the name of an annotation: {reason}",
                location=key.location,
                hint="write the name alone; an annotation goes to each manifest, and to the index "
                "of several platforms",
            )
    return {pair.name: pair.value or "" for pair in found}


def _read(node: Node, owner: str, environ: Mapping[str, str], what: str) -> list[Pair]:
    subject = f"{owner}.{what}s"
    found = by_name(pairs(node, subject, environ), what, owner)
    if "" in found:
        raise ManifestError(
            f"{subject}: a name is empty",
            location=found[""].node.location,
            hint="write NAME=value, or NAME: value in a map",
        )
    return list(found.values())
