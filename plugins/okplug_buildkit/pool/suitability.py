"""Whether a daemon that answers is new enough to build with."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from okplug_buildkit.connect.failures import DaemonError, Fault

if TYPE_CHECKING:
    from okplug_buildkit.connect.addresses import Address
    from okplug_buildkit.daemon import Version

#: of BuildKit, the first that tells the descriptor of what it has built and takes named contexts
#: of the kinds that okplug uses
_FIRST = (0, 13)
#: of Docker's API, that of the first engine with such a BuildKit
_FIRST_API = (1, 45)
_FIRST_ENGINE = 26
_ELSEWHERE = "or name another builder with --builder or BUILDKIT_HOST"


def check_version(address: Address, version: Version) -> None:
    """See that a daemon is not too old; one built from sources, of version 0.0, is not.

    :raises DaemonError: if it is.
    """
    found = _numbers(version.version.removeprefix("v"))
    is_silent = not version.package and not version.version  # it does not know the question
    if not is_silent and (found is None or found == (0, 0) or found >= _FIRST):
        return
    told = "" if is_silent else f" {version.version.removeprefix('v')}"
    remedy = "update the daemon"
    if address.scheme == "docker":
        remedy = f"update the Docker engine to version {_FIRST_ENGINE} or later"
    raise DaemonError(
        f"the BuildKit{told} at {address} is too old: okplug needs 0.13 or later",
        Fault.TOO_OLD,
        hint=f"{remedy}, {_ELSEWHERE}",
    )


def is_old_engine(api_version: str) -> bool:
    """Tell whether the BuildKit of a Docker engine is too old by the version of its API."""
    found = _numbers(api_version)
    return found is not None and found < _FIRST_API


def _numbers(text: str) -> tuple[int, int] | None:
    """Return the first two numbers of a version, None if it does not begin with them."""
    found = re.match(r"(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else None
