"""How a registry lets its user in: passwords, tokens, and where they are never sent."""

from __future__ import annotations

import base64
import json
import threading
import time
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import pytest

from okplug.credentials import Credentials
from okplug.errors import RegistryError
from okplug_registry.access import Access
from okplug_registry.failures import StatusError
from okplug_registry.server import PUSH, Address, Call, Server
from tests.unit.plugins.registry.fakehost import Answer, Asked, Host, refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from okplug_registry.transport import Transport

ACCOUNT = base64.b64encode(b"cindy:hunter2").decode()
TAGS = "/v2/okteto/api/tags/list"


def auth(username: str, secret: str) -> str:
    return base64.b64encode(f"{username}:{secret}".encode()).decode()


def only_with(authorization: str, challenge: str) -> Callable[[Asked], Answer]:
    """Return what answers requests that have the header, and challenges the others."""

    def answer(asked: Asked) -> Answer:
        if asked.headers.get("authorization") == authorization:
            return Answer(200, b"{}")
        return refused(401, "UNAUTHORIZED", "who are you", WWW_Authenticate=challenge)

    return answer


def list_tags(server: Server, rights: str = "pull") -> int:
    call = Call("GET", "okteto/api", "tags/list", "list the tags", rights=rights)
    return server.call(call, 200).status


class Tokens:
    """A registry that wants a token, and its token server.

    :param given: how many tokens were given; their texts are ``token-1`` and so on.
    """

    def __init__(self, host: Host, tokens: Host, **answer: object) -> None:
        self.given = 0
        self.valid: set[str] = set()
        self.more = answer
        self.challenge = f'Bearer realm="{tokens.url}/token",service="the tests"'
        host.on(f"GET {TAGS}", self._serve)
        tokens.on("GET /token", self._give)
        tokens.on("POST /token", self._give)

    def _serve(self, asked: Asked) -> Answer:
        if asked.headers.get("authorization", "").removeprefix("Bearer ") in self.valid:
            return Answer(200, b"{}")
        return refused(401, "UNAUTHORIZED", "who are you", WWW_Authenticate=self.challenge)

    def _give(self, asked: Asked) -> Answer:
        del asked
        self.given += 1
        self.valid = {f"token-{self.given}"}
        return Answer(200, json.dumps({"token": f"token-{self.given}", **self.more}).encode())


@pytest.fixture
def token_host(hosts: Callable[[], Host]) -> Host:
    """Return the token server."""
    return hosts()


# ----------------------------------------------------------------------------------------- password


def test_a_password_is_sent_when_it_is_asked_for(
    host: Host, server: Server, log_in: Callable[..., None]
) -> None:
    log_in(host.host, auth=ACCOUNT)
    host.on(f"GET {TAGS}", only_with(f"Basic {ACCOUNT}", 'Basic realm="x"'))
    assert list_tags(server) == 200
    assert [asked.headers.get("authorization") for asked in host.asked] == [
        None,
        f"Basic {ACCOUNT}",
    ]


def test_what_a_registry_asks_for_is_remembered(
    host: Host, server: Server, log_in: Callable[..., None]
) -> None:
    log_in(host.host, auth=ACCOUNT)
    host.on(f"GET {TAGS}", only_with(f"Basic {ACCOUNT}", 'Basic realm="x"'))
    for _ in range(3):
        list_tags(server)
    assert len(host.asked) == 4


def test_without_credentials_the_remedy_is_to_log_in(host: Host, server: Server) -> None:
    host.on(f"GET {TAGS}", only_with("never", 'Basic realm="x"'))
    with pytest.raises(StatusError) as raised:
        list_tags(server)
    assert str(raised.value) == (
        f"{host.host} asks who you are before you may list the tags in {host.host}/okteto/api "
        f"(401 UNAUTHORIZED: who are you)\n  hint: log in with docker login {host.host}"
    )
    assert len(host.asked) == 1


def test_wrong_credentials_are_said_to_be_wrong_and_not_shown(
    host: Host, server: Server, log_in: Callable[..., None]
) -> None:
    log_in(host.host, auth=ACCOUNT)
    host.on(f"GET {TAGS}", only_with("never", 'Basic realm="x"'))
    with pytest.raises(StatusError) as raised:
        list_tags(server)
    assert raised.value.message.startswith(f"{host.host} does not take your credentials")
    assert raised.value.hint == f"log in with docker login {host.host} again"
    assert "hunter2" not in str(raised.value)
    assert ACCOUNT not in str(raised.value)
    assert len(host.asked) == 2


def test_an_authentication_that_okplug_cannot_do(host: Host, server: Server) -> None:
    host.on(f"GET {TAGS}", only_with("never", "Negotiate"))
    with pytest.raises(RegistryError) as raised:
        list_tags(server)
    assert str(raised.value) == (
        f"{host.host} asks for negotiate authentication\n"
        "  hint: okplug knows basic authentication and bearer tokens"
    )


