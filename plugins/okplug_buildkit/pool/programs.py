"""The programs that a daemon of our own needs."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

#: where distributions put programs that users without rights do not have on their PATH
_SYSTEM = "/usr/local/sbin:/usr/sbin:/sbin"

#: the names under which buildkitd looks for what runs containers
_RUNTIMES = ("buildkit-runc", "runc")


def find_program(name: str, environ: Mapping[str, str]) -> str | None:
    """Return the path of a program on the PATH of *environ*, None if there is none."""
    return shutil.which(name, path=environ.get("PATH", ""))


def daemon_path(environ: Mapping[str, str]) -> str:
    """Return the PATH for a daemon: the user's, and the folders of system programs."""
    path = environ.get("PATH", "")
    return f"{path}:{_SYSTEM}" if path else _SYSTEM


def missing_for_daemon(environ: Mapping[str, str], *, is_root: bool) -> str | None:
    """Return what keeps buildkitd from being started here, None if nothing does.

    :param is_root: a daemon of somebody else runs in ``rootlesskit``.
    """
    path = daemon_path(environ)
    if not any(shutil.which(name, path=path) for name in _RUNTIMES):
        return "runc, which it needs, is not installed"
    if is_root or find_program("rootlesskit", environ) is not None:
        return None
    return "only root can start it, and rootlesskit is not on the PATH"
