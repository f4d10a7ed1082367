"""Where the reporter's lines go, which a plugin with a live view may change."""

from __future__ import annotations

from typing import Protocol

from okplug.stash import StashKey


class Screen(Protocol):
    """A stream that people read; each text that is written to it is a line with its end."""

    def write(self, text: str, /) -> object:
        """Write a line."""

    def flush(self) -> object:
        """Show what is written."""

    def fileno(self) -> int:
        """Return the descriptor that the lines end up at."""


#: A plugin puts what takes the reporter's lines here, in ``okplug_configure``; without one they go
#: to standard error.
SCREEN: StashKey[Screen] = StashKey()
