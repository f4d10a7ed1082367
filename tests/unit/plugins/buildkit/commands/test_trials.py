"""What ``okplug builder check`` tries: where its image would go, and that it does no harm."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import okplug_layout
import okplug_registry
from okplug import Parser, UsageError, hookimpl
from okplug_buildkit.commands import trials
from okplug_buildkit.commands.trials import Trials
from okplug_buildkit.connect.settings import builder_settings

if TYPE_CHECKING:
    from okplug.testing import Workspace


class Settings:
    """Declares those of the connection."""

    @hookimpl
    def okplug_addoption(self, parser: Parser) -> None:
        """Add them."""
        for setting in builder_settings():
            parser.add_setting(setting)


def trials_for(workspace: Workspace, **settings: str) -> Trials:
    plugins = [Settings(), okplug_layout, okplug_registry]
    config = workspace.config(plugins=plugins, settings=settings)
    try:
        return Trials(config)
    finally:
        config.plugins.unconfigure(config)


def test_a_registry_gets_the_image_in_the_namespace_that_all_share(workspace: Workspace) -> None:
    found = trials_for(workspace, registry="registry.example.com", global_namespace="team/shared")
    assert str(found.repository) == "registry.example.com/team/shared/okplug-check"


def test_layouts_get_none(workspace: Workspace) -> None:
    assert trials_for(workspace, registry="layout:images").repository is None


def test_a_registry_that_no_plugin_serves(workspace: Workspace) -> None:
    config = workspace.config(plugins=[Settings()], settings={"registry": "r.example.com"})
    with pytest.raises(UsageError, match=r"^no plugin serves the registry 'r\.example\.com'"):
        Trials(config)


def test_settings_of_the_connection_count(workspace: Workspace) -> None:
    assert trials_for(workspace, builder_token="t0k3n").channel.token == "t0k3n"


def test_the_image_is_the_same_each_time() -> None:
    assert trials._ATTRIBUTES == {"build-arg:SOURCE_DATE_EPOCH": "0", "no-cache": ""}
