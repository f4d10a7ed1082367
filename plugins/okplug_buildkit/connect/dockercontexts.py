"""Docker's contexts: names for engines, which ``docker context`` keeps in the user's folder.

The file ``contexts/meta/DIGEST/meta.json`` says where an engine is, and the folder
``contexts/tls/DIGEST/docker`` has its files for TLS; the digest is that of the name.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from okplug import Location, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from okplug_buildkit.connect.tls import TLSFiles

#: the one that is no file: what ``DOCKER_HOST`` says, else the usual socket
_DEFAULT = "default"
_LIST = "docker context ls lists those that there are; DOCKER_CONTEXT and docker context use choose"


@dataclass(frozen=True, slots=True)
class DockerContext:
    """An engine that has a name.

    :param host: as ``DOCKER_HOST`` would have it, ``""`` for the usual socket.
    :param tls: empty for a connection in the clear.
    """

    name: str
    host: str
    tls: TLSFiles


def find_context(environ: Mapping[str, str]) -> DockerContext | None:
    """Return the context that counts, None if it is the default one.

    As with Docker's own client, ``DOCKER_HOST`` counts more than ``DOCKER_CONTEXT``, and that more
    than ``currentContext`` in its ``config.json``.

    :raises UsageError: if it is not there, or cannot be used.
    """
    if environ.get("DOCKER_HOST", "").strip():
        return None
    folder = _folder(environ)
    name = environ.get("DOCKER_CONTEXT", "").strip() or _current(folder)
    return None if name in ("", _DEFAULT) else _read_context(name, folder / "contexts")


def _folder(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("DOCKER_CONFIG") or f"{environ.get('HOME', '')}/.docker")


def _current(folder: Path) -> str:
    document = _read_json(folder / "config.json")
    return str(document.get("currentContext") or "") if document else ""


def _read_context(name: str, contexts: Path) -> DockerContext:
    import hashlib

    digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()
    path = contexts / "meta" / digest / "meta.json"
    document = _read_json(path)
    if document is None:
        raise UsageError(f"there is no Docker context {name!r}", hint=_LIST)
    engine = (document.get("Endpoints") or {}).get("docker")
    if not isinstance(engine, dict):
        raise UsageError(
            f"the Docker context {name!r} names no engine", location=Location(path), hint=_LIST
        )
    if engine.get("SkipTLSVerify"):
        raise UsageError(
            f"the Docker context {name!r} wants no look at the engine's certificate",
            location=Location(path),
            hint="okplug looks at it: give the context a ca with docker context update",
        )
    return DockerContext(name, str(engine.get("Host") or ""), _tls(contexts / "tls" / digest))


def _tls(folder: Path) -> TLSFiles:
    from okplug_buildkit.connect.tls import TLSFiles

    files = [folder / "docker" / f"{name}.pem" for name in ("ca", "cert", "key")]
    ca, cert, key = (file if file.exists() else None for file in files)
    return TLSFiles(ca, cert, key)


def _read_json(path: Path) -> dict[str, Any] | None:
    """Return what a file holds, None if there is none."""
    try:
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise UsageError(
            f"cannot read: {error.strerror}", location=Location(path), hint="make it readable"
        ) from error
    import json

    try:
        document = json.loads(data)
    except ValueError as error:
        raise UsageError(
            f"this is no JSON: {error}", location=Location(path), hint="write it anew with docker"
        ) from error
    return document if isinstance(document, dict) else {}
