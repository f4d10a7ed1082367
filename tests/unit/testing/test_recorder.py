from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import pytest

from okplug import hookspecs
from okplug.events import WarningRaised
from okplug.plugincheck import check_plugin, hook_names
from okplug.pluginmanager import PluginManager, Provenance
from okplug.testing import HookRecorder

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("hook", hook_names())
def test_it_implements_every_hook_with_all_its_arguments(hook: str) -> None:
    arguments = set(inspect.signature(getattr(hookspecs, hook)).parameters)
    own = set(inspect.signature(getattr(HookRecorder(), hook)).parameters)
    assert own == arguments - {"config", "parser"}


def test_it_keeps_the_contract_that_it_records() -> None:
    check_plugin(HookRecorder(), "recorder")


def test_calls_are_found_by_hook_and_events_by_themselves(tmp_path: Path) -> None:
    recorder = HookRecorder()
    plugins = PluginManager(tmp_path)
    plugins.register(recorder, "recorder", Provenance("test"))
    nothing: Any = None
    first, second = WarningRaised(1.0, "a"), WarningRaised(2.0, "b")
    plugins.event(first)
    plugins.registry("localhost", nothing)
    plugins.event(second)
    assert recorder.names() == ("okplug_event", "okplug_registry", "okplug_event")
    assert recorder.of("okplug_registry") == ({"host": "localhost"},)
    assert recorder.of("okplug_build") == ()
    assert recorder.events() == (first, second)
