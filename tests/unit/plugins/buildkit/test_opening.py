"""From settings to daemons and a builder."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

import okplug_buildkit
from okplug import UsageError
from okplug_buildkit.opening import open_builder, open_pool, wanted_addresses
from okplug_buildkit.pool import discovery

if TYPE_CHECKING:
    from pathlib import Path

    from okplug import Config
    from okplug.testing import Workspace


@pytest.fixture(autouse=True)
def _nothing_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Hide the machine's own engine and programs."""
    monkeypatch.setattr(discovery, "DOCKER_SOCKET", str(tmp_path / "docker.sock"))
    monkeypatch.setattr("okplug_buildkit.pool.programs._SYSTEM", str(tmp_path / "system"))


def configured(workspace: Workspace, **settings: object) -> Config:
    workspace.environ["PATH"] = str(workspace.root / "bin")
    return workspace.config(plugins=[okplug_buildkit], settings=settings)


def test_the_embedded_builder(workspace: Workspace) -> None:
    workspace.environ["BUILDKIT_HOST"] = "tcp://elsewhere:1234"
    assert wanted_addresses(configured(workspace, builder="embedded")) == ((), "")


def test_addresses_that_are_named(workspace: Workspace) -> None:
    config = configured(workspace, builder=["tcp://a:1", "tcp://b:1"])
    assert wanted_addresses(config) == (("tcp://a:1", "tcp://b:1"), "test")


def test_nothing_that_could_be_found(workspace: Workspace) -> None:
    config = configured(workspace, builder="auto")
    assert wanted_addresses(config) == ((), "no BuildKit found")


def test_buildkit_host(workspace: Workspace) -> None:
    workspace.environ["BUILDKIT_HOST"] = "tcp://a:1234"
    config = configured(workspace, builder="auto")
    assert wanted_addresses(config) == (("tcp://a:1234",), "BUILDKIT_HOST")


def test_what_cannot_be_used_is_a_warning(workspace: Workspace) -> None:
    (workspace.root / "bin").mkdir()
    program = workspace.root / "bin/buildkitd"
    program.write_text("")
    program.chmod(0o755)
    config = configured(workspace, builder="auto")
    warnings: list[str] = []
    config.on_warning(lambda warned: warnings.append(str(warned)))
    assert wanted_addresses(config)[0] == ()
    (warning,) = warnings
    assert warning.startswith("not used: buildkitd on the PATH: ")


def test_the_same_address_twice_is_one_daemon(workspace: Workspace) -> None:
    addresses = ("tcp://a:1", "tcp://b:1", "tcp://a:1")
    with closing(open_pool(configured(workspace), addresses, "test")) as pool:
        assert [member.name for member in pool.members] == ["tcp://a:1", "tcp://b:1"]
        assert pool.describe() == "BuildKit at 2 addresses: tcp://a:1, tcp://b:1"


def test_an_address_that_is_none_names_where_it_comes_from(workspace: Workspace) -> None:
    with pytest.raises(UsageError) as caught:
        open_pool(configured(workspace), ("tcp://a:1", "tcp:/b"), "okplug.toml:3")
    assert caught.value.message.startswith("okplug.toml:3: 'tcp:/b': ")
    assert caught.value.hint


def test_a_file_for_tls_that_is_not_there(workspace: Workspace) -> None:
    config = configured(workspace, builder_ca="ca.pem")
    with pytest.raises(UsageError, match=r"builder_ca"):
        open_pool(config, ("tcp://a:1",), "test")


def test_the_builder(workspace: Workspace) -> None:
    config = configured(workspace)
    with closing(open_pool(config, ("tcp://a:1", "tcp://b:1"), "")) as pool:
        builder = open_builder(config, pool, "okplug.toml:3")
        assert builder.name == "buildkit"
        assert builder.describe() == (
            "BuildKit at 2 addresses: tcp://a:1, tcp://b:1 (okplug.toml:3)"
        )
        assert builder.jobs == 32
