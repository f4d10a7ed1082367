"""What goes wrong between okplug and its daemons, apart from what goes wrong in a build."""

from __future__ import annotations

from typing import TYPE_CHECKING

from okplug import BuildError
from okplug_buildkit.connect.failures import DaemonLostError, Fault

if TYPE_CHECKING:
    from collections.abc import Mapping

    from okplug import OkplugError


class DaemonLost(DaemonLostError):  # noqa: N818  # what happened; with a suffix it would say less
    """The connection to a daemon broke while it was at work; another attempt may succeed."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message, Fault.LOST, hint=hint)


class NoDaemonError(BuildError):
    """None of several daemons answers."""


def no_daemon(causes: Mapping[str, OkplugError]) -> NoDaemonError:
    """Return what to raise when no daemon is left.

    :param causes: address -> why the daemon there cannot be used.
    """
    told = "; ".join(named(address, cause) for address, cause in causes.items())
    hints = [cause.hint for cause in causes.values() if cause.hint]
    return NoDaemonError(
        f"none of {len(causes)} BuildKit daemons can be used: {told}",
        hint=hints[0] if hints else "okplug builder check tells more",
    )


def named(address: str, cause: OkplugError) -> str:
    """Return a message that says which daemon it is about."""
    return cause.message if address in cause.message else f"{address}: {cause.message}"
