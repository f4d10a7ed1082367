"""Where the sockets of a daemon of our own are: in its folder, unless their paths were too long.

Then they are in a folder with a short path, which a link in the daemon's folder leads to, so that
every later run finds it whatever its environment.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from okplug_buildkit.connect.addresses import SOCKET_PATH_LIMIT
from okplug_buildkit.pool import supervisor

if TYPE_CHECKING:
    from collections.abc import Mapping

#: TMPDIR may be long
_TEMPORARY = "/tmp"  # noqa: S108  # mkdtemp makes what nobody else gets into


def find_run_folder(folder: Path) -> Path | None:
    """Return the folder of the sockets, None if there is none that is ours.

    :param folder: of the daemon.
    """
    if _has_room(folder):
        return folder
    try:
        found = (folder / supervisor.RUN).readlink()
        status = found.lstat()
    except OSError:
        return None
    # what was ours may have been removed, and its name taken by somebody else
    is_ours = stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid()
    return found if is_ours else None


def make_run_folder(folder: Path, environ: Mapping[str, str]) -> Path:
    """Return a folder for sockets of a daemon that is to be started.

    :param folder: of the daemon; it is there.
    :param environ: says by ``XDG_RUNTIME_DIR`` where sockets belong.
    :raises OSError: if none can be made.
    """
    if _has_room(folder):
        return folder
    link = folder / supervisor.RUN
    old = find_run_folder(folder)
    if old is not None:
        shutil.rmtree(old, ignore_errors=True)
    link.unlink(missing_ok=True)
    made = _make(environ.get("XDG_RUNTIME_DIR", ""))
    link.symlink_to(made)
    return made


def _make(runtime: str) -> Path:
    if runtime.startswith("/"):
        with suppress(OSError):
            made = Path(tempfile.mkdtemp(prefix="okplug-", dir=runtime))
            if _has_room(made):
                return made
            made.rmdir()
    return Path(tempfile.mkdtemp(prefix="okplug-", dir=_TEMPORARY))


def _has_room(folder: Path) -> bool:
    return len(os.fsencode(folder / supervisor.SOCKET)) <= SOCKET_PATH_LIMIT
