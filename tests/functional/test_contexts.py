"""Contexts: named sets of settings, chosen by their user; whole commands and screens."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from okplug import hookimpl
from okplug.errors import ExitCode
from okplug.settings import Setting

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from okplug.config import Config, Parser
    from okplug.testing import Workspace
    from tests.functional.conftest import Shop

CONTEXTS = """\
[contexts."okteto.example.com"]
registry = "registry.okteto.example.com"
namespace = "cindy"
jobs = 3
docker_config = "~/okteto"
pass = "open sesame"

[contexts.staging]
registry = "layout:/srv/staging"
"""


class Pass:
    """Adds a setting whose value nobody is shown."""

    @hookimpl
    def okplug_addoption(self, parser: Parser) -> None:
        """Add the setting."""
        parser.add_setting(Setting("pass", "text", "", "a word", secret=True))


@pytest.fixture
def file(workspace: Workspace) -> Path:
    """The user's file with two contexts, none of them in use."""
    path = workspace.home / ".config/okplug/contexts.toml"
    path.parent.mkdir(parents=True)
    path.write_text(CONTEXTS)
    workspace.environ["OKPLUG_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    return path


def say(workspace: Workspace, *argv: str, **environ: str) -> str:
    """Run ``okplug context`` and return what it prints, all of it."""
    outcome = workspace.run("context", *argv, plugins=[Pass()], environ=environ)
    return outcome.stdout + outcome.stderr


def origins(workspace: Workspace, *argv: str, **environ: str) -> dict[str, tuple[object, str]]:
    """Return value and origin of each setting."""
    outcome = workspace.run("config", "--json", *argv, plugins=[Pass()], environ=environ)
    settings = json.loads(outcome.assert_ok().stdout)["settings"]
    return {each["name"]: (each["value"], each["origin"]) for each in settings}


# ------------------------------------------------------------------------------------------ screens


def test_a_user_without_contexts(workspace: Workspace) -> None:
    path = workspace.home / ".config/okplug/contexts.toml"
    assert say(workspace) == "no context is in use\n"
    assert say(workspace, "ls") == f"warning: there are no contexts: {path} describes none\n"
    assert say(workspace, "ls", "--json") == "[]\n"
    assert say(workspace, "use", "prod") == (
        "error: there is no context 'prod'\n"
        f'  hint: describe it in {path}, below [contexts."prod"]\n'
    )


@pytest.mark.usefixtures("file")
def test_one_is_chosen_and_shown(workspace: Workspace) -> None:
    assert say(workspace) == "no context is in use\n"
    assert say(workspace, "use", "okteto.example.com") == "context: okteto.example.com\n"
    assert say(workspace) == (
        "context: okteto.example.com  (contexts.toml:1)\n"
        "registry       registry.okteto.example.com\n"
        "namespace      cindy\n"
        "jobs           3\n"
        "docker_config  ~/okteto\n"
        "pass           ***\n"
    )
    assert say(workspace, "ls") == (
        "* okteto.example.com  cindy  registry.okteto.example.com\n"
        "  staging             -      layout:/srv/staging\n"
    )
    assert say(workspace, "unset") == "no context is in use\n"
    assert say(workspace) == "no context is in use\n"


@pytest.mark.usefixtures("file")
def test_another_one_is_shown(workspace: Workspace) -> None:
    expected = "context: staging\nregistry  layout:/srv/staging\n"
    assert say(workspace, "show", "staging") == expected
    assert say(workspace, "--context", "staging") == expected.replace(
        "staging\n", "staging  (command line)\n", 1
    )


@pytest.mark.usefixtures("file")
def test_json(workspace: Workspace) -> None:
    say(workspace, "use", "staging")
    (okteto, staging) = json.loads(say(workspace, "ls", "--json"))
    assert staging == {
        "name": "staging",
        "current": True,
        "settings": {"registry": "layout:/srv/staging"},
    }
    assert okteto["current"] is False
    assert okteto["settings"]["jobs"] == 3
    assert okteto["settings"]["pass"] == "***"
    assert json.loads(say(workspace, "show", "--json")) == {
        "name": "staging",
        "settings": {"registry": "layout:/srv/staging"},
    }


@pytest.mark.usefixtures("file")
@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("use", "stagin"), "there is no context 'stagin', did you mean 'staging'?\n"),
        (("show", "stagin"), "there is no context 'stagin', did you mean 'staging'?\n"),
        (("use",), "okplug context use: which one?\n"),
        (("ls", "staging"), "okplug context ls takes no name: staging\n"),
        (("unset", "staging"), "okplug context unset takes no name: staging\n"),
    ],
)
def test_what_is_refused(workspace: Workspace, argv: tuple[str, ...], message: str) -> None:
    outcome = workspace.run("context", *argv, plugins=[Pass()])
    assert outcome.exit_code == ExitCode.USAGE_ERROR
    assert outcome.stderr.startswith(f"error: {message}  hint: ")


