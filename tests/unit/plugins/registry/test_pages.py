"""Lists of several pages."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from okplug.errors import RegistryError
from okplug_registry.pages import read_pages
from okplug_registry.server import Call
from tests.unit.plugins.registry.fakehost import Answer, Asked, Host, refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from okplug_registry.server import Server

LIST = "/v2/okteto/api/tags/list"
CALL = Call("GET", "okteto/api", "tags/list?n=2", "list the tags")


def page(tags: object, link: str = "") -> Answer:
    headers = {"Link": link} if link else {}
    return Answer(200, json.dumps({"name": "okteto/api", "tags": tags}).encode(), headers)


def read(server: Server) -> list[object]:
    return list(read_pages(server, CALL, "tags"))


def test_one_page(host: Host, server: Server) -> None:
    host.on(f"GET {LIST}", page(["b", "a"]))
    assert read(server) == ["b", "a"]
    assert host.asked[-1].query == {"n": ["2"]}


@pytest.mark.parametrize(
    "link",
    [
        f'<{LIST}?n=2&last=b>; rel="next"',
        f"<{LIST}?n=2&last=b>; rel=next",
        f'<{LIST}?n=2&last=b>;rel="next"',
        '<list?n=2&last=b>; rel="next"',
        '<?n=2&last=b>; title="more"; rel="next"',
        f'<{LIST}>; rel="first", <{LIST}?n=2&last=b>; rel="next"',
    ],
)
def test_pages_are_followed(host: Host, server: Server, link: str) -> None:
    pages = {None: page(["a", "b"], link), "b": page(["c"])}
    host.on(f"GET {LIST}", lambda asked: pages[asked.query.get("last", [None])[0]])
    assert read(server) == ["a", "b", "c"]


def test_a_thousand_pages(host: Host, server: Server) -> None:
    def answer(asked: Asked) -> Answer:
        number = int(asked.query.get("last", ["0"])[0])
        link = f'<{LIST}?last={number + 1}>; rel="next"' if number < 50 else ""
        return page([str(number)], link)

    host.on(f"GET {LIST}", answer)
    assert read(server) == [str(number) for number in range(51)]


def test_the_next_page_on_the_same_host_by_its_whole_url(host: Host, server: Server) -> None:
    host.on(f"GET {LIST}", page(["a"], f'<{host.url}/more>; rel="next"'))
    host.on("GET /more", page(["b"]))
    assert read(server) == ["a", "b"]


def test_the_next_page_on_another_host_is_not_read(
    host: Host, server: Server, hosts: Callable[[], Host]
) -> None:
    other = hosts()
    host.on(f"GET {LIST}", page(["a"], f'<{other.url}/more>; rel="next"'))
    with pytest.raises(RegistryError, match="the next page is on another host"):
        read(server)
    assert other.asked == []


def test_pages_in_a_circle(host: Host, server: Server) -> None:
    host.on(f"GET {LIST}", page(["a"], f'<{LIST}?last=a>; rel="next"'))
    with pytest.raises(RegistryError, match=r"leads in circles: cannot list the tags$"):
        read(server)


def test_no_list(host: Host, server: Server) -> None:
    assert read(server) == []
    host.on(f"GET {LIST}", page(None))
    assert read(server) == []


@pytest.mark.parametrize("body", [b"", b"[]", b"{}x", b'{"tags": "a"}', b'{"tags": {"a": 1}}'])
def test_what_is_no_list(host: Host, server: Server, body: bytes) -> None:
    host.on(f"GET {LIST}", Answer(200, body))
    with pytest.raises(RegistryError) as raised:
        read(server)
    assert raised.value.message == (
        f"{host.host}/okteto/api: cannot list the tags: expected JSON with a list named tags"
    )


def test_a_refusal(host: Host, server: Server) -> None:
    host.on(f"GET {LIST}", refused(403))
    with pytest.raises(RegistryError, match="before you may list the tags in"):
        read(server)


def test_another_relation_is_no_next_page(host: Host, server: Server) -> None:
    host.on(f"GET {LIST}", page(["a"], f'<{LIST}?x=1>; rel="prev"'))
    assert read(server) == ["a"]
