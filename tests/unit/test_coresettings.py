from __future__ import annotations

import pwd
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug.coresettings import (
    MANIFEST_NAMES,
    check_namespace,
    check_progress,
    core_settings,
    default_namespace,
    user_cache,
    user_configuration,
)
from okplug.errors import UsageError
from okplug.settings import from_environment, resolve

HOME = {"HOME": "/home/cindy", "USER": "cindy"}


def values(environ: dict[str, str]) -> dict[str, object]:
    settings = {setting.name: setting for setting in core_settings(environ)}
    found = resolve(settings, from_environment(settings.values(), environ))
    return {name: value.value for name, value in found.items()}


def test_defaults() -> None:
    found = values(HOME)
    assert str(found.pop("platform")).startswith("linux/")
    assert found == {
        "registry": "layout:/home/cindy/.cache/okplug/registry",
        "context": "",
        "namespace": "cindy",
        "global_namespace": "okteto",
        "builder": ("auto",),
        "jobs": 0,
        "smart_builds": True,
        "manifests": MANIFEST_NAMES,
        "exclude": (),
        "names": "{name}",
        "track_bases": False,
        "verify_hits": True,
        "parallel_lookups": True,
        "publish_records": True,
        "progress": "auto",
        "plugins": (),
        "docker_config": "",
        "admin_variables": True,
        "admin_ttl": 300,
    }


def test_every_default_is_a_value_that_could_be_given() -> None:
    for setting in core_settings(HOME):
        default = setting.default
        raw = list(default) if isinstance(default, tuple) else default
        assert setting.parse(raw) == default, setting.name


@pytest.mark.parametrize("text", ["auto", "plain", "tty", "quiet", "rawjson"])
def test_ways_to_show_a_build(text: str) -> None:
    assert values({**HOME, "BUILDKIT_PROGRESS": text})["progress"] == text
    assert (
        values({**HOME, "BUILDKIT_PROGRESS": "auto", "OKPLUG_PROGRESS": text})["progress"] == text
    )


@pytest.mark.parametrize("text", ["", "TTY", "fancy"])
def test_a_way_that_nobody_knows(text: str) -> None:
    with pytest.raises(
        ValueError, match=r"^expected auto, plain, tty, quiet or rawjson, not '"
    ) as e:
        check_progress(text)
    assert str(e.value).endswith(repr(text))


def test_a_wrong_variable_of_another_tool_is_named() -> None:
    with pytest.raises(UsageError, match=r"^environment BUILDKIT_PROGRESS: setting progress: "):
        values({**HOME, "BUILDKIT_PROGRESS": "fancy"})


def test_variables_of_other_tools_count() -> None:
    found = values(
        {
            **HOME,
            "OKTETO_SMART_BUILDS_ENABLED": "false",
            "OKTETO_NAMESPACE": "team",
            "DOCKER_DEFAULT_PLATFORM": "linux/aarch64",
        }
    )
    assert (found["smart_builds"], found["namespace"]) == (False, "team")
    assert found["platform"] == "linux/arm64"


@pytest.mark.parametrize(
    ("environ", "folder"),
    [
        ({"HOME": "/home/cindy"}, "/home/cindy/.cache/okplug"),
        ({"HOME": "/home/cindy", "XDG_CACHE_HOME": "/var/cache"}, "/var/cache/okplug"),
        ({"HOME": "/home/cindy", "XDG_CACHE_HOME": "cache"}, "/home/cindy/.cache/okplug"),
    ],
)
def test_the_cache_is_where_the_user_wants_it(environ: dict[str, str], folder: str) -> None:
    assert user_cache(environ) == Path(folder)


@pytest.mark.parametrize(
    ("environ", "folder"),
    [
        (HOME, "/home/cindy/.config/okplug"),
        ({**HOME, "XDG_CONFIG_HOME": "/etc/cindy"}, "/etc/cindy/okplug"),
        ({**HOME, "XDG_CONFIG_HOME": "etc"}, "/home/cindy/.config/okplug"),
    ],
)
def test_the_folder_of_the_user_s_configuration(environ: dict[str, str], folder: str) -> None:
    assert user_configuration(environ) == Path(folder)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("okteto.example.com", "okteto.example.com"),
        ("https://okteto.example.com/", "okteto.example.com"),
        ("http://okteto.example.com", "okteto.example.com"),
        ("", ""),
    ],
)
def test_the_name_of_a_context(text: str, name: str) -> None:
    assert values({**HOME, "OKTETO_CONTEXT": text})["context"] == name


def without_account(_uid: int) -> NoReturn:
    raise KeyError("getpwuid(): uid not found")


def test_a_user_without_home_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pwd, "getpwuid", without_account)
    with pytest.raises(UsageError) as caught:
        user_cache({})
    assert str(caught.value) == ("the user has no home folder\n  hint: set HOME or XDG_CACHE_HOME")


def test_the_password_database_knows_the_home(monkeypatch: pytest.MonkeyPatch) -> None:
    account = pwd.struct_passwd(("cindy", "x", 1000, 1000, "Cindy", "/home/cindy", "/bin/sh"))
    monkeypatch.setattr(pwd, "getpwuid", lambda _uid: account)
    assert user_cache({}) == Path("/home/cindy/.cache/okplug")
    assert default_namespace({}) == "cindy"


def test_a_user_without_name_is_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pwd, "getpwuid", without_account)
    assert default_namespace({}) == "user"


@pytest.mark.parametrize(
    ("name", "namespace"),
    [
        ("cindy", "cindy"),
        ("Cindy.Lopez", "cindy.lopez"),
        ("DOMAIN\\cindy", "domain-cindy"),
        ("cindy@example.com", "cindy-example.com"),
        ("_cindy._", "cindy"),
        ("a--b", "a-b"),
        ("李", "user"),
    ],
)
def test_a_user_name_becomes_a_namespace(name: str, namespace: str) -> None:
    assert default_namespace({"USER": name}) == namespace


@given(st.text(min_size=1))
def test_every_user_name_becomes_a_valid_namespace(name: str) -> None:
    namespace = default_namespace({"USER": name})
    assert check_namespace(namespace) == namespace


@pytest.mark.parametrize("text", ["", "a", "team/cindy", "a.b", "a_b", "a__b", "a--b", "0"])
def test_a_namespace_is_part_of_a_repository(text: str) -> None:
    assert check_namespace(text) == text


@pytest.mark.parametrize("text", ["A", "a/", "/a", "a//b", "-a", "a..b", "a___b", "a b", "a:b"])
def test_what_no_repository_begins_with_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^expected lower-case letters"):
        check_namespace(text)
