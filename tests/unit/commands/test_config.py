from __future__ import annotations

import json
from typing import TYPE_CHECKING

from okplug import Setting, hookimpl

if TYPE_CHECKING:
    from okplug import Parser
    from okplug.testing import Workspace


def test_every_setting_is_shown_with_its_origin(workspace: Workspace) -> None:
    workspace.write(
        {"okplug.toml": "# ours\nnames = '{folder}/{name}'\nexclude = ['old', 'tmp']\n"}
    )
    outcome = workspace.run(
        *("config", "-j", "4", "--registry", "registry.example.com"),
        environ={"OKPLUG_MANIFESTS": "x", "OKPLUG_DISABLE_PLUGIN_AUTOLOAD": "1"},
    ).assert_ok()
    assert outcome.stdout == (
        f"root: {workspace.root}\n"
        "registry          registry.example.com  (command line)\n"
        "context                                 (default)\n"
        "namespace         cindy                 (default)\n"
        "global_namespace  okteto                (default)\n"
        "builder           embedded              (environment OKPLUG_BUILDER)\n"
        "jobs              4                     (command line)\n"
        "smart_builds      true                  (default)\n"
        "platform          linux/amd64           (environment OKPLUG_PLATFORM)\n"
        "manifests         x                     (environment OKPLUG_MANIFESTS)\n"
        "exclude           old,tmp               (okplug.toml:3)\n"
        "names             {folder}/{name}       (okplug.toml:2)\n"
        "track_bases       false                 (default)\n"
        "verify_hits       true                  (default)\n"
        "parallel_lookups  true                  (default)\n"
        "publish_records   true                  (default)\n"
        "progress          auto                  (default)\n"
        "plugins                                 (default)\n"
        "docker_config                           (default)\n"
        "admin_variables   true                  (default)\n"
        "admin_ttl         300                   (default)\n"
    )


def test_a_long_value_does_not_push_the_origins_of_others_aside(workspace: Workspace) -> None:
    long = ",".join(f"folder-{number}" for number in range(100))
    lines = workspace.run("config", "-o", f"exclude={long}").assert_ok().stdout.splitlines()
    assert [line for line in lines if line.endswith(f"  {long}  (command line)")]
    (short,) = [line for line in lines if line.startswith("verify_hits ")]
    assert len(short) < 100


def test_the_same_as_json(workspace: Workspace) -> None:
    outcome = workspace.run("config", "--json", "-o", "exclude=a,b", "-o", "smart_builds=no")
    document = json.loads(outcome.assert_ok().stdout)
    assert document["root"] == str(workspace.root)
    settings = {entry.pop("name"): entry for entry in document["settings"]}
    assert settings["exclude"] == {"value": ["a", "b"], "origin": "command line"}
    assert settings["smart_builds"] == {"value": False, "origin": "command line"}
    assert settings["jobs"] == {"value": 0, "origin": "default"}


def test_a_wrong_setting_is_an_error_at_its_place(workspace: Workspace) -> None:
    workspace.write({"okplug.toml": "jobs = 2\nverify_hit = true\n"})
    assert workspace.run("config").assert_exit(4).stderr == (
        "error: okplug.toml:2: there is no setting 'verify_hit', did you mean 'verify_hits'?\n"
        "  hint: okplug config lists the settings\n"
    )


class Secretive:
    """A plugin with a secret setting."""

    @hookimpl
    def okplug_addoption(self, parser: Parser) -> None:
        """Add the setting."""
        parser.add_setting(Setting("token", "text", "", "a token", secret=True))


def test_secrets_are_not_shown(workspace: Workspace) -> None:
    environ = {"OKPLUG_TOKEN": "opensesame"}
    outcome = workspace.run("config", plugins=[Secretive()], environ=environ).assert_ok()
    assert "\ntoken " in outcome.stdout
    assert "***" in outcome.stdout
    document = workspace.run("config", "--json", plugins=[Secretive()], environ=environ)
    assert {"name": "token", "value": "***", "origin": "environment OKPLUG_TOKEN"} in json.loads(
        document.stdout
    )["settings"]
    assert "opensesame" not in outcome.stdout + document.stdout
