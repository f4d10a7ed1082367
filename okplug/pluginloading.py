"""Load plugins from all places that they come from, in a fixed order.

The core's own come first, then entry points, then what ``-p`` and the setting ``plugins`` name,
then what the caller of ``main`` gives, then the root's ``okplugfile.py``. What comes later is asked
earlier.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

from okplug.entrypoints import find_entry_points
from okplug.errors import PluginError
from okplug.pluginfile import PLUGIN_FILE, load_plugin_file
from okplug.pluginmanager import WORKSPACE, PluginManager, Provenance
from okplug.suggestions import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from okplug.entrypoints import EntryPoint

GROUP = "okplug"

#: the core's plugins: name and module
INTERNAL = {
    "okteto": "okplug.manifest.plugin",
    "build": "okplug.commands.build",
    "results": "okplug.commands.results",
    "plan": "okplug.commands.plan",
    "hash": "okplug.commands.hash",
    "why": "okplug.commands.why",
    "list": "okplug.commands.list",
    "graph": "okplug.commands.graph",
    "init": "okplug.commands.init",
    "schema": "okplug.commands.schema",
    "validate": "okplug.commands.validate",
    "config": "okplug.commands.config",
    "gc": "okplug.commands.gc",
    "context": "okplug.commands.context",
    "admin": "okplug.commands.admin",
    "plugins": "okplug.commands.plugins",
    "terminal": "okplug.terminal.plugin",
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which plugins a run asks for, beside the core's own.

    :param names: of entry points or modules, ``no:NAME`` to leave one out; later ones count more.
    :param objects: plugins that the caller of ``main`` gives.
    :param autoload: load every entry point.
    """

    names: tuple[str, ...] = ()
    objects: tuple[object, ...] = ()
    autoload: bool = True


def load_plugins(root: Path, wanted: Wanted) -> PluginManager:
    """Return a new manager with all plugins of a run in it.

    :raises PluginError: if one cannot be loaded or breaks the contract of a hook.
    """
    manager = PluginManager(root)
    named, blocked = _split(wanted.names)
    for name in blocked:
        manager.block(name)
    for name, module in INTERNAL.items():
        if not manager.is_blocked(name):
            manager.register(import_module(module), name, Provenance("okplug"))
    points = find_entry_points(GROUP, sys.path) if wanted.autoload or named else ()
    for point in points if wanted.autoload else ():
        _load_entry_point(manager, point)
    for name in named:
        _load_named(manager, name, points)
    for plugin in wanted.objects:
        manager.register(plugin, _name_of(manager, plugin), Provenance("main"))
    if (root / PLUGIN_FILE).is_file() and not manager.is_blocked(PLUGIN_FILE):
        plugin = load_plugin_file(root / PLUGIN_FILE)
        manager.register(plugin, PLUGIN_FILE, Provenance(WORKSPACE))
    return manager


def _split(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return what to load and what to leave out; the last word on a name counts."""
    last = {name.removeprefix("no:"): name.startswith("no:") for name in names}
    return (
        [name for name, is_blocked in last.items() if not is_blocked],
        [name for name, is_blocked in last.items() if is_blocked],
    )


def _load_entry_point(manager: PluginManager, point: EntryPoint) -> None:
    if manager.is_blocked(point.name):
        return
    module, _, attribute = point.value.partition(":")
    title = f"{point.name} {point.version} (of {point.distribution})"
    plugin: object = _import(module, title, point.name)
    for name in filter(None, attribute.split(".")):
        plugin = getattr(plugin, name, None)
    if plugin is None:
        raise PluginError(
            f"plugin {title}: {module} has no {attribute}",
            hint=f"-p no:{point.name} runs without it",
        )
    origin = f"entry point of {point.distribution}"
    manager.register(plugin, point.name, Provenance(origin, point.version))


def _load_named(manager: PluginManager, name: str, points: Iterable[EntryPoint]) -> None:
    for point in points:
        if name in (point.name, point.value):
            name = point.name
            if not manager.has_plugin(name):
                _load_entry_point(manager, point)
    if manager.has_plugin(name):
        return
    if not _exists(name):
        known = {*INTERNAL, *(point.name for point in points)}
        raise PluginError(
            f"there is no plugin {name}{did_you_mean(name, known)}",
            hint="a plugin is named by its entry point or by its module",
        )
    manager.register(_import(name, name, name), name, Provenance("-p or the setting plugins"))


def _exists(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):  # a package above it is missing or is none; "" is no name
        return False


def _import(module: str, title: str, name: str) -> object:
    try:
        return import_module(module)
    except Exception as error:
        raise PluginError(
            f"plugin {title} cannot be imported: {type(error).__name__}: {error}",
            hint=f"-p no:{name} runs without it",
        ) from error


def _name_of(manager: PluginManager, plugin: object) -> str:
    """Return a name for an object: its own, else its class's, with a number if that is taken."""
    name = str(getattr(plugin, "__name__", type(plugin).__qualname__))
    number = 2
    unique = name
    while manager.has_plugin(unique):
        unique = f"{name}-{number}"
        number += 1
    return unique