def test_a_wrong_file_is_located_whatever_is_asked(workspace: Workspace, file: Path) -> None:
    file.write_text("current = 'prod'\n[contexts.prod\n")
    for command in ("context", "config", "build"):
        outcome = workspace.run(command).assert_exit(ExitCode.USAGE_ERROR)
        assert outcome.stderr.startswith(f"error: {file}:2:15: not TOML: ")


def test_a_wrong_setting_is_located(workspace: Workspace, file: Path) -> None:
    file.write_text("current = 'prod'\n[contexts.prod]\nregisty = 'x'\n[contexts.b]\njobs = 'x'\n")
    outcome = workspace.run("config").assert_exit(ExitCode.USAGE_ERROR)
    assert outcome.stderr.startswith(
        f"error: {file}:3: there is no setting 'registy', did you mean 'registry'?\n"
    )
    outcome = workspace.run("context", "show", "b").assert_exit(ExitCode.USAGE_ERROR)
    assert outcome.stderr.startswith(f"error: {file}:5: setting jobs: expected a whole number")


def test_one_that_is_gone_can_be_left(workspace: Workspace, file: Path) -> None:
    file.write_text(f'current = "prod"\n{CONTEXTS}')
    outcome = workspace.run("config", plugins=[Pass()]).assert_exit(ExitCode.USAGE_ERROR)
    assert outcome.stderr.startswith(f"error: {file}:1: there is no context 'prod'\n")
    assert say(workspace).startswith("error: contexts.toml:1: there is no context 'prod'\n")
    assert say(workspace, "use", "staging") == "context: staging\n"
    workspace.run("config", plugins=[Pass()]).assert_ok()


# ------------------------------------------------------------------------------ what overrides what


@pytest.mark.usefixtures("file")
def test_the_settings_of_the_one_in_use_count(workspace: Workspace) -> None:
    say(workspace, "use", "okteto.example.com")
    found = origins(workspace)
    assert found["context"] == ("okteto.example.com", "contexts.toml:1")
    assert found["jobs"] == (3, "context okteto.example.com")
    assert found["pass"] == ("***", "context okteto.example.com")
    assert found["builder"] == (["embedded"], "environment OKPLUG_BUILDER")


@pytest.mark.usefixtures("file")
def test_what_a_user_chose_counts_more_than_what_the_workspace_says(workspace: Workspace) -> None:
    workspace.write({"okplug.toml": "registry = 'registry.example.com'\njobs = 9\nexclude = ['x']"})
    found = origins(workspace)
    assert found["registry"] == ("registry.example.com", "okplug.toml:1")
    say(workspace, "use", "staging")
    found = origins(workspace)
    assert found["registry"] == ("layout:/srv/staging", "context staging")
    assert found["jobs"] == (9, "okplug.toml:2")
    assert found["exclude"] == (["x"], "okplug.toml:3")


@pytest.mark.usefixtures("file")
def test_the_environment_and_the_command_line_count_more(workspace: Workspace) -> None:
    say(workspace, "use", "okteto.example.com")
    found = origins(workspace, "-j", "5", OKTETO_NAMESPACE="david")
    assert found["namespace"] == ("david", "environment OKTETO_NAMESPACE")
    assert found["jobs"] == (5, "command line")
    assert found["registry"][1] == "context okteto.example.com"


@pytest.mark.usefixtures("file")
@pytest.mark.parametrize("variable", ["OKTETO_CONTEXT", "OKPLUG_CONTEXT"])
@pytest.mark.parametrize("value", ["okteto.example.com", "https://okteto.example.com/"])
def test_a_variable_chooses_one(workspace: Workspace, variable: str, value: str) -> None:
    say(workspace, "use", "staging")
    found = origins(workspace, **{variable: value})
    assert found["context"] == ("okteto.example.com", f"environment {variable}")
    assert found["namespace"] == ("cindy", "context okteto.example.com")


