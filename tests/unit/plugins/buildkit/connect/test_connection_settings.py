"""What the settings of connections come to."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from okplug import Config, UsageError
from okplug.pluginmanager import PluginManager
from okplug.settings import Assignment, from_environment, resolve
from okplug_buildkit.connect.keepalive import KeepAlive
from okplug_buildkit.connect.options import ChannelOptions
from okplug_buildkit.connect.settings import builder_settings, check_token, options_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.certificates import Authority


def config(
    environ: Mapping[str, str] | None = None, root: Path = Path("/src"), **values: str
) -> Config:
    """Return a run with the settings of connections and no others."""
    environ = environ or {}
    settings = {setting.name: setting for setting in builder_settings()}
    given = [
        *from_environment(settings.values(), environ),
        *(Assignment(name, value, "command line") for name, value in values.items()),
    ]
    return Config(
        root=root,
        cwd=root,
        environ=environ,
        options=argparse.Namespace(),
        plugins=PluginManager(root),
        settings=resolve(settings, given),
    )


def test_by_default_a_connection_is_plain() -> None:
    assert options_of(config()) == ChannelOptions(
        tls=None, token="", keepalive=KeepAlive(), proxy=False, environ={}
    )


def test_files_are_below_the_root_or_at_home(authority: Authority) -> None:
    home = {"HOME": str(authority.folder)}
    tls = options_of(
        config(
            home,
            root=authority.folder,
            builder_ca=str(authority.ca),
            builder_cert="client.pem",
            builder_key="~/client.key",
            builder_server_name="buildkit.test",
        )
    ).tls
    assert tls is not None
    assert tls.files.ca == authority.ca
    assert tls.files.cert == authority.folder / "client.pem"
    assert tls.files.key == authority.folder / "client.key"
    assert tls.files.server_name == "buildkit.test"


def test_a_server_name_alone_asks_for_tls() -> None:
    tls = options_of(config(builder_server_name="buildkit.test")).tls
    assert tls is not None
    assert tls.cert is None


def test_a_file_that_is_not_there_is_named_as_the_setting_is() -> None:
    with pytest.raises(UsageError, match=r"^builder_ca: cannot read /src/nope\.pem: "):
        options_of(config(builder_ca="nope.pem"))


def test_keep_alive_is_told_by_oktetos_variables() -> None:
    environ = {
        "OKTETO_KEEPALIVE_CLIENT_TIME_MS": "30000",
        "OKTETO_KEEPALIVE_CLIENT_TIMEOUT_MS": "5000",
        "OKTETO_KEEPALIVE_CLIENT_PERMIT_WITHOUT_STREAM": "true",
    }
    assert options_of(config(environ)).keepalive == KeepAlive(30_000, 5000, True)  # noqa: FBT003  # fields in their order


def test_keep_alive_is_told_by_settings_too() -> None:
    environ = {"OKTETO_KEEPALIVE_CLIENT_TIME_MS": "30000"}
    assert options_of(config(environ, keepalive_time="1")).keepalive.time == 10_000


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("TIME_MS", "10s", "expected a number of milliseconds or infinite, not '10s'"),
        ("TIMEOUT_MS", "-1", "expected a number of milliseconds, not '-1'"),
        ("PERMIT_WITHOUT_STREAM", "maybe", "expected true or false, not 'maybe'"),
    ],
)
def test_a_wrong_variable_is_named(variable: str, value: str, expected: str) -> None:
    name = f"OKTETO_KEEPALIVE_CLIENT_{variable}"
    with pytest.raises(UsageError) as caught:
        config({name: value})
    assert caught.value.message.startswith(f"environment {name}: setting keepalive_")
    assert caught.value.message.endswith(f": {expected}")


def test_the_token_is_shown_nowhere() -> None:
    run = config({"OKPLUG_BUILDER_TOKEN": " opensesame\n"})
    options = options_of(run)
    assert options.token == "opensesame"
    (value,) = (value for value in run.values() if value.name == "builder_token")
    assert (value.text, value.shown) == ("***", "***")
    assert "opensesame" not in repr((options, value))


@pytest.mark.parametrize("token", ["open sesame", "sésame", "open\nsesame", "a\x7f"])
def test_what_can_be_no_token_is_not_repeated(token: str) -> None:
    with pytest.raises(UsageError) as caught:
        config(builder_token=token)
    assert token not in str(caught.value)
    assert caught.value.message == (
        "command line: setting builder_token: "
        "expected a token of printable ASCII characters without blanks"
    )


def test_no_token_is_a_token_of_no_length() -> None:
    assert check_token(" ") == ""


def test_a_proxy_has_to_be_asked_for() -> None:
    assert options_of(config(builder_proxy="yes")).proxy


def test_children_see_the_environment() -> None:
    environ = {"PATH": "/opt/bin", "DOCKER_HOST": "ssh://me@build"}
    assert options_of(config(environ)).environ == environ


def test_all_settings_have_a_sentence_of_help() -> None:
    for setting in builder_settings():
        assert setting.help
        assert not setting.help.endswith(".")


def test_how_long_builders_are_waited_for_is_in_oktetos_variables() -> None:
    options = options_of(
        config(
            {
                "OKTETO_BUILDKIT_WAIT_TIMEOUT": "10m",
                "OKTETO_BUILDKIT_RETRY_INTERVAL": "1500ms",
                "OKTETO_BUILDKIT_READINESS_TIMEOUT": "6s",
            }
        )
    )
    assert (options.wait, options.pause, options.attempt) == (600, 1.5, 6)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("WAIT_TIMEOUT", "600", "builder_wait: expected a duration such as 90s, 10m or 1h30m"),
        ("RETRY_INTERVAL", "0s", "builder_retry_interval: expected a duration above 0"),
        ("READINESS_TIMEOUT", "soon", "builder_readiness_timeout: expected a duration such as"),
    ],
)
def test_a_wrong_duration_names_the_variable_and_the_remedy(
    name: str, value: str, told: str
) -> None:
    variable = f"OKTETO_BUILDKIT_{name}"
    with pytest.raises(UsageError) as caught:
        config({variable: value})
    assert caught.value.message.startswith(f"environment {variable}: setting {told}")
    assert caught.value.message.endswith(f", not {value!r}")
    assert caught.value.hint == f"correct {variable}, or unset it"
