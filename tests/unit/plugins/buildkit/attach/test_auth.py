"""Credentials for the daemon."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from okplug.credentials import Credentials
from okplug.errors import UsageError
from okplug_buildkit.attach import auth
from okplug_buildkit.proto import auth_pb2
from okplug_buildkit.rpc import Code, RpcError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HOST = "registry.example.com:5000"
METHOD = "/moby.filesync.v1.Auth/Credentials"


@pytest.fixture
def login(tmp_path: Path, ask: Callable[..., bytes]) -> Callable[..., tuple[str, str]]:
    """Return what asks for a host's credentials, with a file of credentials."""

    def login(host: str, auths: Any, target: str = "") -> tuple[str, str]:
        (tmp_path / "config.json").write_text(json.dumps({"auths": auths}))
        credentials = Credentials({"DOCKER_CONFIG": str(tmp_path)})
        handlers = auth.handlers(credentials, {host: target} if target else None)
        request = auth_pb2.CredentialsRequest(host=host).SerializeToString()
        answer = auth_pb2.CredentialsResponse.FromString(ask(handlers[METHOD], request))
        return answer.username, answer.secret

    return login


def entry(username: str, secret: str) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{username}:{secret}".encode()).decode()}


def test_the_daemon_gets_user_and_secret(login: Callable[..., tuple[str, str]]) -> None:
    assert login(HOST, {HOST: entry("cindy", "s3cret")}) == ("cindy", "s3cret")


def test_nobody_is_nobody(login: Callable[..., tuple[str, str]]) -> None:
    assert login(HOST, {}) == ("", "")


def test_docker_hub_is_asked_for_by_the_name_of_its_server(
    login: Callable[..., tuple[str, str]],
) -> None:
    auths = {"https://index.docker.io/v1/": entry("u", "p")}
    assert login("registry-1.docker.io", auths) == ("u", "p")


def test_an_identity_token_has_no_user(login: Callable[..., tuple[str, str]]) -> None:
    assert login(HOST, {HOST: {**entry("0", ""), "identitytoken": "t"}}) == ("", "t")


def test_credentials_of_the_namespace_that_is_written_to_count(
    login: Callable[..., tuple[str, str]],
) -> None:
    auths = {f"{HOST}/team": entry("team", "1"), HOST: entry("all", "2")}
    assert login(HOST, auths) == ("all", "2")
    assert login(HOST, auths, target="team/app") == ("team", "1")


def test_a_registry_token_cannot_be_given(login: Callable[..., tuple[str, str]]) -> None:
    with pytest.raises(RpcError, match=r"are a registry token") as caught:
        login(HOST, {HOST: {"registrytoken": "s3cret"}})
    assert caught.value.code == Code.FAILED_PRECONDITION
    assert "s3cret" not in caught.value.message


def test_a_broken_file_is_the_users_error(login: Callable[..., tuple[str, str]]) -> None:
    with pytest.raises(UsageError, match=r"config\.json:1:12: registry"):
        login(HOST, {HOST: "s3cret"})


def test_the_methods_with_which_this_side_would_fetch_tokens_are_not_served() -> None:
    assert list(auth.handlers(Credentials({}))) == [METHOD]
