"""okplug: pytest for container images.

These are the public names. Everything that a plugin needs is here, in ``okplug.credentials``,
``okplug.dockerfile``, ``okplug.oci`` and ``okplug.testing``; other modules may change without
notice. Names are imported when they are first used, so that ``import okplug`` is cheap.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from okplug.backends import (
        ROOT_ANNOTATION,
        Artifact,
        BuildControl,
        Builder,
        BuildOutline,
        BuildRequest,
        Descriptor,
        Registry,
    )
    from okplug.commandline import Parser
    from okplug.config import Config
    from okplug.context import ContextFile, ContextSnapshot
    from okplug.errors import (
        BuildError,
        CancelledError,
        ContextChangedError,
        ExitCode,
        Location,
        ManifestError,
        OkplugError,
        PluginError,
        RegistryError,
        UsageError,
    )
    from okplug.events import (
        Collected,
        Event,
        LookUpStarted,
        Planned,
        Pushed,
        RunFinished,
        RunStarted,
        StepFinished,
        StepLog,
        StepPlanned,
        StepProgress,
        StepStarted,
        WarningRaised,
        event_line,
    )
    from okplug.graph import Cause, ImageGraph
    from okplug.hookspecs import hookimpl
    from okplug.manifest.model import BuildArg, Image, Located, Manifest, Secret
    from okplug.plan import Plan, Report, Step
    from okplug.pluginmanager import Provenance
    from okplug.reference import Reference
    from okplug.settings import Setting
    from okplug.stash import StashKey
    from okplug.terminal.screen import SCREEN
    from okplug.terminal.text import visible

__version__ = "0.1.0"

_HOME = {
    "okplug.backends": (
        "ROOT_ANNOTATION",
        "Artifact",
        "BuildControl",
        "Builder",
        "BuildOutline",
        "BuildRequest",
        "Descriptor",
        "Registry",
    ),
    "okplug.commandline": ("Parser",),
    "okplug.config": ("Config",),
    "okplug.context": ("ContextFile", "ContextSnapshot"),
    "okplug.errors": (
        "BuildError",
        "CancelledError",
        "ContextChangedError",
        "ExitCode",
        "Location",
        "ManifestError",
        "OkplugError",
        "PluginError",
        "RegistryError",
        "UsageError",
    ),
    "okplug.events": (
        "Collected",
        "Event",
        "LookUpStarted",
        "Planned",
        "Pushed",
        "RunFinished",
        "RunStarted",
        "StepFinished",
        "StepLog",
        "StepPlanned",
        "StepProgress",
        "StepStarted",
        "WarningRaised",
        "event_line",
    ),
    "okplug.graph": ("Cause", "ImageGraph"),
    "okplug.hookspecs": ("hookimpl",),
    "okplug.manifest.model": ("BuildArg", "Image", "Located", "Manifest", "Secret"),
    "okplug.plan": ("Plan", "Report", "Step"),
    "okplug.pluginmanager": ("Provenance",),
    "okplug.reference": ("Reference",),
    "okplug.settings": ("Setting",),
    "okplug.stash": ("StashKey",),
    "okplug.terminal.screen": ("SCREEN",),
    "okplug.terminal.text": ("visible",),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

__all__ = [  # noqa: RUF022  # grouped by module, as the table above is
    "ROOT_ANNOTATION",
    "Artifact",
    "BuildControl",
    "Builder",
    "BuildOutline",
    "BuildRequest",
    "Descriptor",
    "Registry",
    "Parser",
    "Config",
    "ContextFile",
    "ContextSnapshot",
    "BuildError",
    "CancelledError",
    "ContextChangedError",
    "ExitCode",
    "Location",
    "ManifestError",
    "OkplugError",
    "PluginError",
    "RegistryError",
    "UsageError",
    "Collected",
    "Event",
    "LookUpStarted",
    "Planned",
    "Pushed",
    "RunFinished",
    "RunStarted",
    "StepFinished",
    "StepLog",
    "StepPlanned",
    "StepProgress",
    "StepStarted",
    "WarningRaised",
    "event_line",
    "Cause",
    "ImageGraph",
    "hookimpl",
    "BuildArg",
    "Image",
    "Located",
    "Manifest",
    "Secret",
    "Plan",
    "Report",
    "Step",
    "Provenance",
    "Reference",
    "Setting",
    "StashKey",
    "SCREEN",
    "visible",
]


def __getattr__(name: str) -> object:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'okplug' has no attribute {name!r}")
    return getattr(import_module(_MODULE_OF[name]), name)
