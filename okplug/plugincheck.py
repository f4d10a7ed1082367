"""Hold a plugin against the hooks' contracts before pluggy sees it.

pluggy lets an unknown hook and an argument with a default pass and calls the one never and fills
the other never; here both are errors, with the place and what was expected.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Any

from okplug import hookspecs
from okplug.errors import Location, PluginError
from okplug.suggestions import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

_PREFIX = "okplug_"

#: the hooks that are called for one image or manifest, which an ``okplugfile.py`` of a folder gets
FOLDER_HOOKS = (
    "okplug_collect_manifest",
    "okplug_key_inputs",
    "okplug_build",
    "okplug_publish",
    "okplug_deliver",
)


def hook_names() -> tuple[str, ...]:
    """Return the names of all hooks, in the order of a run."""
    return tuple(name for name in vars(hookspecs) if name.startswith(_PREFIX))


def check_plugin(plugin: object, title: str) -> None:
    """Refuse a plugin that breaks a hook's contract.

    :param title: what messages call it.
    :raises PluginError: located at the function at fault.
    """
    for name, function in _candidates(plugin):
        _check_hook(name, function, title)


def check_folder_plugin(plugin: object, title: str) -> None:
    """Refuse what a folder's ``okplugfile.py`` may not implement.

    :raises PluginError: located at the function at fault.
    """
    for name, function in _candidates(plugin):
        if name not in FOLDER_HOOKS:
            raise PluginError(
                f"{title} serves one folder and cannot implement {name}",
                location=_location(function),
                hint=f"it may implement {', '.join(FOLDER_HOOKS)}; "
                "the others belong into the okplugfile.py at the root",
            )


def _candidates(plugin: object) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Yield what is, or looks like, an implementation of a hook."""
    for name in dir(plugin):
        if name.startswith("__"):
            continue
        if is_marked(plugin, name) or (name.startswith(_PREFIX) and _is_own(name, plugin)):
            yield name, getattr(plugin, name)


def is_marked(plugin: object, name: str) -> bool:
    """Tell whether what a plugin has by a name is meant to implement a hook."""
    return hasattr(getattr(plugin, name, None), "okplug_impl")


def _is_own(name: str, plugin: object) -> bool:
    """Tell a function that the plugin defines from one that it imports."""
    function = inspect.getattr_static(plugin, name, None)
    return inspect.isfunction(function) and function.__module__ == getattr(
        plugin, "__name__", type(plugin).__module__
    )


def _check_hook(name: str, function: Callable[..., Any], title: str) -> None:
    options = getattr(function, "okplug_impl", None)
    if options is None:
        raise PluginError(
            f"{title}: {name} is not marked as the implementation of a hook",
            location=_location(function),
            hint="put @okplug.hookimpl above it, or rename it",
        )
    hook = options["specname"] or name
    if hook not in hook_names():
        if options["optionalhook"]:
            return
        raise PluginError(
            f"{title}: there is no hook {hook}{did_you_mean(hook, hook_names())}",
            location=_location(function),
            hint="okplug plugins --hooks lists the hooks",
        )
    _check_arguments(hook, function, title)


def _check_arguments(hook: str, function: Callable[..., Any], title: str) -> None:
    known = inspect.signature(getattr(hookspecs, hook)).parameters
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name not in known:
            problem = f"has an argument {parameter.name}, which okplug does not pass"
        elif parameter.default is not parameter.empty:
            problem = f"gives the argument {parameter.name} a default, so that it is never passed"
        else:
            continue
        raise PluginError(
            f"{title}: {hook} {problem}",
            location=_location(function),
            hint=_expected(known),
        )


def _expected(names: Collection[str]) -> str:
    return f"it may take {', '.join(names)}, all without a default"


def _location(function: Callable[..., Any]) -> Location | None:
    code = getattr(inspect.unwrap(function), "__code__", None)
    return None if code is None else Location(Path(code.co_filename), code.co_firstlineno)