@pytest.mark.usefixtures("file")
def test_the_command_line_chooses_one_or_none(workspace: Workspace) -> None:
    environ = {"OKTETO_CONTEXT": "staging"}
    found = origins(workspace, "--context", "okteto.example.com", **environ)
    assert found["jobs"] == (3, "context okteto.example.com")
    found = origins(workspace, "-o", "context=", **environ)
    assert found["registry"][1] == "default"


@pytest.mark.usefixtures("file")
def test_a_workspace_can_ask_for_one_that_its_users_describe(workspace: Workspace) -> None:
    say(workspace, "use", "okteto.example.com")
    workspace.write({"okplug.toml": "context = 'staging'\n"})
    found = origins(workspace)
    assert found["context"] == ("staging", "okplug.toml:1")
    assert found["registry"] == ("layout:/srv/staging", "context staging")
    workspace.write({"okplug.toml": "# ours\ncontext = 'stagin'\n"})
    outcome = workspace.run("config", plugins=[Pass()]).assert_exit(ExitCode.USAGE_ERROR)
    assert outcome.stderr.startswith(
        "error: okplug.toml:2: there is no context 'stagin', did you mean 'staging'?\n"
    )


@pytest.mark.usefixtures("file")
def test_one_that_a_variable_names_wrongly(workspace: Workspace) -> None:
    outcome = workspace.run("config", environ={"OKTETO_CONTEXT": "prod"})
    assert outcome.exit_code == ExitCode.USAGE_ERROR
    assert outcome.stderr.startswith(
        "error: environment OKTETO_CONTEXT: there is no context 'prod'\n"
    )


@pytest.mark.usefixtures("file")
def test_whoever_chooses_in_vain_is_told(workspace: Workspace) -> None:
    environ = {"OKTETO_CONTEXT": "okteto.example.com"}
    assert say(workspace, "use", "staging", **environ) == (
        "context: staging\n"
        "warning: here, okteto.example.com stays in use: environment OKTETO_CONTEXT says so\n"
    )
    assert say(workspace, "use", "okteto.example.com", **environ) == "context: okteto.example.com\n"


# ----------------------------------------------------------------------------------------- in a run


def test_a_build_says_for_whom_and_where(shop: Shop, masked: Callable[[str], str]) -> None:
    path = shop.workspace.home / ".config/okplug/contexts.toml"
    path.parent.mkdir(parents=True)
    path.write_text('current = "okteto.test"\n[contexts."okteto.test"]\nnamespace = "cindy"\n')
    outcome = shop.run("build", "base").assert_ok()
    assert masked(outcome.stderr).splitlines()[:3] == [
        "================================= okplug build =================================",
        "Using cindy @ okteto.test as context",
        "root: ROOT",
    ]
    outcome = shop.run("build", "base", "--namespace", "david").assert_ok()
    assert "\nUsing david @ okteto.test as context\n" in outcome.stderr
    outcome = shop.run("build", "base", "-o", "context=").assert_ok()
    assert "\nUsing cindy @ memory, as registry.test\n" in outcome.stderr
    outcome = shop.run("build", "base", "-o", "context=", "-o", "namespace=").assert_ok()
    assert "\nUsing memory, as registry.test\n" in outcome.stderr


class Seen:
    """Keeps the run's surroundings."""

    def __init__(self) -> None:
        self.configs: list[Config] = []

    @hookimpl
    def okplug_configure(self, config: Config) -> None:
        """Keep it."""
        self.configs.append(config)


@pytest.mark.usefixtures("file")
@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, "HOME/okteto"),
        ({"DOCKER_CONFIG": "/etc/docker"}, "/etc/docker"),
        ({"OKPLUG_DOCKER_CONFIG": "here"}, "ROOT/here"),
    ],
)
def test_credentials_are_those_of_the_context(
    workspace: Workspace, environ: dict[str, str], expected: str
) -> None:
    seen = Seen()
    argv = ("config", "--context", "okteto.example.com")
    workspace.run(*argv, plugins=[Pass(), seen], environ=environ).assert_ok()
    found = seen.configs[0].environ["DOCKER_CONFIG"]
    found = found.replace(str(workspace.home), "HOME").replace(str(workspace.root), "ROOT")
    assert found == expected


def test_without_a_context_the_environment_is_what_it_is(workspace: Workspace) -> None:
    seen = Seen()
    workspace.run("config", plugins=[seen]).assert_ok()
    assert seen.configs[0].environ == workspace.environ
