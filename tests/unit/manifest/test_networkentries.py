from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.unit.manifest.conftest import Workspace

ENTRY = "build:\n  api:\n    context: api\n"


@pytest.mark.parametrize(
    ("value", "network"), [("none", "none"), ("host", "host"), ("default", ""), ("$NET", "none")]
)
def test_networks(workspace: Workspace, value: str, network: str) -> None:
    workspace.environ["NET"] = "none"
    assert workspace.image(f"{ENTRY}    network: {value}\n").network == network


def test_a_network_that_builds_cannot_have(workspace: Workspace) -> None:
    assert workspace.error(f"{ENTRY}    network: hots\n") == (
        "ROOT/okteto.yaml:4:14: build.api.network: there is no network 'hots' for builds, "
        "did you mean 'host'?\n"
        "  hint: the networks are none, host, default"
    )


@pytest.mark.parametrize(
    "value",
    [
        "{db: 10.1.2.3, six: '::1'}",
        "['db:10.1.2.3', 'six:::1']",
        "['db=10.1.2.3', 'six=[::1]']",
        "['db:$IP', 'six:[::1]']",
        "{db: $IP, six: '[0:0::1]'}",
    ],
)
def test_hosts(workspace: Workspace, value: str) -> None:
    workspace.environ["IP"] = "10.1.2.3"
    image = workspace.image(f"{ENTRY}    extra_hosts: {value}\n")
    assert image.extra_hosts == (("db", "10.1.2.3"), ("six", "::1"))


def test_a_host_may_have_several_addresses(workspace: Workspace) -> None:
    image = workspace.image(f"{ENTRY}    extra_hosts: ['db:10.1.2.3', 'b:1.1.1.1', 'db:::1']\n")
    assert image.extra_hosts == (("db", "10.1.2.3"), ("db", "::1"), ("b", "1.1.1.1"))


@pytest.mark.parametrize(
    ("value", "name", "text"),
    [
        ("['db:host-gateway']", "db", "host-gateway"),
        ("{db: 10.1.2}", "db", "10.1.2"),
        ("[db]", "db", ""),
        ("['=1.2.3.4']", "", "1.2.3.4"),
        ("{db: }", "db", ""),
    ],
)
def test_what_is_no_host_with_its_address(
    workspace: Workspace, value: str, name: str, text: str
) -> None:
    assert (
        f"build.api.extra_hosts: expected a host and its IP address, found {name!r} and {text!r}"
    ) in workspace.error(f"{ENTRY}    extra_hosts: {value}\n")


@pytest.mark.parametrize(
    ("value", "agents"),
    [
        ("default", ("default",)),
        ("[default, git=run/agent.sock]", ("default", "git=ROOT/run/agent.sock")),
        ("git=/run/agent.sock", ("git=/run/agent.sock",)),
        ("git=~/agent.sock", ("git=~/agent.sock",)),
        ("git=$AGENT", ("git=/tmp/agent",)),
    ],
)
def test_agents(workspace: Workspace, value: str, agents: tuple[str, ...]) -> None:
    workspace.environ["AGENT"] = "/tmp/agent"
    found = workspace.image(f"{ENTRY}    ssh: {value}\n").ssh
    assert tuple(text.replace(str(workspace.root), "ROOT") for text in found) == agents


@pytest.mark.parametrize(
    ("value", "problem"),
    [("[a=/x, a]", "the agent a is given twice"), ("=/x", "=/x has no id")],
)
def test_agents_have_one_id_each(workspace: Workspace, value: str, problem: str) -> None:
    message = workspace.error(f"{ENTRY}    ssh: {value}\n")
    assert f"build.api.ssh: {problem}\n  hint: write ID, or ID=PATH" in message
