"""What can go wrong, and the exit code that says so.

``OkplugError`` is what a user reads; ``cli.py`` is the one place that prints it. Anything else that
escapes is a fault in okplug or in a plugin.

    OkplugError
        UsageError          the command line or the settings
        ManifestError       a manifest, a Dockerfile, a context, the graph they make
        PluginError         a plugin that cannot be loaded or breaks its contract
        RegistryError       a registry that cannot be read or written
        BuildError          an image that cannot be built
        ContextChangedError a file that changed between hashing and building
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


class ExitCode(enum.IntEnum):
    """How a run ended; the numbers are pytest's."""

    OK = 0
    FAILED = 1
    INTERRUPTED = 2
    INTERNAL_ERROR = 3
    USAGE_ERROR = 4
    NOTHING_SELECTED = 5


@dataclass(frozen=True, slots=True, order=True)
class Location:
    """A place in a file: line and column count from 1, 0 means that it is not known."""

    path: Path
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        parts = [str(self.path), *(str(n) for n in (self.line, self.column) if n)]
        return ":".join(parts)


class OkplugError(Exception):
    """A failure that the user can understand and act upon.

    :param message: what is wrong, one line, without a full stop at its end.
    :param location: the place that the message is about.
    :param hint: the remedy, one line.
    """

    exit_code = ExitCode.USAGE_ERROR

    def __init__(self, message: str, *, location: Location | None = None, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.location = location
        self.hint = hint

    def __str__(self) -> str:
        place = f"{self.location}: " if self.location else ""
        hint = f"\n  hint: {self.hint}" if self.hint else ""
        return f"{place}{self.message}{hint}"


class UsageError(OkplugError):
    """The command line, a setting or an environment variable is wrong."""


class ManifestError(OkplugError):
    """A manifest, Dockerfile or context is wrong, or the graph that they make."""


class PluginError(OkplugError):
    """A plugin cannot be loaded, or does what its contract forbids."""


class RegistryError(OkplugError):
    """A registry cannot be read or written."""

    exit_code = ExitCode.FAILED


class BuildError(OkplugError):
    """An image cannot be built.

    :param source: the lines of the failing instruction as they stand in the Dockerfile.
    :param log: the last lines that the instruction printed.
    """

    exit_code = ExitCode.FAILED

    def __init__(
        self,
        message: str,
        *,
        location: Location | None = None,
        hint: str = "",
        source: Iterable[str] = (),
        log: Iterable[str] = (),
    ) -> None:
        super().__init__(message, location=location, hint=hint)
        self.source = tuple(source)
        self.log = tuple(log)


class ContextChangedError(OkplugError):
    """A file of the context is no longer what was hashed; the step is keyed and built again."""

    exit_code = ExitCode.FAILED


class CancelledError(Exception):
    """The run was interrupted while a step was at work; not a failure of the step."""
