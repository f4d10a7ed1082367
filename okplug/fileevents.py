"""Files that change, as the operating system tells it: the events that ``--watch`` lives on.

Folders are watched one by one and by their real paths. A watch of whole trees would take in what
nobody reads, such as ``node_modules``, and follow links: two paths to one folder share a single
watch in the kernel, which is lost when either of them goes away.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from okplug.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from watchfiles._rust_notify import RustNotify

#: milliseconds: how long changes may go on before they are told, how long a pause ends them
_LONGEST, _PAUSE = 1600, 50
#: how often a set of folders is tried of which some are just being removed
_ATTEMPTS = 3
_FORCE_POLLING, _POLL_DELAY = "WATCHFILES_FORCE_POLLING", "WATCHFILES_POLL_DELAY_MS"
_OFF = {"", "false", "disable", "disabled"}
_DEFAULT_DELAY = 300


class FileEvents:
    """Listens to folders: to what is made, changed, renamed and removed directly in each.

    :param environ: may ask for polling, where the system tells nothing of changes.
    :raises UsageError: if the package that can listen is not installed.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        try:
            from watchfiles import _rust_notify
        except ImportError:
            raise UsageError(
                "--watch needs the package watchfiles", hint="pip install 'okplug[watch]'"
            ) from None
        self._backend = _rust_notify
        self._polls = environ.get(_FORCE_POLLING, "").lower() not in _OFF
        delay = environ.get(_POLL_DELAY, "")
        self._delay = int(delay) if delay.isascii() and delay.isdigit() else _DEFAULT_DELAY
        self._notify: RustNotify | None = None
        self._is_stale = False
        self.folders: frozenset[str] = frozenset()

    def watch(self, folders: frozenset[str]) -> bool:
        """Listen to these folders and no others; return whether there was anything to do for that.

        If so, whatever happened before has to be looked for: nobody may have heard of it.

        :param folders: absolute, without links; those that are gone do not count.
        :raises UsageError: if the system cannot do it.
        """
        if folders == self.folders and not self._is_stale:
            return False
        notify = self._open(folders)
        self.close()
        self._notify, self.folders, self._is_stale = notify, folders, False
        return True

    def wait(self) -> frozenset[str] | None:
        """Wait for a change and then for a pause; return the paths, None if they are not known.

        :raises KeyboardInterrupt: if the process is to end.
        """
        assert self._notify is not None
        try:
            changes = self._notify.watch(_LONGEST, _PAUSE, 0, None)
        except self._backend.WatchfilesRustInternalError:  # such as a name that is no text
            self._is_stale = True
            return None
        if isinstance(changes, str):
            raise KeyboardInterrupt  # nothing else ends a wait that has no limit
        paths = frozenset(path for _, path in changes)
        # A folder that is removed and made again is another one for the system.
        self._is_stale = not self.folders.isdisjoint(paths)
        return paths

    def close(self) -> None:
        """Stop listening."""
        if self._notify is not None:
            self._notify.close()
            self._notify = None

    def _open(self, folders: Iterable[str]) -> RustNotify:
        is_deep = sys.platform == "darwin"  # whose events are of trees, by real paths
        wanted = topmost(folders) if is_deep else sorted(folders)
        for attempt in range(_ATTEMPTS):
            there = [path for path in wanted if is_text(path) and os.path.isdir(path)]  # noqa: PTH112  # many, as texts
            try:
                return self._backend.RustNotify(
                    there,
                    debug=False,
                    force_polling=self._polls,
                    poll_delay_ms=self._delay,
                    recursive=is_deep,
                    ignore_permission_denied=True,
                )
            except FileNotFoundError:
                if attempt == _ATTEMPTS - 1:
                    raise _unwatchable("folders come and go") from None
            except (OSError, self._backend.WatchfilesRustInternalError) as error:
                raise _unwatchable(str(error)) from error
        raise AssertionError  # the last attempt returns or raises


def is_text(path: str) -> bool:
    """Tell whether a path is UTF-8, as what listens to it must have it."""
    return path.isascii() or path == path.encode("utf-8", "ignore").decode("utf-8")


def topmost(folders: Iterable[str]) -> list[str]:
    """Return the folders that are below none of the others, sorted."""
    found: list[str] = []
    for folder in sorted(folders, key=lambda path: path.split("/")):
        if not found or not f"{folder}/".startswith(f"{found[-1].rstrip('/')}/"):
            found.append(folder)
    return found


def _unwatchable(reason: str) -> UsageError:
    return UsageError(
        f"files cannot be watched: {reason}",
        hint=f"raise the limits fs.inotify.max_user_watches and max_user_instances with sysctl, or "
        f"set {_FORCE_POLLING}=1, which looks at all files again and again",
    )
