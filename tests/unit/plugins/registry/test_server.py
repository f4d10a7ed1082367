"""Where a registry's API is, how it is spoken to, and what its refusals come to."""

from __future__ import annotations

import ssl
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from okplug.credentials import Credentials
from okplug_registry.failures import StatusError, UnreachableError
from okplug_registry.server import Address, Call, Server
from okplug_registry.transport import Request, Transport
from tests.unit.plugins.registry.fakehost import HANG_UP, Answer, Host, refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import urllib3

TAGS = "/v2/okteto/api/tags/list"
CALL = Call("GET", "okteto/api", "tags/list", "list the tags")


@pytest.fixture
def guessing(host: Host, transport: Transport, environ: dict[str, str]) -> Server:
    """Return a server of which nobody has said whether it speaks TLS."""
    return Server(Address(host.host, host.host, ""), transport, Credentials(environ))


@pytest.fixture
def behind_proxy(host: Host, transport: Transport, environ: dict[str, str]) -> Iterator[Server]:
    """Return a server that is asked by TLS, and whose TLS somebody before it ends."""

    class Ended(Transport):
        def send(self, request: Request) -> urllib3.BaseHTTPResponse:
            plain = request.url.replace("https://registry.test", host.url)
            return transport.send(replace(request, url=plain))

    ended = Ended(environ, ssl.create_default_context)
    yield Server(Address("registry.test", "registry.test"), ended, Credentials(environ))
    ended.close()


# ------------------------------------------------------------------------------------------- scheme


def test_a_server_without_tls_is_spoken_to_without(host: Host, guessing: Server) -> None:
    host.on(f"GET {TAGS}", Answer(200, b"{}"))
    for _ in range(3):
        assert guessing.call(CALL, 200).status == 200
    assert [asked.line for asked in host.asked] == ["GET /v2/", *[f"GET {TAGS}"] * 3]


@pytest.mark.parametrize("status", [200, 401, 403, 404, 405])
def test_any_answer_of_a_registry_is_one(host: Host, guessing: Server, status: int) -> None:
    host.on("GET /v2/", Answer(status))
    host.on(f"GET {TAGS}", Answer(200, b"{}"))
    assert guessing.call(CALL, 200).status == 200


@pytest.mark.parametrize(
    "answer",
    [
        Answer(400, b"Client sent an HTTP request to an HTTPS server.\n"),
        Answer(301, headers={"Location": "https://registry.test/v2/"}),
        HANG_UP,
    ],
    ids=["told so", "redirected", "hung up on"],
)
def test_a_server_with_tls_is_found_out(host: Host, guessing: Server, answer: Answer) -> None:
    host.on("GET /v2/", answer)
    with pytest.raises(UnreachableError, match="does not speak TLS"):  # which it was asked to
        guessing.call(CALL, 200)


def test_the_scheme_is_asked_for_without_credentials(
    host: Host, guessing: Server, log_in: Callable[..., None]
) -> None:
    log_in(host.host, auth="Y2luZHk6aHVudGVyMg==")
    host.on("GET /v2/", Answer(401, headers={"WWW-Authenticate": "Basic"}))
    host.on(f"GET {TAGS}", Answer(200, b"{}"))
    guessing.call(CALL, 200)
    assert all("authorization" not in asked.headers for asked in host.asked)


def test_threads_ask_for_the_scheme_once(host: Host, guessing: Server) -> None:
    host.on(f"GET {TAGS}", Answer(200, b"{}"))
    threads = [threading.Thread(target=guessing.call, args=(CALL, 200)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [asked.line for asked in host.asked].count("GET /v2/") == 1


def test_a_server_that_is_not_there(guessing: Server, host: Host) -> None:
    host.close()
    with pytest.raises(UnreachableError, match=f"^cannot connect to {host.host}: "):
        guessing.call(CALL, 200)
    host.close = lambda: None  # type: ignore[method-assign]  # it is closed


# --------------------------------------------------------------------------------------- locations


def where(server: Server, location: str) -> str:
    response = server.call(CALL, 202)
    assert response.headers["Location"] == location
    return server.location(response, CALL)


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("/v2/x/1?a=b", "{url}/v2/x/1?a=b"),
        ("1", "{url}/v2/okteto/api/tags/1"),
        ("https://storage.test/1", "https://storage.test/1"),
    ],
)
def test_where_to_go_on(host: Host, server: Server, location: str, expected: str) -> None:
    host.on(f"GET {TAGS}", Answer(202, headers={"Location": location}))
    assert where(server, location) == expected.format(url=host.url)


