"""``okplug builder``: its arguments, and what it does where no daemon is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

import okplug_layout
from okplug import Parser, Setting, UsageError, hookimpl
from okplug.coresettings import core_settings
from okplug_buildkit.commands import builder
from okplug_buildkit.commands.builder import add_builder_command
from okplug_buildkit.connect.settings import builder_settings
from okplug_buildkit.pool.settings import pool_settings

if TYPE_CHECKING:
    import argparse

    from okplug import Config
    from okplug.testing import Workspace


class Plugin:
    """Declares what the command needs."""

    @hookimpl
    def okplug_addoption(self, parser: Parser) -> None:
        """Add settings and the command."""
        for setting in (*builder_settings(), *pool_settings()):
            parser.add_setting(setting)
        add_builder_command(parser)


def parse(*argv: str) -> argparse.Namespace:
    parser = Parser(core_settings({"HOME": "/home/cindy"}))
    add_builder_command(parser)
    parsed = parser.parse(["builder", *argv])
    assert parsed is not None
    assert parsed.command.handler is builder.run
    return parsed.options


def config_for(workspace: Workspace, *argv: str, **settings: object) -> Config:
    return workspace.config(
        plugins=[Plugin(), okplug_layout], settings=settings, options=vars(parse(*argv))
    )


def test_the_actions() -> None:
    assert [parse(name).action for name in ("ls", "prune", "check")] == ["ls", "prune", "check"]


def test_the_options_of_prune() -> None:
    options = parse(
        *("prune", "-f", "-a", "--keep-duration", "48h", "--keep-storage", "1GB"),
        *("--filter", "type==regular", "--filter", "inuse"),
    )
    assert (options.force, options.all) == (True, True)
    assert (options.keep_duration, options.keep_storage) == ("48h", "1GB")
    assert options.filter == ["type==regular", "inuse"]


def test_the_options_have_defaults() -> None:
    options = parse("prune")
    assert (options.force, options.all, options.json) == (False, False, False)
    assert (options.keep_duration, options.keep_storage, options.filter) == (None, None, [])


@pytest.mark.parametrize("argv", [(), ("rm",), ("ls", "check")])
def test_what_is_no_action(argv: tuple[str, ...]) -> None:
    with pytest.raises(UsageError):
        parse(*argv)


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("ls", "--force"), "--force is an option of okplug builder prune, not of ls"),
        (("check", "-a"), "--all is an option of okplug builder prune, not of check"),
        (("ls", "--filter", "x"), "--filter is an option of okplug builder prune, not of ls"),
        (
            ("check", "--keep-storage", "1"),
            "--keep-storage is an option of okplug builder prune, not of check",
        ),
        (
            ("ls", "--keep-duration", "1h"),
            "--keep-duration is an option of okplug builder prune, not of ls",
        ),
        (("prune", "--json"), "--json is an option of okplug builder ls, not of prune"),
    ],
)
def test_options_of_another_action(
    workspace: Workspace, argv: tuple[str, ...], message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        builder.run(config_for(workspace, *argv))
    assert caught.value.message == message
    assert caught.value.hint == "okplug builder --help tells which action has which"


def test_with_the_embedded_builder_there_is_nothing_to_list(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert builder.run(config_for(workspace, "ls", builder="embedded")) == 0
    assert (
        capsys.readouterr().out == "no BuildKit; the embedded builder builds images without RUN\n"
    )
    assert builder.run(config_for(workspace, "ls", "--json", builder="embedded")) == 0
    assert json.loads(capsys.readouterr().out) == {"builders": []}


@pytest.mark.parametrize("action", ["prune", "check"])
def test_with_the_embedded_builder_there_is_nothing_to_do(
    workspace: Workspace, action: str
) -> None:
    with pytest.raises(UsageError) as caught:
        builder.run(config_for(workspace, action, builder="embedded"))
    assert caught.value.message == "there is no daemon: builder is embedded"
    assert caught.value.hint.startswith("set builder to the address of a BuildKit")


def test_where_nothing_is_found_that_is_the_reason(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("okplug_buildkit.pool.discovery.DOCKER_SOCKET", "/nowhere")
    workspace.environ["PATH"] = str(workspace.home)
    workspace.environ["DOCKER_HOST"] = "fd://"
    with pytest.raises(UsageError, match=r"^there is no daemon: no BuildKit found"):
        builder.run(config_for(workspace, "check"))
    assert capsys.readouterr().err == (
        "warning: not used: the Docker engine at fd://:"
        " its address begins with none of unix://, tcp:// and ssh://\n"
    )


def test_an_address_that_is_none(workspace: Workspace) -> None:
    with pytest.raises(UsageError, match="there is no scheme"):
        builder.run(config_for(workspace, "ls", builder="tpc://builder:1234"))


def test_a_daemon_that_is_not_there(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("okplug_buildkit.pool.member._PATIENCE", 0.1)
    address = f"unix://{workspace.home}/none"
    assert builder.run(config_for(workspace, "ls", builder=address)) == 1
    table = capsys.readouterr().out.splitlines()
    assert table[1].split() == [address, "failed", "-", "-", "-", "-"]
    assert "there is no such socket" in table[2]
    assert builder.run(config_for(workspace, "check", builder=address)) == 1
    assert "connection  failed" in capsys.readouterr().out
    assert builder.run(config_for(workspace, "prune", "--force", builder=address)) == 1
    assert "there is no such socket" in capsys.readouterr().err


def test_the_settings_of_pools() -> None:
    settings = pool_settings()
    assert all(isinstance(setting, Setting) for setting in settings)
    assert [(setting.name, setting.default) for setting in settings] == [
        ("buildkitd_idle", 15),
        ("builder_attempts", "5"),
    ]
