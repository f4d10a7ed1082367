"""The kit for authors of plugins, which okplug's own tests are made with too.

    pytest_plugins = ["okplug.testing"]    # in conftest.py: the fixture ``workspace``

``workspace`` writes files and runs whole commands in the test's process; ``HookRecorder`` writes
down hook calls; ``FakeRegistry`` and ``FakeBuilder`` stand for backends; subclassing
``RegistryContract`` or ``BuilderContract`` proves a backend; ``BuildCase`` and ``RecordingControl``
are what a builder is given. Only pytest is needed besides okplug.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from okplug.testing.workspace import Outcome, Workspace, make_workspace, workspace

if TYPE_CHECKING:
    from okplug.testing.builder import BuilderContract
    from okplug.testing.fakebuilder import FakeBuilder
    from okplug.testing.fakeregistry import FakeRegistry
    from okplug.testing.images import ImageView, Node, push_image, push_index
    from okplug.testing.recorder import HookRecorder
    from okplug.testing.registry import RegistryContract
    from okplug.testing.requests import BuildCase, RecordingControl

_MODULE_OF = {
    "BuildCase": "okplug.testing.requests",
    "BuilderContract": "okplug.testing.builder",
    "FakeBuilder": "okplug.testing.fakebuilder",
    "FakeRegistry": "okplug.testing.fakeregistry",
    "HookRecorder": "okplug.testing.recorder",
    "ImageView": "okplug.testing.images",
    "Node": "okplug.testing.images",
    "RecordingControl": "okplug.testing.requests",
    "RegistryContract": "okplug.testing.registry",
    "push_image": "okplug.testing.images",
    "push_index": "okplug.testing.images",
}

__all__ = [
    "BuildCase",
    "BuilderContract",
    "FakeBuilder",
    "FakeRegistry",
    "HookRecorder",
    "ImageView",
    "Node",
    "Outcome",
    "RecordingControl",
    "RegistryContract",
    "Workspace",
    "make_workspace",
    "push_image",
    "push_index",
    "workspace",
]


def __getattr__(name: str) -> object:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'okplug.testing' has no attribute {name!r}")
    return getattr(import_module(_MODULE_OF[name]), name)
