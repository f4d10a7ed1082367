"""Where a Docker engine is, as Docker's own client finds it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from okplug import UsageError
from okplug_buildkit.connect.addresses import parse_address
from okplug_buildkit.connect.endpoints import DEFAULT_SOCKET, Endpoint, engine_endpoint

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.certificates import Authority


def endpoint(address: str, **environ: str) -> Endpoint:
    return engine_endpoint(parse_address(address), environ)


@pytest.mark.parametrize(
    ("address", "host", "expected"),
    [
        ("docker://", "", f"unix://{DEFAULT_SOCKET}"),
        ("docker://", "unix:///run/user/1/docker.sock", "unix:///run/user/1/docker.sock"),
        ("docker://", "tcp://engine:1", "tcp://engine:1"),
        ("docker://", "tcp://engine", "tcp://engine:2375"),
        ("docker://", "tcp://[::1]", "tcp://[::1]:2375"),
        ("docker://", "tcp://[::1]:1", "tcp://[::1]:1"),
        ("docker://", "ssh://me@build", "ssh://me@build"),
        ("docker:///run/docker.sock", "tcp://engine:1", "unix:///run/docker.sock"),
        ("docker://engine:1", "tcp://other:1", "tcp://engine:1"),
        ("docker://engine", "", "tcp://engine:2375"),
    ],
)
def test_where_an_engine_is(address: str, host: str, expected: str) -> None:
    found = endpoint(address, DOCKER_HOST=host)
    assert (str(found), found.tls) == (expected, None)


@pytest.mark.parametrize(
    ("host", "message"),
    [
        ("tcp://", "DOCKER_HOST: 'tcp://': it names no host"),
        ("npipe:////./pipe/docker", "there is no scheme 'npipe'"),
        ("kube-pod://x", "DOCKER_HOST: 'kube-pod://x' is no engine's address"),
        ("docker://", "DOCKER_HOST: 'docker://' is no engine's address"),
    ],
)
def test_a_variable_that_leads_nowhere(host: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        endpoint("docker://", DOCKER_HOST=host)
    assert message in caught.value.message
    assert caught.value.hint


@pytest.fixture
def cert_path(authority: Authority, tmp_path: Path) -> Path:
    """A folder of certificates as Docker's client wants it."""
    (tmp_path / ".docker").mkdir()
    for name, source in [
        ("ca.pem", "ca.pem"),
        ("cert.pem", "client.pem"),
        ("key.pem", "client.key"),
    ]:
        (tmp_path / ".docker" / name).write_bytes((authority.folder / source).read_bytes())
    return tmp_path / ".docker"


def test_tls_has_a_port_and_files_of_its_own(cert_path: Path) -> None:
    found = endpoint(
        "docker://",
        DOCKER_HOST="tcp://engine",
        DOCKER_TLS_VERIFY="1",
        DOCKER_CERT_PATH=str(cert_path),
    )
    assert str(found) == "tcp://engine:2376"
    assert found.tls is not None
    assert found.tls.cert == (cert_path / "cert.pem").read_bytes()


def test_the_files_are_at_home_unless_a_variable_says_where(cert_path: Path) -> None:
    home = str(cert_path.parent)
    found = endpoint("docker://engine:1", DOCKER_TLS_VERIFY="1", HOME=home)
    assert str(found) == "tcp://engine:1"
    assert found.tls is not None
    assert found.tls.files.ca == cert_path / "ca.pem"


def test_a_socket_is_not_encrypted(cert_path: Path) -> None:
    found = endpoint("docker://", DOCKER_TLS_VERIFY="1", DOCKER_CERT_PATH=str(cert_path))
    assert found.tls is None


def test_a_file_that_is_missing_is_named(cert_path: Path) -> None:
    (cert_path / "key.pem").unlink()
    with pytest.raises(UsageError, match=r"^DOCKER_CERT_PATH/key\.pem: cannot read "):
        endpoint("docker://engine", DOCKER_TLS_VERIFY="1", DOCKER_CERT_PATH=str(cert_path))


def test_the_engine_of_a_context(docker_contexts: Callable[..., dict[str, str]]) -> None:
    environ = docker_contexts("far", "ssh://me@far", current=True)
    assert str(endpoint("docker://", **environ)) == "ssh://me@far"
    assert str(endpoint("docker://", DOCKER_HOST="tcp://near", **environ)) == "tcp://near:2375"
    assert str(endpoint("docker://other:1", **environ)) == "tcp://other:1"
    assert str(endpoint("docker:///s", **environ)) == "unix:///s"
    assert str(endpoint("docker://", DOCKER_CONTEXT="default", **environ)).endswith("docker.sock")


def test_a_context_has_tls_of_its_own(
    docker_contexts: Callable[..., dict[str, str]], authority: Authority
) -> None:
    files = {"ca.pem": authority.folder / "ca.pem"}
    environ = docker_contexts("far", "tcp://far", current=True, tls=files)
    found = endpoint("docker://", **environ)
    assert str(found) == "tcp://far:2376"
    assert found.tls is not None
    assert found.tls.files.ca is not None
    assert (found.tls.files.cert, found.tls.files.key) == (None, None)


def test_variables_for_tls_are_none_of_a_context_s(
    docker_contexts: Callable[..., dict[str, str]],
) -> None:
    environ = docker_contexts("far", "tcp://far", current=True)
    assert str(endpoint("docker://", DOCKER_TLS_VERIFY="1", **environ)) == "tcp://far:2375"


def test_a_context_that_leads_nowhere(docker_contexts: Callable[..., dict[str, str]]) -> None:
    environ = docker_contexts("far", "kube-pod://x", current=True)
    with pytest.raises(UsageError, match="the Docker context 'far': 'kube-pod://x' is no engine"):
        endpoint("docker://", **environ)
