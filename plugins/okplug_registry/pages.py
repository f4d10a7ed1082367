"""Lists that registries give page by page."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from okplug import RegistryError
from okplug.oci import listed
from okplug_registry.server import Call
from okplug_registry.transport import finish, is_same_origin

if TYPE_CHECKING:
    from collections.abc import Iterator

    import urllib3

    from okplug_registry.server import Server

_OK, _NOT_FOUND = 200, 404
_NEXT = re.compile(r'<([^>]*)>\s*;(?:[^,]*;)?\s*rel="?next"?')


def read_pages(server: Server, call: Call, name: str) -> Iterator[Any]:
    """Yield the items of a list from all of its pages; none if it is not there.

    :param call: for the first page.
    :param name: of the list in each page.
    :raises RegistryError: if a page is no such list, or leads back to an earlier one.
    """
    seen = set()
    while call.path not in seen:
        seen.add(call.path)
        response = server.call(call, _OK, _NOT_FOUND)
        body = finish(response)
        if response.status == _NOT_FOUND:
            return
        yield from _items(server, call, body, name)
        following = _following(server, call, response)
        if not following:
            return
        call = Call("GET", call.repository, following, call.doing, headers=call.headers)
    raise RegistryError(f"{server.address.host} leads in circles: cannot {call.doing}")


def _items(server: Server, call: Call, body: bytes, name: str) -> list[Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        document = None
    items = listed(document.get(name)) if isinstance(document, dict) else None
    if items is None:
        raise RegistryError(
            f"{server.address.host}/{call.repository}: cannot {call.doing}: "
            f"expected JSON with a list named {name}"
        )
    return items


def _following(server: Server, call: Call, response: urllib3.BaseHTTPResponse) -> str:
    """Return the next page's URL, ``""`` after the last one."""
    link = _NEXT.search(response.headers.get("Link", ""))
    if link is None:
        return ""
    url = server.absolute(call, link[1])
    if not is_same_origin(url, server.absolute(call, "")):
        raise RegistryError(
            f"{server.address.host}: the next page is on another host: cannot {call.doing}"
        )
    return url
