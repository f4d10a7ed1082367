"""From settings to registries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import okplug_registry
from okplug.errors import UsageError
from okplug_registry.opening import address_of, mirror_address, open_registry, open_transport
from okplug_registry.server import Address
from tests.unit.plugins.registry.fakehost import Answer, Host, found, manifest

if TYPE_CHECKING:
    from collections.abc import Callable

    from okplug.config import Config
    from okplug.reference import Reference
    from okplug.testing import Workspace


@pytest.fixture
def configure(workspace: Workspace) -> Callable[..., Config]:
    """Return what makes a configuration with the plugin's settings."""
    return lambda **settings: workspace.config(plugins=[okplug_registry], settings=settings)


@pytest.mark.parametrize(
    ("host", "insecure", "expected"),
    [
        ("registry.test", (), Address("registry.test", "registry.test", "https")),
        ("docker.io", (), Address("docker.io", "registry-1.docker.io", "https")),
        ("localhost:5000", (), Address("localhost:5000", "localhost:5000", "")),
        ("127.0.0.1:5000", (), Address("127.0.0.1:5000", "127.0.0.1:5000", "")),
        ("[::1]:5000", (), Address("[::1]:5000", "[::1]:5000", "")),
        ("registry.test", ("registry.test",), Address("registry.test", "registry.test", "")),
        (
            "registry.test:80",
            ("registry.test",),
            Address("registry.test:80", "registry.test:80", ""),
        ),
        (
            "registry.test:80",
            ("registry.test:81",),
            Address("registry.test:80", "registry.test:80", "https"),
        ),
        ("10.0.0.1:5000", ("10.0.0.1:5000",), Address("10.0.0.1:5000", "10.0.0.1:5000", "")),
    ],
)
def test_where_a_registry_is(host: str, insecure: tuple[str, ...], expected: Address) -> None:
    assert address_of(host, insecure) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://mirror.test", Address("mirror.test", "mirror.test", "https")),
        ("https://mirror.test:8443/", Address("mirror.test:8443", "mirror.test:8443", "https")),
        ("https://mirror.test/hub/", Address("mirror.test", "mirror.test", "https", "hub/")),
        ("http://localhost:5001", Address("localhost:5001", "localhost:5001", "http")),
        ("http://10.0.0.1/a/b", Address("10.0.0.1", "10.0.0.1", "http", "a/b/")),
    ],
)
def test_where_a_mirror_is(url: str, expected: Address) -> None:
    assert mirror_address(url, ["10.0.0.1"]) == expected


def test_a_mirror_without_tls_has_to_be_allowed() -> None:
    with pytest.raises(UsageError) as raised:
        mirror_address("http://mirror.test/hub", [])
    assert str(raised.value) == (
        "registry_mirrors: http://mirror.test/hub is without TLS\n"
        "  hint: write https, or add mirror.test to insecure_registries"
    )


def test_it_says_what_it_is(configure: Callable[..., Config]) -> None:
    config = configure(registry_mirrors="docker.io=https://a.test,docker.io=https://b.test/hub")
    transport = open_transport(config)
    assert open_registry("ghcr.io", config, transport).describe() == "ghcr.io"
    hub = open_registry("docker.io", config, transport)
    assert hub.describe() == "docker.io, read through a.test, b.test"
    assert (hub.host, hub.is_remote) == ("docker.io", True)


def test_nothing_is_connected_and_no_file_read(configure: Callable[..., Config]) -> None:
    config = configure(registry_ca="missing.pem")
    registry = open_registry("registry.invalid", config, open_transport(config))
    assert registry.describe() == "registry.invalid"


def test_a_wrong_file_is_told_when_tls_is_needed(
    configure: Callable[..., Config], api: Reference
) -> None:
    config = configure(registry_ca="missing.pem")
    registry = open_registry("registry.test", config, open_transport(config))
    with pytest.raises(UsageError, match=r"^registry_ca: cannot use .*/shop/missing\.pem"):
        registry.resolve(api)


@pytest.mark.parametrize(("verify", "method"), [(True, "GET"), (False, "HEAD")])
def test_a_look_up_is_one_request(
    configure: Callable[..., Config],
    host: Host,
    api: Reference,
    verify: bool,  # noqa: FBT001  # a column of the table
    method: str,
) -> None:
    host.on("GET /v2/okteto/api/manifests/1.0", found(manifest()))
    host.on("HEAD /v2/okteto/api/manifests/1.0", found(manifest()))
    config = configure(verify_hits=verify)
    transport = open_transport(config)
    assert open_registry(host.host, config, transport).resolve(api)
    transport.close()
    assert host.lines() == [f"{method} /v2/okteto/api/manifests/1.0"]


def test_credentials_are_the_users(
    configure: Callable[..., Config], host: Host, api: Reference, workspace: Workspace
) -> None:
    folder = workspace.home / ".docker"
    folder.mkdir()
    (folder / "config.json").write_text(
        f'{{"auths": {{"{host.host}": {{"auth": "Y2luZHk6aHVudGVyMg=="}}}}}}'
    )
    challenge = {"WWW-Authenticate": "Basic"}
    host.on(
        "GET /v2/okteto/api/manifests/1.0",
        Answer(401, headers=challenge),
        found(manifest()),
    )
    config = configure()
    transport = open_transport(config)
    assert open_registry(host.host, config, transport).resolve(api)
    transport.close()
    assert host.asked[-1].headers["authorization"] == "Basic Y2luZHk6aHVudGVyMg=="
