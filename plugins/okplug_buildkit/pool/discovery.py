"""What ``builder = "auto"`` means here: the first BuildKit that can be had.

Looking costs next to nothing where there is none: no process is started, and only a socket that
exists is asked.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from okplug import UsageError
from okplug_buildkit.pool.programs import find_program, missing_for_daemon

if TYPE_CHECKING:
    from collections.abc import Mapping

#: where a Docker engine listens unless ``DOCKER_HOST`` says otherwise
DOCKER_SOCKET = "/var/run/docker.sock"

#: seconds; an engine that takes longer to say that it is there is of no use
_PATIENCE = 2.0


@dataclass(frozen=True, slots=True)
class Found:
    """What builds, and why.

    :param addresses: as the setting ``builder`` would have them; none if there is no BuildKit.
    :param reason: for the header, such as ``buildkitd on the PATH``.
    :param passed_over: what looked like a BuildKit and is none that can be used, with the cause.
    """

    addresses: tuple[str, ...]
    reason: str
    passed_over: tuple[str, ...] = ()


def discover(environ: Mapping[str, str], *, is_root: bool | None = None) -> Found:
    """Look for ``BUILDKIT_HOST``, then a Docker engine, then ``buildkitd`` on the PATH.

    The engine is that of ``DOCKER_HOST``, else of Docker's context, else of the usual socket.

    :param is_root: whether a daemon may be started as it is; by default whether we are root.
    """
    host = environ.get("BUILDKIT_HOST", "").strip()
    if host:
        return Found((host,), "BUILDKIT_HOST")
    notes: list[str] = []
    engine = _find_engine(environ, notes)
    if engine is not None:
        return Found(("docker://",), f"the Docker engine at {engine}", tuple(notes))
    if find_program("buildkitd", environ) is not None:
        as_root = os.geteuid() == 0 if is_root is None else is_root
        missing = missing_for_daemon(environ, is_root=as_root)
        if missing is None:
            return Found(("buildkitd://",), "buildkitd on the PATH", tuple(notes))
        notes.append(f"buildkitd on the PATH: {missing}")
    return Found((), "no BuildKit found", tuple(notes))


def _find_engine(environ: Mapping[str, str], notes: list[str]) -> str | None:
    """Return the address of a Docker engine that answers; what does not is noted."""
    from okplug_buildkit.connect.dockercontexts import find_context

    try:
        context = find_context(environ)
    except UsageError as error:
        notes.append(error.message)
        return None
    if context is not None and context.host:
        return _answering(
            context.host, f" of the context {context.name}", notes, is_tls=bool(context.tls)
        )
    is_tls = bool(environ.get("DOCKER_TLS_VERIFY"))
    address = environ.get("DOCKER_HOST", "").strip()
    if not address:
        if not os.path.exists(DOCKER_SOCKET):  # noqa: PTH110  # Path costs more than the look
            return None
        address = f"unix://{DOCKER_SOCKET}"
    return _answering(address, "", notes, is_tls=is_tls)


def _answering(address: str, origin: str, notes: list[str], *, is_tls: bool) -> str | None:
    """Return how an engine is called in the header, if it answers."""
    from okplug_buildkit.pool.engineping import refusal

    cause = refusal(address, _PATIENCE, is_tls=is_tls)
    if cause is None:
        return f"{address}{origin}"
    notes.append(f"the Docker engine at {address}{origin}: {cause}")
    return None
