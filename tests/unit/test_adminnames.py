from __future__ import annotations

import pytest

from okplug.adminnames import assignments, check_name, check_value, is_refused, looks_secret
from okplug.coresettings import core_settings
from okplug.errors import UsageError
from okplug.settings import Assignment, Setting

SETTINGS = core_settings({"HOME": "/home/cindy"})
JOBS = next(setting for setting in SETTINGS if setting.name == "jobs")
PIN = Setting("pin", "text", "", "a secret", environ=("MY_PIN",), secret=True)


@pytest.mark.parametrize(
    "name", ["OKTETO_SMART_BUILDS_ENABLED", "_x9", "GO_VERSION", "OKPLUG_JOBS"]
)
def test_a_name_that_can_be(name: str) -> None:
    check_name(name)
    assert not is_refused(name)


@pytest.mark.parametrize("name", ["", "9X", "A-B", "A B", "Ä", "A\n", "A=B"])
def test_what_is_no_name(name: str) -> None:
    with pytest.raises(UsageError, match="is no name of a variable"):
        check_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "OKPLUG_REGISTRY",
        "OKPLUG_REGISTRY_CA",
        "OKPLUG_GLOBAL_NAMESPACE",
        "OKPLUG_ADMIN_TTL",
        "OKPLUG_PLUGINS",
        "OKTETO_CONTEXT",
        "DOCKER_CONFIG",
        "PATH",
        "LD_PRELOAD",
        "PYTHONPATH",
        "https_proxy",
        "SSL_CERT_FILE",
    ],
)
def test_what_a_registry_has_no_say_in(name: str) -> None:
    assert is_refused(name)
    with pytest.raises(UsageError, match=f"^{name} cannot be an administrator's variable\n"):
        check_name(name)


@pytest.mark.parametrize(
    "setting", ["registry", "global_namespace", "context", "docker_config", "plugins", "admin_ttl"]
)
def test_every_variable_of_what_is_needed_before_is_refused(setting: str) -> None:
    (found,) = (each for each in SETTINGS if each.name == setting)
    assert all(map(is_refused, found.variables))


@pytest.mark.parametrize(
    "name", ["GITHUB_TOKEN", "DbPassword", "x_secret", "API_KEY", "AWS_CREDENTIALS", "MY_PIN"]
)
def test_what_looks_like_a_secret(name: str) -> None:
    assert looks_secret(name, [PIN])


@pytest.mark.parametrize("name", ["OKPLUG_JOBS", "KEYBOARD", "PASS_THROUGH", "MY_PINS"])
def test_what_does_not(name: str) -> None:
    assert not looks_secret(name, [PIN, *SETTINGS])


def test_the_settings_that_variables_mean() -> None:
    variables = {"OKPLUG_JOBS": "4", "OKTETO_SMART_BUILDS_ENABLED": "false", "GO_VERSION": "1.20"}
    assert list(assignments(variables, SETTINGS, "registry.test")) == [
        Assignment("jobs", "4", "administrator OKPLUG_JOBS"),
        Assignment("smart_builds", "false", "administrator OKTETO_SMART_BUILDS_ENABLED"),
    ]


def test_the_first_variable_of_a_setting_counts_and_an_empty_one_does_not() -> None:
    names = "OKPLUG_SMART_BUILDS", "OKTETO_SMART_BUILDS_ENABLED"
    for values, origin in ((("1", "0"), names[0]), (("", "0"), names[1])):
        (found,) = assignments(dict(zip(names, values, strict=True)), SETTINGS, "registry.test")
        assert found.origin == f"administrator {origin}"
    assert list(assignments(dict.fromkeys(names, ""), SETTINGS, "registry.test")) == []


def test_a_wrong_value_names_the_variable_the_registry_and_the_remedy() -> None:
    with pytest.raises(UsageError) as caught:
        list(assignments({"OKPLUG_JOBS": "many"}, SETTINGS, "registry.test"))
    assert str(caught.value) == (
        "administrator's variables of registry.test: OKPLUG_JOBS: setting jobs: expected a whole "
        "number, 0 or more, not 'many'\n  hint: okplug admin unset OKPLUG_JOBS removes it for "
        "everybody; -o admin_variables=false runs without them"
    )


def test_a_wrong_value_that_is_to_be_set() -> None:
    check_value(JOBS, "OKPLUG_JOBS", "4")
    with pytest.raises(UsageError, match=r"^OKPLUG_JOBS: setting jobs: expected a whole number"):
        check_value(JOBS, "OKPLUG_JOBS", "-1")
