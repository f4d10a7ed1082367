"""Requests: patience, redirects, proxies, and what is said when nothing works."""

from __future__ import annotations

import base64
import socket
import ssl
import time
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

import okplug
from okplug.errors import RegistryError, UsageError
from okplug_registry.failures import UnreachableError
from okplug_registry.transport import LONGEST_WAIT, Request, Transport, finish, is_same_origin
from tests.unit.plugins.registry.fakehost import HANG_UP, Answer, Host

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the times that are waited, which pass at once."""
    taken: list[float] = []
    monkeypatch.setattr(time, "sleep", taken.append)
    return taken


@pytest.fixture
def closed_port() -> str:
    """Return a host with a port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"


def get(transport: Transport, url: str, **fields: object) -> tuple[int, bytes]:
    response = transport.send(Request("GET", url, **fields))  # type: ignore[arg-type]  # as given
    return response.status, finish(response)


def test_an_answer(host: Host, transport: Transport) -> None:
    host.on("GET /x", Answer(200, b"hello"))
    assert get(transport, f"{host.url}/x", headers={"X-Mine": "1"}) == (200, b"hello")
    (asked,) = host.asked
    assert asked.headers["user-agent"] == f"okplug/{okplug.__version__}"
    assert asked.headers["x-mine"] == "1"


def test_a_refusal_is_an_answer(host: Host, transport: Transport) -> None:
    host.on("GET /x", Answer(403, b"no"))
    assert get(transport, f"{host.url}/x") == (403, b"no")
    assert len(host.asked) == 1


# ----------------------------------------------------------------------------------------- patience


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_busy_server_is_asked_again(host: Host, transport: Transport, status: int) -> None:
    host.on("GET /x", Answer(status), Answer(status), Answer(200, b"done"))
    assert get(transport, f"{host.url}/x") == (200, b"done")
    assert len(host.asked) == 3


def test_a_server_that_stays_busy_has_the_last_word(host: Host, transport: Transport) -> None:
    host.on("GET /x", Answer(503, b"busy"))
    assert get(transport, f"{host.url}/x") == (503, b"busy")
    assert len(host.asked) == 5


def test_it_waits_as_long_as_it_is_asked_to(
    host: Host, transport: Transport, naps: list[float]
) -> None:
    host.on(
        "GET /x",
        Answer(429, headers={"Retry-After": "7"}),
        Answer(503, headers={"Retry-After": "86400"}),
        Answer(200),
    )
    assert get(transport, f"{host.url}/x")[0] == 200
    assert naps == [7, LONGEST_WAIT]


def test_a_wait_that_cannot_be_read_is_none(
    host: Host, transport: Transport, naps: list[float]
) -> None:
    host.on("GET /x", Answer(503, headers={"Retry-After": "soon"}), Answer(200))
    assert get(transport, f"{host.url}/x")[0] == 200
    assert naps == []


def test_tries_are_further_and_further_apart(
    host: Host, environ: dict[str, str], naps: list[float]
) -> None:
    transport = Transport(environ, ssl.create_default_context, pause=1)
    host.on("GET /x", Answer(503))
    get(transport, f"{host.url}/x")
    transport.close()
    assert len(naps) == 3
    assert all(later > earlier for earlier, later in pairwise(naps))


def test_a_connection_that_breaks_is_made_anew(host: Host, transport: Transport) -> None:
    host.on("GET /x", HANG_UP, Answer(200, b"whole", sent=2), Answer(200, b"whole"))
    assert get(transport, f"{host.url}/x") == (200, b"whole")


def test_a_connection_that_breaks_again_and_again(host: Host, transport: Transport) -> None:
    host.on("GET /x", HANG_UP)
    with pytest.raises(UnreachableError) as raised:
        get(transport, f"{host.url}/x?token=hunter2")
    assert str(raised.value) == (
        f"the connection to {host.host} broke: it was closed without an answer\n"
        "  hint: run again; what is stored already is not sent again"
    )
    assert not raised.value.is_dead


def test_what_must_not_be_repeated_is_not(host: Host, transport: Transport) -> None:
    for answer in (Answer(503, headers={"Retry-After": "1"}), Answer(429), HANG_UP):
        host.asked.clear()
        host.on("PATCH /x", answer)
        request = Request("PATCH", f"{host.url}/x", body=b"1", is_repeatable=False)
        if answer == HANG_UP:
            with pytest.raises(UnreachableError):
                transport.send(request)
        else:
            assert transport.send(request).status == answer.status
        assert len(host.asked) == 1