def test_a_refusal_without_a_challenge(host: Host, server: Server) -> None:
    host.on(f"GET {TAGS}", refused(401))
    with pytest.raises(StatusError, match=r"\(401\)"):
        list_tags(server)


# -------------------------------------------------------------------------------------------- token


def test_a_token_without_credentials(host: Host, token_host: Host, server: Server) -> None:
    tokens = Tokens(host, token_host)
    assert list_tags(server) == 200
    (asked,) = token_host.asked
    assert asked.query == {"service": ["the tests"], "scope": ["repository:okteto/api:pull"]}
    assert "authorization" not in asked.headers
    assert tokens.given == 1


def test_a_token_for_a_password(
    host: Host, token_host: Host, server: Server, log_in: Callable[..., None]
) -> None:
    log_in(host.host, auth=ACCOUNT)
    Tokens(host, token_host)
    list_tags(server)
    (asked,) = token_host.asked
    assert asked.headers["authorization"] == f"Basic {ACCOUNT}"
    assert asked.query["account"] == ["cindy"]
    assert ACCOUNT not in "".join(sent.headers.get("authorization", "") for sent in host.asked)


def test_a_token_for_an_identity_token(
    host: Host, token_host: Host, server: Server, log_in: Callable[..., None]
) -> None:
    log_in(host.host, auth=auth("<token>", ""), identitytoken="who-I-am")
    tokens = Tokens(host, token_host)
    tokens.more = {"access_token": "token-1", "token": None}
    assert list_tags(server) == 200
    (asked,) = token_host.asked
    assert asked.method == "POST"
    assert parse_qs(asked.body.decode()) == {
        "grant_type": ["refresh_token"],
        "service": ["the tests"],
        "client_id": ["okplug"],
        "scope": ["repository:okteto/api:pull"],
        "refresh_token": ["who-I-am"],
    }


def test_a_registry_token_is_sent_as_it_is(
    host: Host, server: Server, log_in: Callable[..., None]
) -> None:
    log_in(host.host, registrytoken="made-elsewhere")
    host.on(f"GET {TAGS}", only_with("Bearer made-elsewhere", 'Bearer realm="http://localhost/"'))
    assert list_tags(server) == 200


def test_a_token_serves_until_it_is_old(
    host: Host, token_host: Host, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = Tokens(host, token_host, expires_in=300)
    for _ in range(3):
        list_tags(server)
    assert (tokens.given, len(host.lines())) == (1, 4)
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 299)
    list_tags(server)
    assert (tokens.given, len(host.lines())) == (2, 5)


@pytest.mark.parametrize("life", [None, 0, 5, "12"])
def test_every_token_lives_a_minute(
    host: Host, token_host: Host, server: Server, monkeypatch: pytest.MonkeyPatch, life: object
) -> None:
    tokens = Tokens(host, token_host, expires_in=life)
    list_tags(server)
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 50)
    list_tags(server)
    assert tokens.given == 1


def test_a_token_that_is_taken_back_is_replaced(
    host: Host, token_host: Host, server: Server
) -> None:
    tokens = Tokens(host, token_host)
    list_tags(server)
    tokens.valid = set()
    assert list_tags(server) == 200
    assert tokens.given == 2


def test_a_token_that_is_never_taken_is_asked_for_once_more_only(
    host: Host, token_host: Host, server: Server
) -> None:
    tokens = Tokens(host, token_host)
    host.on(f"GET {TAGS}", refused(401, "UNAUTHORIZED", "no", WWW_Authenticate=tokens.challenge))
    with pytest.raises(StatusError):
        list_tags(server)
    assert (tokens.given, len(host.lines())) == (1, 2)


def test_each_scope_has_its_token(host: Host, token_host: Host, server: Server) -> None:
    Tokens(host, token_host)
    list_tags(server)
    list_tags(server, PUSH)
    assert [asked.query["scope"] for asked in token_host.asked] == [
        ["repository:okteto/api:pull"],
        ["repository:okteto/api:pull,push"],
    ]


