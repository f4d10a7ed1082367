"""How everybody at work learns that the run was interrupted."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class CancelToken:
    """Tells everybody who is at work that the run was interrupted; usable from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_cancelled = False
        self._callbacks: list[Callable[[], object]] = []

    @property
    def is_cancelled(self) -> bool:
        """Whether ``cancel`` was called."""
        return self._is_cancelled

    def cancel(self) -> None:
        """Call every callback, once; calls after the first do nothing.

        :raises ExceptionGroup: of what callbacks raised, after all of them were called.
        """
        with self._lock:
            self._is_cancelled = True
            callbacks, self._callbacks = self._callbacks, []
        errors = []
        for callback in callbacks:
            try:
                callback()
            except Exception as error:  # noqa: BLE001  # the others must hear of it; raised below
                errors.append(error)
        if errors:
            raise ExceptionGroup("what was at work could not be cancelled", errors)

    def on_cancel(self, callback: Callable[[], object]) -> None:
        """Have *callback* called by the thread that cancels, or at once if that has happened."""
        with self._lock:
            if not self._is_cancelled:
                self._callbacks.append(callback)
                return
        callback()