def test_nowhere_to_go_on(host: Host, server: Server) -> None:
    host.on(f"GET {TAGS}", Answer(202))
    assert server.location(server.call(CALL, 202), CALL) == ""


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("http://registry.test/v2/x", "https://registry.test/v2/x"),
        ("http://registry.test:80/v2/x", "https://registry.test/v2/x"),
        ("http://other.test/v2/x", "http://other.test/v2/x"),
        ("https://registry.test:8443/x", "https://registry.test:8443/x"),
    ],
)
def test_a_registry_that_does_not_know_of_its_tls(
    host: Host, behind_proxy: Server, location: str, expected: str
) -> None:
    host.on(f"GET {TAGS}", Answer(202, headers={"Location": location}))
    assert where(behind_proxy, location) == expected


# ----------------------------------------------------------------------------------------- refusals


def refuse(host: Host, server: Server, answer: Answer) -> StatusError:
    host.on(f"GET {TAGS}", answer)
    with pytest.raises(StatusError) as raised:
        server.call(CALL, 200)
    return raised.value


def test_what_the_registry_says_is_shown(host: Host, server: Server) -> None:
    error = refuse(host, server, refused(400, "NAME_INVALID", "invalid\nrepository name"))
    assert error.message == (
        f"{host.host} refuses to list the tags in {host.host}/okteto/api "
        "(400 NAME_INVALID: invalid repository name)"
    )
    assert (error.status, error.codes) == (400, ("NAME_INVALID",))


@pytest.mark.parametrize(
    ("status", "message", "hint"),
    [
        (
            404,
            "{host} has nowhere to list the tags in {host}/okteto/api (404)",
            "create the repository if the registry does not make them by itself, or set namespace",
        ),
        (
            413,
            "{host} takes nothing that large: cannot list the tags in {host}/okteto/api (413)",
            "raise the limit of the registry, or of a proxy before it, for the size of requests",
        ),
        (
            429,
            "{host} has had too many requests of yours to list the tags in {host}/okteto/api (429)",
            "wait a while, or log in with docker login {host}, which raises limits",
        ),
        (
            500,
            "{host} failed to list the tags in {host}/okteto/api (500)",
            "look at its log, and run again",
        ),
        (
            418,
            "{host} refuses to list the tags in {host}/okteto/api (418)",
            "its answer says why; its log may say more",
        ),
        (
            403,
            "{host} asks who you are before you may list the tags in {host}/okteto/api (403)",
            "log in with docker login {host}",
        ),
    ],
)
def test_each_cause_has_its_remedy(
    host: Host, server: Server, status: int, message: str, hint: str
) -> None:
    error = refuse(host, server, Answer(status))
    assert error.message == message.format(host=host.host)
    assert error.hint == hint.format(host=host.host)


def test_a_user_who_is_known_and_may_not(
    host: Host, server: Server, log_in: Callable[..., None]
) -> None:
    log_in(host.host, auth="Y2luZHk6aHVudGVyMg==")
    host.on("GET /v2/x/tags/list", Answer(401, headers={"WWW-Authenticate": "Basic"}), Answer(200))
    server.call(Call("GET", "x", "tags/list", "list"), 200)
    error = refuse(host, server, refused(403, "DENIED", "read only"))
    assert error.message == (
        f"{host.host} does not allow you to list the tags in {host.host}/okteto/api "
        "(403 DENIED: read only)"
    )
    assert error.hint == (
        "ask its owner for the right, set another namespace, or log in with docker login "
        f"{host.host} as somebody else"
    )


def test_how_long_to_wait_is_kept(host: Host, server: Server) -> None:
    host.on("PUT /v2/x/y", refused(429, Retry_After="12"))
    with pytest.raises(StatusError) as raised:
        server.call(Call("PUT", "x", "y", "write", is_repeatable=False), 201)
    assert raised.value.wait == 12


@pytest.mark.parametrize(
    "body", [b"<html>", b"[]", b'{"errors": 5}', b'{"errors": ["x", {}]}', b'{"errors": null}']
)
def test_a_body_that_is_no_registrys(host: Host, server: Server, body: bytes) -> None:
    assert refuse(host, server, Answer(400, body)).message.endswith("(400)")


def test_a_long_explanation_is_cut(host: Host, server: Server) -> None:
    error = refuse(host, server, refused(400, "X", "y" * 5000))
    assert error.message.endswith("yyy...)")
    assert len(error.message) < 500


def test_several_explanations(host: Host, server: Server) -> None:
    body = b'{"errors": [{"code": "A", "message": "a"}, {"code": "B"}, {"message": "c"}]}'
    error = refuse(host, server, Answer(400, body))
    assert error.message.endswith("(400 A: a; B; c)")
    assert error.codes == ("A", "B", "")
