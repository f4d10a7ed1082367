"""One registry's API: where it is, requests with the right credentials, answers that are errors."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from okplug_registry.access import Access
from okplug_registry.failures import UnreachableError, refusal
from okplug_registry.transport import Patience, Request, finish, is_same_origin

if TYPE_CHECKING:
    from collections.abc import Mapping

    import urllib3

    from okplug.credentials import Credentials
    from okplug_registry.transport import Body, Transport

PULL = "pull"
PUSH = "pull,push"
DELETE = "pull,push,delete"

_UNAUTHORIZED = 401
_NO_TLS = 400  # what Go's servers answer to plain HTTP
_REDIRECT = range(300, 400)


@dataclass(frozen=True, slots=True)
class Address:
    """Where a registry's API is.

    :param host: as references and credentials have it.
    :param authority: host and port to connect to.
    :param scheme: ``https``; ``http``; or ``""``, which is whatever of the two the server speaks.
    :param prefix: what a mirror has before each repository, with a slash at its end.
    """

    host: str
    authority: str
    scheme: str = "https"
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """A request about a repository.

    :param path: below the repository, or the URL that the registry itself gave for this.
    :param doing: for messages, such as ``read the tag 1.0``.
    :param rights: what is needed, a part of a token's scope.
    :param also: another repository that is read from.
    """

    method: str
    repository: str
    path: str
    doing: str
    rights: str = PULL
    also: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Body | None = None
    is_repeatable: bool = True
    is_streamed: bool = False
    is_followed: bool = True


class Server:
    """A registry, or a mirror of one; usable from several threads."""

    def __init__(self, address: Address, transport: Transport, credentials: Credentials) -> None:
        self.address = address
        self.transport = transport
        self._credentials = credentials
        self._lock = threading.Lock()
        self._root = ""
        self._access: Access | None = None

    def call(self, call: Call, *expected: int) -> urllib3.BaseHTTPResponse:
        """Make a request and return its answer.

        :param expected: the statuses that are no failure.
        :raises StatusError: if it is another one.
        :raises UnreachableError: if there is no answer.
        """
        access = self._reached()
        url = urljoin(self._repository_url(call.repository), call.path)
        scope = self._scope(call)
        is_own = is_same_origin(url, self._root)
        used = access.authorization(call.repository, scope) if is_own else ""
        response = self._send(call, url, used)
        if response.status == _UNAUTHORIZED and is_own:
            access.learn(response.headers.getlist("WWW-Authenticate"), scope, used)
            renewed = access.authorization(call.repository, scope)
            if renewed != used:
                finish(response)
                used = renewed
                response = self._send(call, url, used)
        if response.status in expected:
            return response
        failure = refusal(
            self.address.host,
            call.repository,
            call.doing,
            response.status,
            finish(response),
            is_known=bool(used) and access.is_known(call.repository),
        )
        failure.wait = Patience().get_retry_after(response) or 0.0
        raise failure

    def location(self, response: urllib3.BaseHTTPResponse, call: Call) -> str:
        """Return the absolute URL of an answer's Location header, ``""`` if it has none.

        A registry behind a proxy that ends TLS may not know its own scheme, which is corrected.
        """
        target = response.headers.get("Location")
        if not target:
            return ""
        url = self.absolute(call, target)
        own, given = urlsplit(self._root), urlsplit(url)
        if own.scheme == "https" and given.scheme == "http" and given.hostname == own.hostname:
            return given._replace(scheme="https", netloc=own.netloc).geturl()
        return url

    def absolute(self, call: Call, url: str) -> str:
        """Return a URL that the answer to a call names, which may be relative to the call's."""
        return urljoin(urljoin(self._repository_url(call.repository), call.path), url)

    def _send(self, call: Call, url: str, authorization: str) -> urllib3.BaseHTTPResponse:
        headers = {"Authorization": authorization} if authorization else {}
        return self.transport.send(
            Request(
                call.method,
                url,
                {**call.headers, **headers},
                call.body,
                call.is_repeatable,
                call.is_streamed,
                call.is_followed,
            )
        )

    def _repository_url(self, repository: str) -> str:
        return f"{self._root}/v2/{self.address.prefix}{repository}/"

    def _scope(self, call: Call) -> str:
        prefix = self.address.prefix
        scope = f"repository:{prefix}{call.repository}:{call.rights}"
        return f"{scope} repository:{prefix}{call.also}:{PULL}" if call.also else scope

    # ------------------------------------------------------------------------------------- scheme

    def _reached(self) -> Access:
        """Settle once how the registry is spoken to."""
        with self._lock:
            if self._access is None:
                scheme = self.address.scheme or self._spoken_scheme()
                self._root = f"{scheme}://{self.address.authority}"
                self._access = Access(
                    self.address.host,
                    self.transport,
                    self._credentials,
                    is_plain=scheme == "http",
                )
            return self._access

    def _spoken_scheme(self) -> str:
        """Ask without TLS and without credentials; a server with TLS does not answer to that."""
        url = f"http://{self.address.authority}/v2/"
        try:
            response = self.transport.send(Request("GET", url, is_followed=False))
        except UnreachableError as error:
            if error.is_dead:
                raise
            return "https"
        finish(response)
        is_tls = response.status == _NO_TLS or response.status in _REDIRECT
        return "https" if is_tls else "http"
