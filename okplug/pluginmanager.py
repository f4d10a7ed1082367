"""The plugins of one run, and one typed method per hook.

pluggy's own calls are untyped. The methods here say what a hook takes and gives, combine the
results as ``hookspecs.py`` promises, and ask an ``okplugfile.py`` only about images of its folder.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pluggy

from okplug import hookspecs
from okplug.errors import PluginError
from okplug.plugincheck import check_folder_plugin, check_plugin, hook_names, is_marked
from okplug.pluginfile import PLUGIN_FILE, load_plugin_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path, PurePath
    from types import TracebackType

    from okplug.backends import Artifact, BuildControl, Builder, Registry
    from okplug.config import Config, Parser
    from okplug.events import Event
    from okplug.graph import ImageGraph
    from okplug.manifest.model import Image, Manifest
    from okplug.plan import Plan, Report, Step


@dataclass(frozen=True, slots=True)
class PluginInfo:
    """What people want to know of a plugin.

    :param version: of its distribution, ``""`` if it has none.
    :param origin: ``okplug``, ``entry point of DIST``, ``-p``, ``okplugfile`` and so on.
    :param path: of its module, ``""`` for an object.
    :param folder: of an ``okplugfile.py`` below the root, None for what serves the whole workspace.
    :param hooks: the hooks that it implements, in the order of a run.
    """

    name: str
    version: str
    origin: str
    path: str
    folder: str | None
    hooks: tuple[str, ...]

    def __str__(self) -> str:
        title = f"{self.name} {self.version}".rstrip()
        path = f", {self.path}" if self.path else ""
        return f"{title} ({self.origin}{path})\n  {', '.join(self.hooks) or 'no hooks'}"


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a plugin comes from, as far as pluggy does not keep it."""

    origin: str
    version: str = ""
    folder: str | None = None


#: where plugins come from that are part of okplug
OWN = ("okplug", "entry point of okplug")
#: where an ``okplugfile.py`` comes from
WORKSPACE = "workspace"


class _Pluggy(pluggy.PluginManager):
    """pluggy, which looks only at what is marked: its look at everything else is a long one."""

    def parse_hookimpl_opts(self, plugin: object, name: str) -> pluggy.HookimplOpts | None:
        """Return how a plugin's function implements a hook, None if it is not meant to."""
        return super().parse_hookimpl_opts(plugin, name) if is_marked(plugin, name) else None