def test_threads_share_a_token(
    host: Host, token_host: Host, transport: Transport, environ: dict[str, str]
) -> None:
    tokens = Tokens(host, token_host)
    access = Access(host.host, transport, Credentials(environ), is_plain=True)
    access.learn([tokens.challenge], "repository:x:pull", "")
    threads = [
        threading.Thread(target=access.authorization, args=("x", "repository:x:pull"))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert tokens.given == 1


def test_a_newer_token_of_another_thread_is_kept(
    host: Host, token_host: Host, transport: Transport, environ: dict[str, str]
) -> None:
    tokens = Tokens(host, token_host)
    access = Access(host.host, transport, Credentials(environ), is_plain=True)
    access.learn([tokens.challenge], "s", "")
    assert access.authorization("x", "s") == "Bearer token-1"
    access.learn([tokens.challenge], "s", "Bearer token-0")
    assert access.authorization("x", "s") == "Bearer token-1"
    access.learn([tokens.challenge], "s", "Bearer token-1")
    assert access.authorization("x", "s") == "Bearer token-2"


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"token": ""}', b'{"token": "a\\nb"}', b'{"token": 5}']
)
def test_a_token_server_that_gives_none(
    host: Host, token_host: Host, server: Server, body: bytes
) -> None:
    Tokens(host, token_host)
    token_host.on("GET /token", Answer(200, body))
    with pytest.raises(RegistryError, match=f"^the token server of {host.host} gave no token"):
        list_tags(server)


def test_a_token_server_that_refuses(
    host: Host, token_host: Host, server: Server, log_in: Callable[..., None]
) -> None:
    log_in(host.host, auth=ACCOUNT)
    Tokens(host, token_host)
    token_host.on("GET /token", refused(401, "UNAUTHORIZED", "wrong password"))
    with pytest.raises(StatusError) as raised:
        list_tags(server)
    assert str(raised.value) == (
        f"{host.host} does not take your credentials, which it wants to see to get a token to "
        f"use anything in {host.host}/okteto/api (401 UNAUTHORIZED: wrong password)\n"
        f"  hint: log in with docker login {host.host} again"
    )


def test_a_busy_token_server_is_asked_again(host: Host, token_host: Host, server: Server) -> None:
    tokens = Tokens(host, token_host)
    token_host.on("GET /token", refused(503), tokens._give)
    assert list_tags(server) == 200


def test_tokens_come_before_passwords(
    host: Host, token_host: Host, server: Server, log_in: Callable[..., None]
) -> None:
    log_in(host.host, auth=ACCOUNT)
    tokens = Tokens(host, token_host)
    tokens.challenge = f'Basic realm="x", {tokens.challenge}'
    list_tags(server)
    assert tokens.given == 1
    assert f"Basic {ACCOUNT}" not in [asked.headers.get("authorization") for asked in host.asked]


def test_a_realm_with_a_query_keeps_it(host: Host, token_host: Host, server: Server) -> None:
    tokens = Tokens(host, token_host)
    tokens.challenge = tokens.challenge.replace("/token", "/token?zone=1")
    list_tags(server)
    assert token_host.asked[0].query["zone"] == ["1"]


def test_credentials_are_not_sent_without_tls_to_another_host(
    host: Host, transport: Transport, environ: dict[str, str]
) -> None:
    access = Access(host.host, transport, Credentials(environ), is_plain=False)
    with pytest.raises(RegistryError) as raised:
        access.learn(['Bearer realm="http://auth.example.com/token"'], "s", "")
    assert str(raised.value) == (
        f"{host.host} wants credentials sent without TLS, to auth.example.com\n"
        "  hint: its operator is to give the token server an https address"
    )
    access.learn(['Bearer realm="https://auth.example.com/token"'], "s", "")
    access.learn(['Bearer realm="http://127.0.0.1:1/token"'], "s", "")


@pytest.mark.parametrize("realm", ["", "file:///etc/passwd", "token"])
def test_a_realm_that_is_no_url_is_no_token_server(
    host: Host, transport: Transport, environ: dict[str, str], realm: str
) -> None:
    access = Access(host.host, transport, Credentials(environ), is_plain=True)
    with pytest.raises(RegistryError, match="asks for bearer authentication"):
        access.learn([f'Bearer realm="{realm}"'], "s", "")


def test_nothing_secret_is_shown(
    host: Host, token_host: Host, transport: Transport, environ: dict[str, str]
) -> None:
    tokens = Tokens(host, token_host)
    access = Access(host.host, transport, Credentials(environ), is_plain=True)
    access.learn([tokens.challenge], "s", "")
    access.authorization("x", "s")
    assert "token-1" not in f"{access!r} {vars(access)!r}"


def test_a_mirror_is_known_by_its_own_host(
    host: Host, transport: Transport, environ: dict[str, str], log_in: Callable[..., None]
) -> None:
    log_in("registry.test", auth=ACCOUNT)
    address = Address("mirror.test", host.host, "http", "hub/")
    server = Server(address, transport, Credentials(environ))
    host.on("GET /v2/hub/okteto/api/tags/list", only_with(f"Basic {ACCOUNT}", "Basic"))
    with pytest.raises(StatusError, match=r"^mirror\.test asks who you are"):
        list_tags(server)
    assert "authorization" not in host.asked[-1].headers
