"""How many messages that come quickly are received."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from okplug_buildkit.rpc import Call

_PAUSE = 0.002  # seconds in which a daemon sends some hundred KiB, a small part of the window


def receive(call: Call) -> bytes | None:
    """Return the next message of many, None after the last.

    Where none is here yet, more than one is let come: a daemon sends 32 KiB at once, and to wake up
    for each costs more than to write it.

    :raises CallCancelled: as soon as nobody waits for the answer.
    :raises RpcError: if the message is compressed, too large or cut off.
    """
    message = call.receive_nowait()
    if message is None:
        time.sleep(_PAUSE)
        message = call.receive()
    return message