class PluginManager:
    """The plugins of one run.

    :param root: the workspace, which the paths of ``okplugfile.py`` files are told from.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._pluggy = _Pluggy("okplug")
        self._pluggy.add_hookspecs(hookspecs)
        self._hook: Any = self._pluggy.hook
        self._provenance: dict[str, Provenance] = {}
        self._scoped: dict[str, str] = {}
        self._blocked: set[str] = set()

    # ------------------------------------------------------------------------------- registration

    def register(self, plugin: object, name: str, provenance: Provenance) -> None:
        """Make a plugin part of the run; nothing happens if its name is blocked.

        :raises PluginError: if it breaks the contract of a hook, or the name is taken.
        """
        if self._pluggy.is_blocked(name):
            return
        if self._pluggy.has_plugin(name):
            raise PluginError(
                f"there are two plugins named {name}: one from {self._provenance[name].origin}, "
                f"one from {provenance.origin}",
                hint=f"leave both out with -p no:{name}, or uninstall one",
            )
        check_plugin(plugin, _title(name, provenance))
        self._pluggy.register(plugin, name)
        self._provenance[name] = provenance
        if provenance.folder is not None:
            self._scoped[name] = provenance.folder

    def load_folder_plugins(self, paths: Iterable[Path]) -> None:
        """Register the ``okplugfile.py`` of folders; the root's is loaded before that.

        :raises PluginError: if one cannot be loaded, breaks the contract of a hook, or implements
            one that is not called for a single image or manifest.
        """
        for path in paths:
            name = path.relative_to(self._root).as_posix()
            folder = path.parent.relative_to(self._root).as_posix()
            if folder == "." or self._pluggy.is_blocked(name):
                continue
            plugin = load_plugin_file(path)
            check_folder_plugin(plugin, name)
            self.register(plugin, name, Provenance(WORKSPACE, folder=folder))

    def at(self, root: Path) -> PluginManager:
        """Return the plugins of another checkout of the workspace: those of its own files.

        All others are the same objects as here.

        :raises PluginError: if the ``okplugfile.py`` of its root cannot be loaded.
        """
        there = PluginManager(root)
        for name in self._blocked:
            there.block(name)
        for name, provenance in self._provenance.items():
            if provenance.origin != WORKSPACE:
                there.register(self._pluggy.get_plugin(name), name, provenance)
        if (root / PLUGIN_FILE).is_file() and not self.is_blocked(PLUGIN_FILE):
            plugin = load_plugin_file(root / PLUGIN_FILE)
            there.register(plugin, PLUGIN_FILE, Provenance(WORKSPACE))
        return there

    def block(self, name: str) -> None:
        """Leave a plugin out, whether it is loaded already or comes later."""
        if self._pluggy.has_plugin(name):
            self._pluggy.unregister(name=name)
            self._provenance.pop(name, None)
            self._scoped.pop(name, None)
        self._pluggy.set_blocked(name)
        self._blocked.add(name)

    def is_blocked(self, name: str) -> bool:
        """Tell whether a plugin of this name is left out."""
        return self._pluggy.is_blocked(name)

    def has_plugin(self, name: str) -> bool:
        """Tell whether there is a plugin of this name."""
        return self._pluggy.has_plugin(name)

    def get_plugin(self, name: str) -> object | None:
        """Return the plugin of this name, None if there is none."""
        plugin: object | None = self._pluggy.get_plugin(name)
        return plugin

    def plugins(self) -> tuple[PluginInfo, ...]:
        """Return what is known of each plugin, in the order in which they were registered."""
        return tuple(self._info(name, provenance) for name, provenance in self._provenance.items())

    def _info(self, name: str, provenance: Provenance) -> PluginInfo:
        plugin = self._pluggy.get_plugin(name)
        callers = {caller.name for caller in self._pluggy.get_hookcallers(plugin) or ()}
        return PluginInfo(
            name,
            provenance.version,
            provenance.origin,
            str(getattr(plugin, "__file__", None) or ""),
            provenance.folder,
            tuple(hook for hook in hook_names() if hook in callers),
        )

    def implementing(self, hook: str) -> tuple[str, ...]:
        """Return the names of the plugins that implement a hook, in the order of their calls."""
        return tuple(each.plugin_name for each in getattr(self._hook, hook).get_hookimpls())

    def are_own(self, hook: str) -> bool:
        """Tell whether no plugin implements a hook but those that come with okplug."""
        return all(self._provenance[name].origin in OWN for name in self.implementing(hook))

    def trace_calls(self, write: Callable[[str], object]) -> None:
        """Have every hook call written as text, with its arguments and results."""
        self._pluggy.trace.root.setwriter(write)
        self._pluggy.enable_tracing()

    def blame(self, error: BaseException) -> str:
        """Return which plugin an exception comes from, with its version, ``""`` for none."""
        owners = {
            implementation.function.__code__: implementation.plugin_name
            for name in hook_names()
            for implementation in getattr(self._hook, name).get_hookimpls()
            if hasattr(implementation.function, "__code__")
        }
        guilty = ""
        trace: TracebackType | None = error.__traceback__
        while trace is not None:
            guilty = owners.get(trace.tb_frame.f_code, guilty)
            trace = trace.tb_next
        return _title(guilty, self._provenance[guilty]) if guilty else ""

    # -------------------------------------------------------------------------------------- hooks

    def addoption(self, parser: Parser) -> None:
        """Let plugins add commands, options and settings."""
        self._hook.okplug_addoption(parser=parser)

    def configure(self, config: Config) -> None:
        """Let plugins set up."""
        self._hook.okplug_configure(config=config)

    def configure_workspace(self, config: Config) -> None:
        """Let the ``okplugfile.py`` of the root set up, and no other plugin."""
        self._of_root("okplug_configure")(config=config)

    def unconfigure_workspace(self, config: Config) -> None:
        """Let the ``okplugfile.py`` of the root release what it took, and no other plugin."""
        self._of_root("okplug_unconfigure")(config=config)

    def collect_manifest(self, path: Path, config: Config) -> Manifest | None:
        """Read a manifest; None if no plugin takes it for one."""
        folder = path.parent.relative_to(config.root)
        manifest: Manifest | None = self._at("okplug_collect_manifest", folder)(
            path=path, config=config
        )
        return manifest

    def graph_modify(self, graph: ImageGraph, config: Config) -> None:
        """Let plugins change the graph."""
        self._hook.okplug_graph_modify(graph=graph, config=config)

    def key_inputs(self, image: Image, config: Config) -> dict[str, str]:
        """Return the further inputs of an image's key, sorted by name.

        :raises PluginError: if plugins contradict each other, or give anything but texts.
        """
        caller = self._at("okplug_key_inputs", image.folder)
        merged: dict[str, str] = {}
        for given in caller(image=image, config=config):
            _check_texts(given)
            for name, value in given.items():
                if merged.setdefault(name, value) != value:
                    raise PluginError(
                        f"{image.address}: two plugins give the key input {name!r} "
                        "different values",
                        location=image.location,
                        hint="okplug plugins tells which ones implement okplug_key_inputs",
                    )
        return dict(sorted(merged.items()))

    def registry(self, host: str, config: Config) -> Registry | None:
        """Return the registry that serves a host; None if no plugin does."""
        registry: Registry | None = self._hook.okplug_registry(host=host, config=config)
        return registry

    def builder(self, config: Config) -> Builder | None:
        """Return the builder; None if no plugin has one."""
        builder: Builder | None = self._hook.okplug_builder(config=config)
        return builder

    def plan_modify(self, plan: Plan, config: Config) -> None:
        """Let plugins deselect and reorder steps."""
        self._hook.okplug_plan_modify(plan=plan, config=config)

    def build(self, step: Step, config: Config) -> Artifact | None:
        """Build an image; None if no plugin does."""
        artifact: Artifact | None = self._at("okplug_build", step.image.folder)(
            step=step, config=config
        )
        return artifact

    def publish(self, step: Step, artifact: Artifact, config: Config) -> None:
        """Let plugins act on an image that has been tagged."""
        caller = self._at("okplug_publish", step.image.folder)
        caller(step=step, artifact=artifact, config=config)

    def deliver(
        self, step: Step, artifact: Artifact, config: Config, control: BuildControl
    ) -> None:
        """Let plugins bring an image that was asked for to where it is used."""
        caller = self._at("okplug_deliver", step.image.folder)
        caller(step=step, artifact=artifact, config=config, control=control)

    def event(self, event: Event) -> None:
        """Tell plugins what happened."""
        self._hook.okplug_event(event=event)

    def finish(self, report: Report, config: Config) -> None:
        """Let plugins write summaries and files."""
        self._hook.okplug_finish(report=report, config=config)

    def unconfigure(self, config: Config) -> None:
        """Let plugins release what they took."""
        self._hook.okplug_unconfigure(config=config)

    def _of_root(self, hook: str) -> Any:  # noqa: ANN401  # as pluggy has it
        """Return what calls a hook of the root's ``okplugfile.py``, of nothing if there is none."""
        alone = pluggy.PluginManager("okplug")
        alone.add_hookspecs(hookspecs)
        if self.has_plugin(PLUGIN_FILE):
            alone.register(self._pluggy.get_plugin(PLUGIN_FILE), PLUGIN_FILE)
        return getattr(alone.hook, hook)

    def _at(self, hook: str, folder: str | PurePath) -> Any:  # noqa: ANN401  # as pluggy has it
        """Return what calls a hook for a folder, without the plugins of other folders."""
        if not self._scoped:
            return getattr(self._hook, hook)
        place = str(folder)
        others = (
            self._pluggy.get_plugin(name)
            for name, scope in self._scoped.items()
            if not _covers(scope, place)
        )
        return self._pluggy.subset_hook_caller(hook, others)


def _covers(scope: str, folder: str) -> bool:
    """Tell whether *folder* is *scope* or below it, both relative to the root."""
    return f"{folder}/".startswith(f"{scope}/")


def _title(name: str, provenance: Provenance) -> str:
    """Return a plugin's name as messages have it, with the distribution's version."""
    return f"{name} {provenance.version}" if provenance.version else name


def _check_texts(given: object) -> None:
    if not isinstance(given, Mapping) or not all(
        isinstance(text, str) for pair in given.items() for text in pair
    ):
        raise PluginError(f"okplug_key_inputs: expected names and values as texts, not {given!r}")
