"""Removal of blobs that nothing refers to any more.

What to keep is known from the index alone, and a writer stores an image from its layers up: its
blobs are garbage until its tag is set. So only what has not been touched for a while is removed.
Each new name of a blob and each question whether it is there count as a touch, kept by the file
system as the time of the last change of its inode. A writer who is slower than that loses no image
either: its manifest or its tag is refused because a part is missing.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

#: seconds for which a blob that nothing refers to is kept
GRACE = 3600.0


def is_recent(path: Path, grace: float) -> bool:
    """Tell whether a blob is kept though nothing refers to it; False if it is not there."""
    try:
        return path.stat().st_ctime > time.time() - grace
    except FileNotFoundError:
        return False


def remove_garbage(blobs: Path, pool: Path, kept: Collection[str], grace: float) -> None:
    """Remove blobs of a layout, and from the pool what no layout has any more.

    :param blobs: the folder of the layout's blobs.
    :param pool: the folder of the pool's.
    :param kept: digests of what the layout's index refers to.
    :param grace: seconds for which garbage is kept.
    """
    with suppress(FileNotFoundError):
        for path in list(blobs.iterdir()):
            if f"sha256:{path.name}" not in kept and not is_recent(path, grace):
                remove_blob(path, pool)


def remove_blob(path: Path, pool: Path) -> None:
    """Remove a blob from its layout, and from the pool if no other layout has it."""
    path.unlink(missing_ok=True)
    pooled = pool / path.name
    # a writer who links the blob right now keeps it; that the pool forgets it costs a copy at most
    with suppress(FileNotFoundError):
        if pooled.stat().st_nlink == 1:
            pooled.unlink()
