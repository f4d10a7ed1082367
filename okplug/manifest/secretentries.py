"""The secrets of an entry: what a Dockerfile mounts, and where its content comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from okplug.errors import ManifestError
from okplug.manifest.buildfiles import absolute
from okplug.manifest.decode import Field, check_keys, fields, is_null, scalar
from okplug.manifest.model import Secret
from okplug.manifest.nodevalues import expanded
from okplug.manifest.yamlnodes import Node, ScalarNode

if TYPE_CHECKING:
    from collections.abc import Mapping

_KEYS: Final = frozenset({"env", "file"})
_FORMS: Final = "write the path of a file, {file: PATH} or {env: NAME}"


def read_secrets(
    node: Node, owner: str, environ: Mapping[str, str], base: str
) -> dict[str, Secret]:
    """Decode secrets, by id; that their files are there is for the build to see.

    :param owner: what has them, such as ``build.api``.
    :param base: absolute path of the folder that paths are relative to.
    :raises ManifestError: if one is wrong.
    """
    return {
        name: _read(name, secret, owner, environ, base)
        for name, secret in fields(node, f"{owner}.secrets").items()
    }


def _read(name: str, secret: Field, owner: str, environ: Mapping[str, str], base: str) -> Secret:
    if not name:
        raise ManifestError(f"a secret of {owner} has no id", location=secret.key.location)
    subject = f"{owner}.secrets.{name}"
    kind, node = _source(secret, subject)
    source = expanded(node, subject, environ)
    if not source:
        raise ManifestError(f"{subject} is empty", location=node.location, hint=_FORMS)
    if kind == "file":
        source = _path(source, node, environ, base)
    return Secret(name, kind, source, secret.key.location)


def _path(text: str, node: ScalarNode, environ: Mapping[str, str], base: str) -> str:
    """Return the absolute path; ``~/`` is the home directory if it is written there."""
    if not node.text.startswith("~/"):
        return absolute(text, base)
    home = environ.get("HOME")
    if not home:
        raise ManifestError(
            "the home directory that ~ stands for is not known",
            location=node.location,
            hint="set HOME, or write the path in full",
        )
    return absolute(text.removeprefix("~/"), home)


def _source(secret: Field, subject: str) -> tuple[str, ScalarNode]:
    """Return the kind of a secret, ``file`` or ``env``, and what says where it is."""
    node = secret.value
    if isinstance(node, ScalarNode) and not node.is_null:
        return "file", scalar(node, subject)
    found = {} if is_null(node) else fields(node, subject, "a path or a map")
    check_keys(found, _KEYS, subject)
    given = [(kind, field) for kind, field in found.items() if not is_null(field.value)]
    if len(given) != 1:
        problem = "file and env exclude each other" if given else "expected file or env"
        raise ManifestError(f"{subject}: {problem}", location=secret.key.location, hint=_FORMS)
    kind, field = given[0]
    return kind, scalar(field.value, f"{subject}.{kind}")