def test_a_body_of_pieces_is_made_for_each_request(host: Host, transport: Transport) -> None:
    host.on("PUT /x", Answer(201))

    def body() -> Iterator[bytes]:
        yield from (b"one", b"two")

    request = Request("PUT", f"{host.url}/x", {"Content-Length": "6"}, body)
    for _ in range(2):
        finish(transport.send(request))
    assert [asked.body for asked in host.asked] == [b"onetwo"] * 2


def test_a_slow_server(host: Host, environ: dict[str, str]) -> None:
    transport = Transport(environ, ssl.create_default_context, timeout=0.05, pause=0)

    def slow(_: object) -> Answer:
        time.sleep(0.3)
        return Answer()

    host.on("PUT /x", slow)
    with pytest.raises(UnreachableError) as raised:
        transport.send(Request("PUT", f"{host.url}/x", is_repeatable=False))
    transport.close()
    assert str(raised.value) == (
        f"{host.host} takes too long to answer\n  hint: raise the setting registry_timeout"
    )


# ---------------------------------------------------------------------------------- no connection


def test_nobody_is_there(transport: Transport, closed_port: str) -> None:
    with pytest.raises(UnreachableError) as raised:
        get(transport, f"http://{closed_port}/x")
    assert str(raised.value) == (
        f"cannot connect to {closed_port}: Connection refused\n"
        "  hint: is the registry up, and this its port?"
    )
    assert raised.value.__cause__ is None


def test_a_host_that_is_down_is_not_tried_for_every_image(
    transport: Transport, closed_port: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UnreachableError):
        get(transport, f"http://{closed_port}/x")

    def unwanted(_: str) -> None:
        pytest.fail("it was tried")

    monkeypatch.setattr(transport, "_pool", unwanted)
    with pytest.raises(UnreachableError, match=f"^cannot connect to {closed_port}: "):
        get(transport, f"http://{closed_port}/y")


def test_a_host_that_is_down_is_tried_again_later(
    transport: Transport, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.on("GET /x", Answer(200))
    transport._dead[host.host] = (time.monotonic() + 60, UnreachableError("it is down"))
    with pytest.raises(UnreachableError, match=r"^it is down"):
        get(transport, f"{host.url}/x")
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 61)
    assert get(transport, f"{host.url}/x")[0] == 200


def test_a_name_that_does_not_exist(transport: Transport) -> None:
    with pytest.raises(UnreachableError) as raised:
        get(transport, "http://registry.invalid/x")
    assert str(raised.value) == (
        "there is no host registry.invalid\n  hint: look for a typing error, or for a VPN"
    )


def test_a_server_without_tls(transport: Transport, host: Host) -> None:
    with pytest.raises(UnreachableError) as raised:
        get(transport, f"https://{host.host}/x")
    assert str(raised.value) == (
        f"{host.host} does not speak TLS\n"
        "  hint: if that is as it should be, add it to the setting insecure_registries"
    )


def test_what_is_no_http(transport: Transport) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)
        import threading

        def talk() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"220 mail.test ESMTP\r\n")

        thread = threading.Thread(target=talk)
        thread.start()
        name = f"127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(UnreachableError, match=f"^the connection to {name} broke: the answer"):
            transport.send(Request("PUT", f"http://{name}/", is_repeatable=False))
        thread.join()


# --------------------------------------------------------------------------------------- redirects


def test_a_redirect_on_the_same_host_keeps_the_credentials(
    host: Host, transport: Transport
) -> None:
    host.on("GET /x", Answer(307, headers={"Location": "/y"}))
    host.on("GET /y", Answer(200, b"y"))
    assert get(transport, f"{host.url}/x", headers={"Authorization": "Basic abc"}) == (200, b"y")
    assert host.asked[-1].headers["authorization"] == "Basic abc"


def test_a_redirect_to_another_host_leaves_the_credentials_behind(
    hosts: Callable[[], Host], transport: Transport
) -> None:
    host, storage = hosts(), hosts()
    host.on("GET /x", Answer(302, headers={"Location": f"{storage.url}/blob?signed=1"}))
    storage.on("GET /blob", Answer(200, b"bytes"))
    headers = {"Authorization": "Bearer hunter2", "Range": "bytes=5-"}
    assert get(transport, f"{host.url}/x", headers=headers) == (200, b"bytes")
    (asked,) = storage.asked
    assert "authorization" not in asked.headers
    assert asked.headers["range"] == "bytes=5-"
    assert asked.query == {"signed": ["1"]}


