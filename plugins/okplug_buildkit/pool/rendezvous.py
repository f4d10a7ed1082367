"""Which daemon of a pool gets an image: the same one each time, unless it has too much to do.

Every pair of image and daemon has a weight that is as good as random (rendezvous hashing), and an
image belongs to the daemon with its highest. The cache of that daemon is then warm for it; and when
a daemon goes, its images spread over the others while no other image moves.
"""

from __future__ import annotations

import math
from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: how far above the average number of running builds a daemon may be
_SLACK = 1.25


def preferences(image: str, daemons: Iterable[str]) -> list[str]:
    """Return the daemons in the order in which an image goes to them.

    :param image: its address; equal ones go to the same daemon from every machine.
    :param daemons: their addresses, in whatever order.
    """
    return sorted(daemons, key=lambda daemon: (_weight(image, daemon), daemon), reverse=True)


def choose(image: str, running: Mapping[str, int]) -> str:
    """Return the daemon for one more build: the image's first choice that is not overloaded.

    No daemon gets more than 1.25 times the average of running builds, rounded up.

    :param running: how many builds each daemon has, with an entry for each that answers.
    :raises ValueError: if there is no daemon.
    """
    if not running:
        raise ValueError("no daemon to choose from")
    limit = capacity(sum(running.values()), len(running))
    return next(name for name in preferences(image, running) if running[name] < limit)


def capacity(running: int, daemons: int) -> int:
    """Return how many builds one daemon may have when there will be one more than *running*.

    All daemons together hold more than that, so that one is always below.
    """
    return math.ceil(_SLACK * (running + 1) / daemons)


def _weight(image: str, daemon: str) -> bytes:
    """Return the weight of a pair; a nul byte, which no address has, keeps the two apart."""
    return blake2b(f"{daemon}\0{image}".encode(), digest_size=8).digest()
