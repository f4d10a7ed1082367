"""Administrator's variables: what one sets in the registry counts for everybody who uses it."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

from okplug import hookimpl
from okplug.errors import ExitCode, RegistryError
from okplug.settings import Setting

if TYPE_CHECKING:
    from okplug.config import Config, Parser
    from okplug.testing import Outcome
    from tests.functional.conftest import Shop

PLACE = "registry.test/okteto/okplug-admin:variables"

#: the one registry in memory, and no plugin but the test's
ELSEWHERE = {"OKPLUG_DISABLE_PLUGIN_AUTOLOAD": "1", "OKPLUG_REGISTRY": "registry.test"}


class Pin:
    """Adds a setting whose value nobody is shown."""

    @hookimpl
    def okplug_addoption(self, parser: Parser) -> None:
        """Add the setting."""
        parser.add_setting(Setting("pin", "text", "", "a number", secret=True))


def run(shop: Shop, *argv: str, **environ: str) -> Outcome:
    """Run a command as cindy, or as somebody else."""
    return shop.workspace.run(*argv, plugins=[shop, Pin()], environ={**ELSEWHERE, **environ})


def admin(shop: Shop, *argv: str) -> str:
    """Run ``okplug admin`` and return what it prints."""
    return run(shop, "admin", *argv).assert_ok().stdout


def setting(shop: Shop, name: str, *argv: str, **environ: str) -> tuple[object, str]:
    """Return value and origin of a setting."""
    document = json.loads(run(shop, "config", "--json", *argv, **environ).assert_ok().stdout)
    (found,) = (each for each in document["settings"] if each["name"] == name)
    return found["value"], found["origin"]


# ------------------------------------------------------------------------------------------ screens


def test_variables_are_set_printed_and_removed(shop: Shop) -> None:
    outcome = run(shop, "admin", "ls").assert_ok()
    assert (outcome.stdout, outcome.stderr) == ("", f"{PLACE} has no variables\n")
    assert admin(shop, "set", "OKTETO_SMART_BUILDS_ENABLED=false", "GO_VERSION=1.20") == (
        f"set GO_VERSION=1.20 in {PLACE}\nset OKTETO_SMART_BUILDS_ENABLED=false in {PLACE}\n"
    )
    assert admin(shop, "set", "GO_VERSION=1.21") == f"set GO_VERSION=1.21 in {PLACE}\n"
    assert admin(shop, "ls") == "GO_VERSION=1.21\nOKTETO_SMART_BUILDS_ENABLED=false\n"
    assert json.loads(admin(shop, "ls", "--json")) == {
        "reference": PLACE,
        "variables": {"GO_VERSION": "1.21", "OKTETO_SMART_BUILDS_ENABLED": "false"},
    }
    assert admin(shop, "unset", "GO_VERSION") == f"unset GO_VERSION in {PLACE}\n"
    assert admin(shop, "ls") == "OKTETO_SMART_BUILDS_ENABLED=false\n"


def test_each_global_namespace_has_its_own(shop: Shop) -> None:
    admin(shop, "set", "A=1", "-o", "global_namespace=team/all")
    assert admin(shop, "ls") == ""
    assert admin(shop, "ls", "-o", "global_namespace=team/all") == "A=1\n"


def test_values_of_several_lines_and_none_at_all(shop: Shop) -> None:
    admin(shop, "set", "TEXT=a\nb", "NOTHING=", "EQUAL=x=y")
    assert admin(shop, "ls") == "EQUAL=x=y\nNOTHING=\nTEXT='a\\nb'\n"


def test_secrets_are_set_with_force_only_and_never_shown(shop: Shop) -> None:
    for name in ("NPM_TOKEN", "OKPLUG_PIN"):
        outcome = run(shop, "admin", "set", f"{name}=open sesame")
        assert outcome.exit_code == ExitCode.USAGE_ERROR
        assert outcome.stderr == (
            f"error: {name} looks like a secret, and everybody can read these variables\n"
            "  hint: --force stores it nevertheless\n"
        )
        outcome = run(shop, "admin", "set", f"{name}=open sesame", "--force").assert_ok()
        assert outcome.stdout == f"set {name}=*** in {PLACE}\n"
    assert admin(shop, "ls") == "NPM_TOKEN=***\nOKPLUG_PIN=***\n"
    assert "sesame" not in admin(shop, "ls", "--json")
    assert setting(shop, "pin") == ("***", "administrator OKPLUG_PIN")
    assert "sesame" not in run(shop, "config").stdout


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("set", "OKPLUG_JOBS=many"), "OKPLUG_JOBS: setting jobs: expected a whole number, 0 or"),
        (("set", "GO_VERSION"), "GO_VERSION: expected NAME=VALUE\n  hint: such as OKPLUG_JOBS=4\n"),
        (("set", "9X=1"), "'9X' is no name of a variable\n"),
        (("set", "PATH=/evil"), "PATH cannot be an administrator's variable\n"),
        (("set",), "okplug admin set takes at least one name\n"),
        (("unset",), "okplug admin unset takes at least one name\n"),
        (("ls", "A"), "okplug admin ls takes no names\n"),
        (("unset", "GO_VERSIO"), f"{PLACE} has no variable GO_VERSIO, did you mean 'GO_VERSION'?"),
        (("change", "A=1"), "argument ACTION: invalid choice: 'change'"),
    ],
)
def test_what_is_refused(shop: Shop, argv: tuple[str, ...], message: str) -> None:
    admin(shop, "set", "GO_VERSION=1.20")
    writes = shop.registry.writes
    outcome = run(shop, "admin", *argv)
    assert outcome.exit_code == ExitCode.USAGE_ERROR
    assert outcome.stderr.startswith(f"error: {message}")
    assert shop.registry.writes == writes


def test_a_name_that_means_nothing_here_is_warned_of(shop: Shop) -> None:
    outcome = run(shop, "admin", "set", "OKPLUG_JOB=4").assert_ok()
    assert outcome.stderr == (
        "warning: no setting here has the variable OKPLUG_JOB, did you mean 'OKPLUG_JOBS'?\n"
    )


def test_a_registry_that_cannot_be_written(shop: Shop) -> None:
    shop.registry.failures["write_blob"] = RegistryError("you may not", hint="ask for it")
    outcome = run(shop, "admin", "set", "A=1")
    assert outcome.exit_code == ExitCode.FAILED
    assert outcome.stderr == "error: you may not\n  hint: ask for it\n"


# -------------------------------------------------------------------------------- what they are for


def test_smart_builds_are_switched_off_for_everybody(shop: Shop) -> None:
    shop.run("build").assert_ok()
    assert set(shop.verdicts().values()) == {"reuse"}
    admin(shop, "set", "OKTETO_SMART_BUILDS_ENABLED=false")
    for user in ("cindy", "david"):
        outcome = run(shop, "build", USER=user).assert_ok()
        assert "4 built" in outcome.stderr
        assert outcome.stderr.count("Smart Builds are off") == 4
    admin(shop, "unset", "OKTETO_SMART_BUILDS_ENABLED")
    assert "4 reused" in run(shop, "build", USER="david").assert_ok().stderr


def test_they_count_less_than_all_that_a_user_says(shop: Shop) -> None:
    admin(shop, "set", "OKPLUG_JOBS=3", "OKTETO_NAMESPACE=everybody")
    assert setting(shop, "jobs") == (3, "administrator OKPLUG_JOBS")
    assert setting(shop, "namespace") == ("everybody", "administrator OKTETO_NAMESPACE")
    assert setting(shop, "jobs", OKPLUG_JOBS="4") == (4, "environment OKPLUG_JOBS")
    assert setting(shop, "jobs", OKPLUG_JOBS="") == (3, "administrator OKPLUG_JOBS")
    assert setting(shop, "jobs", "-j", "5") == (5, "command line")
    path = shop.workspace.home / ".config/okplug/contexts.toml"
    path.parent.mkdir(parents=True)
    path.write_text("current = 'a'\n[contexts.a]\nnamespace = 'cindy'\n")
    assert setting(shop, "namespace") == ("cindy", "context a")
    shop.workspace.write({"okplug.toml": "jobs = 6\n"})
    assert setting(shop, "jobs") == (6, "okplug.toml:1")


def test_manifests_see_them_below_the_environment(empty_shop: Shop) -> None:
    empty_shop.workspace.write(
        {
            "okteto.yaml": (
                "build: {a: {context: ., args: {V: '${GO_VERSION:-none}', W: '${WORD-none}'}}}\n"
            ),
            "Dockerfile": "FROM scratch\nARG V\nARG W\nCOPY data /\n",
            "data": "x",
        }
    )

    def args(**environ: str) -> dict[str, str]:
        run(empty_shop, "build", "--no-cache", **environ).assert_ok()
        found = empty_shop.requests[-1].args
        return {name: found[name] for name in ("V", "W")}

    assert args() == {"V": "none", "W": "none"}
    before = run(empty_shop, "hash").assert_ok().stdout
    admin(empty_shop, "set", "GO_VERSION=1.20", "WORD=theirs")
    assert args() == {"V": "1.20", "W": "theirs"}
    assert run(empty_shop, "hash").assert_ok().stdout != before
    assert args(GO_VERSION="1.21", WORD="") == {"V": "1.21", "W": ""}


def test_a_wrong_value_is_everybody_s_error_with_the_way_out(shop: Shop) -> None:
    from okplug.adminartifact import publish, variables_reference

    place = variables_reference(shop.registry, "okteto")
    publish(shop.registry, place, {"OKPLUG_JOBS": "many"})
    outcome = run(shop, "build")
    assert outcome.exit_code == ExitCode.USAGE_ERROR
    assert outcome.stderr == (
        "error: administrator's variables of registry.test: OKPLUG_JOBS: setting jobs: expected a "
        "whole number, 0 or more, not 'many'\n  hint: okplug admin unset OKPLUG_JOBS removes it "
        "for everybody; -o admin_variables=false runs without them\n"
    )
    run(shop, "build", "-o", "admin_variables=false").assert_ok()
    assert admin(shop, "unset", "OKPLUG_JOBS") == f"unset OKPLUG_JOBS in {PLACE}\n"
    run(shop, "build").assert_ok()


def test_a_registry_that_fails_keeps_nobody_from_building(shop: Shop) -> None:
    shop.registry.failures["read_manifest"] = RegistryError("it is down", hint="start it")
    outcome = run(shop, "config").assert_ok()
    assert outcome.stderr == (
        "warning: the administrator's variables of registry.test cannot be read, and count as "
        "none: it is down (-o admin_variables=false does without them)\n"
    )
    outcome = run(shop, "build", "base").assert_ok()
    assert outcome.stderr.count("cannot be read, and count as none: it is down") == 1


@pytest.mark.parametrize("command", ["plugins", "context"])
def test_commands_that_do_not_need_them_do_not_ask(shop: Shop, command: str) -> None:
    run(shop, command).assert_ok()
    assert not shop.registry.calls


def test_layouts_have_them_too(shop: Shop) -> None:
    place = "localhost/okteto/okplug-admin:variables"
    workspace = shop.workspace
    assert workspace.run("admin", "set", "OKPLUG_JOBS=3").assert_ok().stdout == (
        f"set OKPLUG_JOBS=3 in {place}\n"
    )
    outcome = workspace.run("config").assert_ok()
    assert "(administrator OKPLUG_JOBS)\n" in outcome.stdout
    assert not (workspace.home / ".cache/okplug/admin").exists()


def test_settings_of_plugins_have_theirs_too(shop: Shop) -> None:
    workspace = shop.workspace
    workspace.run("admin", "set", "OKTETO_KEEPALIVE_CLIENT_TIME_MS=30000").assert_ok()
    outcome = workspace.run("config", "--json").assert_ok()
    (found,) = (
        each for each in json.loads(outcome.stdout)["settings"] if each["name"] == "keepalive_time"
    )
    assert found["value"] == "30000"
    assert found["origin"] == "administrator OKTETO_KEEPALIVE_CLIENT_TIME_MS"


class Commands:
    """Adds a command of each scope, which say what they see."""

    @hookimpl
    def okplug_addoption(self, parser: Parser) -> None:
        """Add the commands."""
        parser.add_command("all", help="", handler=_say)
        parser.add_command("some", help="", handler=_say, scope="registry")
        parser.add_command("own", help="", handler=_say, scope="user")


def _say(config: Config) -> int:
    sys.stdout.write(f"{config.number('jobs')} {config.text('namespace')} {config.text('context')}")
    return 0


@pytest.mark.parametrize(
    ("command", "said"), [("all", "3 crew a"), ("some", "0 crew a"), ("own", "0 cindy a")]
)
def test_commands_of_plugins_say_what_they_need(shop: Shop, command: str, said: str) -> None:
    admin(shop, "set", "OKPLUG_JOBS=3")
    path = shop.workspace.home / ".config/okplug/contexts.toml"
    path.parent.mkdir(parents=True)
    path.write_text("current = 'a'\n[contexts.a]\nnamespace = 'crew'\n")
    outcome = shop.workspace.run(command, plugins=[shop, Commands()], environ=ELSEWHERE)
    assert outcome.assert_ok().stdout == said
