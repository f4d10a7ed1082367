"""Which variables administrators can have, and which settings they give a value."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from okplug.errors import UsageError
from okplug.settings import Assignment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from okplug.settings import Setting

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SECRET = re.compile(r"TOKEN|PASSW(?:OR)?D|SECRET|CREDENTIAL|PRIVATE|API_?KEY", re.IGNORECASE)
#: what is needed to find and reach the registry, and what belongs to a machine or decides which
#: programs run there: a registry has no say in these
_REFUSED = re.compile(
    r"OKPLUG_(?:REGISTRY\w*|INSECURE_REGISTRIES|GLOBAL_NAMESPACE|CONTEXT|DOCKER_CONFIG|PLUGINS"
    r"|ADMIN_\w*|DEBUG|DISABLE_PLUGIN_AUTOLOAD)"
    r"|OKTETO_CONTEXT|OKTETO_URL|DOCKER_CONFIG|REGISTRY_AUTH_FILE|HOME|PATH|USER|LOGNAME|SSL_CERT_\w+"
    r"|XDG_\w+|LD_\w+|PYTHON\w*|(?:HTTPS?|ALL|NO)_PROXY",
    re.IGNORECASE,
)


def is_refused(name: str) -> bool:
    """Tell whether a registry has no say in a variable."""
    return _REFUSED.fullmatch(name) is not None


def looks_secret(name: str, settings: Iterable[Setting] = ()) -> bool:
    """Tell whether a variable's value should be shown to nobody."""
    secret = (setting for setting in settings if setting.secret)
    return _SECRET.search(name) is not None or any(name in s.variables for s in secret)


def check_name(name: str) -> None:
    """Refuse what can be no administrator's variable.

    :raises UsageError: if it is no name, or one in which a registry has no say.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} is no name of a variable",
            hint="it is made of letters, digits and _, and does not begin with a digit",
        )
    if is_refused(name):
        raise UsageError(
            f"{name} cannot be an administrator's variable",
            hint="it says how the registry is found and reached, or belongs to each machine",
        )


def assignments(
    variables: Mapping[str, str], settings: Iterable[Setting], registry: str
) -> Iterator[Assignment]:
    """Yield what administrator's variables say of settings, as if they were in the environment.

    :param registry: where they are from, for messages.
    :raises UsageError: if a setting refuses its value.
    """
    for setting in settings:
        name = next((name for name in setting.variables if variables.get(name)), None)
        if name is None:
            continue
        check_value(setting, name, variables[name], registry)
        yield Assignment(setting.name, variables[name], f"administrator {name}")


def check_value(setting: Setting, name: str, value: str, registry: str = "") -> None:
    """Refuse what a setting refuses.

    :param registry: where the variable is, ``""`` if it is not there yet.
    :raises UsageError: if the value is wrong.
    """
    try:
        setting.parse(value)
    except ValueError as error:
        place = f"administrator's variables of {registry}: " if registry else ""
        raise UsageError(
            f"{place}{name}: setting {setting.name}: {error}",
            hint=f"okplug admin unset {name} removes it for everybody; "
            "-o admin_variables=false runs without them"
            if registry
            else f"okplug config shows what {setting.name} is now",
        ) from error
