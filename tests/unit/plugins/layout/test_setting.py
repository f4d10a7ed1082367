"""The setting ``layout:FOLDER``, and the hook that follows it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import okplug_layout
from okplug.errors import UsageError
from okplug_layout.registry import LayoutRegistry
from okplug_layout.setting import is_layout, layout_folder

if TYPE_CHECKING:
    from okplug.testing import Workspace

ROOT = Path("/src/shop")


@pytest.mark.parametrize(
    ("text", "folder"),
    [
        ("layout:/srv/images", "/srv/images"),
        ("layout:/srv/images/", "/srv/images"),
        ("layout:images", "/src/shop/images"),
        ("layout:../images", "/src/images"),
        ("layout:./a//b", "/src/shop/a/b"),
        ("layout:~", "/home/cindy"),
        ("layout:~/images", "/home/cindy/images"),
        ("layout:a~b", "/src/shop/a~b"),
        ("layout:mit leerzeichen/ü:1", "/src/shop/mit leerzeichen/ü:1"),
    ],
)
def test_the_folder(text: str, folder: str) -> None:
    assert is_layout(text)
    assert layout_folder(text, ROOT, {"HOME": "/home/cindy"}) == Path(folder)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("layout:", "the setting registry has no folder: 'layout:'"),
        ("layout:a\0b", "the setting registry has no folder: 'layout:a\\x00b'"),
        ("layout:~bob/x", "only your own home can be written with ~, not 'layout:~bob/x'"),
        ("layout:~/x", "HOME is not set, which 'layout:~/x' needs"),
    ],
)
def test_what_is_no_folder(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        layout_folder(text, ROOT, {})
    assert caught.value.message == message
    assert caught.value.hint == (
        "write layout:FOLDER, with a FOLDER such as /srv/images, ~/images or images"
    )


def test_hosts_are_no_layouts() -> None:
    assert not is_layout("registry.example.com")
    assert not is_layout("layouts.example.com:5000")


def test_the_hook_serves_every_host_with_one_object(workspace: Workspace) -> None:
    config = workspace.config(plugins=[okplug_layout], settings={"registry": "layout:images"})
    first = config.plugins.registry("layout:images", config)
    assert isinstance(first, LayoutRegistry)
    assert first.host == "localhost"
    assert first.describe() == f"OCI layouts in {workspace.root}/images"
    assert config.plugins.registry("docker.io", config) is first


def test_each_run_has_its_own(workspace: Workspace) -> None:
    one, two = (workspace.config(plugins=[okplug_layout]) for _ in range(2))
    assert one.plugins.registry("x", one) is not two.plugins.registry("x", two)


def test_the_default_is_in_the_users_cache(workspace: Workspace) -> None:
    config = workspace.config(plugins=[okplug_layout])
    registry = config.plugins.registry(config.text("registry"), config)
    assert registry is not None
    assert registry.describe() == f"OCI layouts in {workspace.home}/.cache/okplug/registry"
    assert not (workspace.home / ".cache").exists()


def test_the_hook_leaves_other_registries_alone(workspace: Workspace) -> None:
    config = workspace.config(plugins=[okplug_layout], settings={"registry": "r.example.com"})
    assert config.plugins.registry("r.example.com", config) is None
    assert config.plugins.registry("docker.io", config) is None