def test_credentials_that_were_left_behind_do_not_come_back(
    hosts: Callable[[], Host], transport: Transport
) -> None:
    host, other = hosts(), hosts()
    host.on("GET /x", Answer(302, headers={"Location": f"{other.url}/back"}))
    other.on("GET /back", Answer(302, headers={"Location": f"{host.url}/y"}))
    host.on("GET /y", Answer(200))
    get(transport, f"{host.url}/x", headers={"Authorization": "Bearer hunter2"})
    assert "authorization" not in host.asked[-1].headers


@pytest.mark.parametrize("method", ["PUT", "POST", "PATCH", "DELETE"])
def test_what_writes_is_not_redirected(host: Host, transport: Transport, method: str) -> None:
    host.on(f"{method} /x", Answer(307, headers={"Location": "/y"}))
    assert transport.send(Request(method, f"{host.url}/x")).status == 307
    assert host.lines() == [f"{method} /x"]


def test_a_redirect_that_is_not_wanted(host: Host, transport: Transport) -> None:
    host.on("HEAD /x", Answer(307, headers={"Location": "/y"}))
    response = transport.send(Request("HEAD", f"{host.url}/x", is_followed=False))
    assert response.status == 307


def test_a_circle_of_redirects(host: Host, transport: Transport) -> None:
    host.on("GET /x", Answer(302, headers={"Location": "/x"}))
    with pytest.raises(RegistryError, match=f"^{host.host} redirects again and again"):
        get(transport, f"{host.url}/x")
    assert len(host.asked) == 6


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/x"])
def test_a_redirect_to_what_is_not_http(host: Host, transport: Transport, target: str) -> None:
    host.on("GET /x", Answer(302, headers={"Location": target}))
    with pytest.raises(RegistryError, match=r"redirects from http to f\w+, which is not safe"):
        get(transport, f"{host.url}/x")


# ------------------------------------------------------------------------------------------ proxies


def test_a_proxy_is_used_with_its_password(host: Host, environ: dict[str, str]) -> None:
    environ["HTTP_PROXY"] = f"http://cindy:open%20sesame@{host.host}"
    transport = Transport(environ, ssl.create_default_context, pause=0)
    host.on("GET /v2/x", Answer(200, b"through"))
    assert get(transport, "http://registry.test/v2/x") == (200, b"through")
    transport.close()
    account = base64.b64encode(b"cindy:open sesame").decode()
    assert host.asked[0].headers["proxy-authorization"] == f"Basic {account}"
    assert host.asked[0].headers["host"] == "registry.test"


def test_a_proxy_that_is_down(environ: dict[str, str], closed_port: str) -> None:
    environ["HTTPS_PROXY"] = f"http://cindy:hunter2@{closed_port}"
    transport = Transport(environ, ssl.create_default_context, pause=0)
    with pytest.raises(UnreachableError) as raised:
        get(transport, "https://registry.test/v2/x")
    transport.close()
    assert str(raised.value) == (
        "the proxy on the way to registry.test does not let it through\n"
        "  hint: look at HTTPS_PROXY and HTTP_PROXY, or name the host in NO_PROXY"
    )


def test_a_proxy_that_cannot_be_used(environ: dict[str, str]) -> None:
    environ["HTTPS_PROXY"] = "socks5://proxy:1080"
    transport = Transport(environ, ssl.create_default_context, pause=0)
    with pytest.raises(UsageError):
        get(transport, "https://registry.test/v2/x")


# ------------------------------------------------------------------------------------------- others


def test_tls_is_made_ready_when_it_is_needed_and_once(host: Host, environ: dict[str, str]) -> None:
    made: list[ssl.SSLContext] = []

    def make() -> ssl.SSLContext:
        made.append(ssl.create_default_context())
        return made[-1]

    transport = Transport(environ, make, pause=0)
    host.on("GET /x", Answer(200))
    get(transport, f"{host.url}/x")
    assert made == []
    for _ in range(2):
        with pytest.raises(UnreachableError):
            get(transport, f"https://{host.host}/x")
    transport.close()
    assert len(made) == 1


def test_connections_are_kept(host: Host, transport: Transport) -> None:
    host.on("GET /x", Answer(200, b"x"))
    for _ in range(5):
        get(transport, f"{host.url}/x")
    (pool,) = (transport._pool(f"{host.url}/x").connection_from_url(host.url),)
    assert pool.num_connections == 1


@pytest.mark.parametrize(
    ("url", "other", "expected"),
    [
        ("https://a.test/x", "https://a.test:443/y", True),
        ("http://a.test", "http://A.test:80", True),
        ("https://a.test", "http://a.test", False),
        ("https://a.test", "https://a.test:8443", False),
        ("https://a.test", "https://b.test", False),
    ],
)
def test_origins(url: str, other: str, expected: bool) -> None:  # noqa: FBT001  # a column of the table
    assert is_same_origin(url, other) is expected
