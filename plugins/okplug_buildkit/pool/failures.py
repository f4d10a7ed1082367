"""What goes wrong between okplug and its daemons, apart from what goes wrong in a build."""

from __future__ import annotations

from typing import TYPE_CHECKING

from okplug import BuildError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from okplug import OkplugError


class DaemonLost(BuildError):  # noqa: N818  # what happened; with a suffix it would say less
    """The connection to a daemon broke while it was at work; another attempt may succeed."""


class NoDaemonError(BuildError):
    """None of several daemons answers."""


def no_daemon(causes: Mapping[str, OkplugError]) -> NoDaemonError:
    """Return what to raise when no daemon is left.

    :param causes: address -> why the daemon there cannot be used.
    """
    told = "; ".join(f"{address}: {cause.message}" for address, cause in causes.items())
    hints = [cause.hint for cause in causes.values() if cause.hint]
    return NoDaemonError(
        f"none of {len(causes)} BuildKit daemons can be used: {told}",
        hint=hints[0] if hints else "okplug builder check tells more",
    )
