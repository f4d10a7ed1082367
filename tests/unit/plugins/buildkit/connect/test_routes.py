"""Which target, name and credentials gRPC gets for an address."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from okplug import UsageError
from okplug_buildkit.connect.addresses import parse_address
from okplug_buildkit.connect.options import ChannelOptions
from okplug_buildkit.connect.routes import Route, find_route, is_loopback, unix_target
from okplug_buildkit.connect.tls import TLSFiles, load_tls
from tests.fakedaemon import FakeDaemon

if TYPE_CHECKING:
    from pathlib import Path

    from tests.certificates import Authority

NAMES = ("builder_ca", "builder_cert", "builder_key")


def route(address: str, options: ChannelOptions | None = None) -> Route:
    return find_route(parse_address(address), options or ChannelOptions())


@pytest.mark.parametrize(
    ("address", "target", "authority"),
    [
        ("tcp://build:1234", "build:1234", "build"),
        ("tcp://[::1]:1234", "[::1]:1234", "::1"),
        ("unix:///run/kit.sock", "unix:/run/kit.sock", "localhost"),
        ("unix:///a b/ü%41?", "unix:/a%20b/%C3%BC%2541%3F", "localhost"),
    ],
)
def test_a_daemon_that_grpc_reaches_itself(address: str, target: str, authority: str) -> None:
    assert route(address) == Route(target, authority)


def test_a_path_need_not_be_utf_8() -> None:
    assert unix_target("/a\udcff") == "unix:/a%FF"


@pytest.mark.parametrize(
    "address", ["docker-container://kit", "kube-pod://kit", "ssh://build", "docker:///nowhere"]
)
def test_others_are_reached_through_a_relay(address: str) -> None:
    found = route(address)
    assert found.relay is not None
    with closing(found.relay):
        assert found == Route(found.relay.target, relay=found.relay)
        assert found.target.startswith("unix")


def test_an_engine_that_speaks_grpc_is_reached_directly(short_folder: Path) -> None:
    path = short_folder / "docker.sock"
    with FakeDaemon(f"unix:{path}"):
        assert route(f"docker://{path}") == Route(f"unix:{path}")


def test_a_daemon_of_our_own_has_to_be_started_first() -> None:
    with pytest.raises(ValueError, match="nothing is known of how to reach buildkitd://"):
        route("buildkitd://")


def test_tls_is_for_ports(authority: Authority) -> None:
    tls = load_tls(TLSFiles(authority.ca, server_name="buildkit.test"), NAMES)
    options = ChannelOptions(tls=tls)
    assert route("tcp://127.0.0.1:1", options) == Route("127.0.0.1:1", "buildkit.test", tls)
    assert route("unix:///s", options).tls is None


@pytest.mark.parametrize(
    "address", ["tcp://127.0.0.1:1", "tcp://[::1]:1", "tcp://localhost:1", "unix:///s"]
)
def test_a_token_may_go_where_nobody_listens(address: str) -> None:
    assert route(address, ChannelOptions(token="opensesame")).token == "opensesame"


def test_a_token_goes_through_a_relay() -> None:
    found = route("ssh://build", ChannelOptions(token="opensesame"))
    assert found.relay is not None
    found.relay.close()
    assert found.token == "opensesame"


def test_a_token_goes_through_tls(authority: Authority) -> None:
    tls = load_tls(TLSFiles(authority.ca), NAMES)
    found = route("tcp://build.example.com:1", ChannelOptions(tls=tls, token="opensesame"))
    assert found == Route("build.example.com:1", "build.example.com", tls, "opensesame")


def test_a_token_does_not_go_over_a_network_in_the_clear() -> None:
    with pytest.raises(UsageError) as caught:
        route("tcp://build.example.com:1", ChannelOptions(token="opensesame"))
    assert caught.value.message == (
        "builder_token is set, and the connection to tcp://build.example.com:1 "
        "would not be encrypted"
    )
    assert "builder_ca" in caught.value.hint
    assert "opensesame" not in str(caught.value)


def test_a_token_is_no_business_of_an_engines() -> None:
    found = route("docker:///nowhere", ChannelOptions(token="opensesame"))
    assert found.relay is not None
    found.relay.close()
    assert found.token == ""


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("localhost", True),
        ("kit.localhost", True),
        ("10.0.0.1", False),
        ("::2", False),
        ("localhost.example.com", False),
        ("notlocalhost", False),
    ],
)
def test_which_hosts_are_this_machine(host: str, expected: bool) -> None:  # noqa: FBT001  # a row of the table
    assert is_loopback(host) is expected
