"""Why a daemon of our own does not run, in words that help."""

from __future__ import annotations

import errno
from contextlib import contextmanager
from typing import TYPE_CHECKING

from okplug import BuildError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_ELSEWHERE = "or take another folder: buildkitd://?root=FOLDER"
_SHOWN_LINES = 10
_HINTS = {
    errno.ENOSPC: f"free some space there, {_ELSEWHERE}",
    errno.EDQUOT: f"free some space there, {_ELSEWHERE}",
    errno.ENOLCK: f"its file system has no file locks; take a local disk, {_ELSEWHERE}",
}


@contextmanager
def file_errors(folder: Path) -> Iterator[None]:
    """Turn what the operating system raises about the daemon's folder into ``UsageError``."""
    try:
        yield
    except OSError as error:
        hint = _HINTS.get(error.errno or 0, f"make it yours to write, {_ELSEWHERE}")
        reason = error.strerror or str(error)
        path = error.filename or folder
        raise UsageError(f"cannot keep buildkitd in {path}: {reason}", hint=hint) from error


def launch_failure(message: str, log: Path) -> BuildError:
    """Return what to raise when the daemon does not come up: its own words are the cause.

    :param log: its log, whose last lines are shown.
    """
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    lines = [line.rstrip() for line in lines if line.strip()]
    cause = _cause(lines)
    return BuildError(
        f"{message}: {cause}" if cause else message,
        hint=f"its log is {log}",
        log=lines[-_SHOWN_LINES:],
    )


def _cause(lines: list[str]) -> str:
    """Return the line that says why; buildkitd ends with one that begins with its name."""
    for mark in ("buildkitd: ", "error"):
        for line in reversed(lines):
            if mark in line:
                return line.removeprefix("buildkitd: ")
    return lines[-1] if lines else ""
