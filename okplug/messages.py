"""How messages show paths."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def shorten_paths(text: str, cwd: Path) -> str:
    """Return a message with the paths below *cwd* relative to it, so that they can be opened."""
    if len(cwd.parts) <= 1:
        return text
    return re.sub(rf"(?<![\w./-]){re.escape(str(cwd))}/", "", text)
