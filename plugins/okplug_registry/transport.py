"""HTTP: connections that are kept, proxies, TLS, patience, redirects."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import unquote, urljoin, urlsplit

import urllib3  # noqa: TID253  # this module is only loaded when a registry is spoken to
import urllib3.exceptions as broken  # noqa: TID253  # the same

import okplug
from okplug import RegistryError
from okplug_registry.failures import UnreachableError, unreachable
from okplug_registry.proxies import proxy_for

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator, Mapping

    Body = bytes | Callable[[], Iterator[bytes]]

#: answers that another try may better
TRANSIENT = frozenset({429, 500, 502, 503, 504})
#: seconds that a registry may have okplug wait at once, whatever its Retry-After says
LONGEST_WAIT = 30

_CONNECT_SECONDS = 10
_DEAD_SECONDS = 10  # for which a host that cannot be connected to is not tried again
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 5
_AUTHORIZATION = "Authorization"


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent.

    :param body: bytes, or what gives them piece by piece; it is called once per try.
    :param is_repeatable: sending it twice does what sending it once does.
    :param is_streamed: the answer's body is read piece by piece, and the reader closes it.
    :param is_followed: redirects of GET and HEAD are; the credentials stay behind where they lead
        to another host.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: Body | None = None
    is_repeatable: bool = True
    is_streamed: bool = False
    is_followed: bool = True


class Patience(urllib3.Retry):
    """How often to try again, and how long to wait in between."""

    def get_retry_after(self, response: urllib3.BaseHTTPResponse) -> float | None:
        """Return the seconds that the answer asks to wait, bounded, None if it does not say."""
        try:
            seconds = super().get_retry_after(response)
        except broken.InvalidHeader:
            return None
        return None if seconds is None else min(seconds, LONGEST_WAIT)


class Transport:
    """The connections of a run; usable from several threads.

    :param make_tls: is called when TLS is first needed.
    :param timeout: seconds without a byte after which an answer is given up.
    :param pause: seconds before the second try, which double from there on.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        make_tls: Callable[[], ssl.SSLContext],
        *,
        timeout: float = 60,
        pause: float = 0.25,
        concurrency: int = 16,
    ) -> None:
        self._environ = environ
        self._make_tls = make_tls
        self._timeout = urllib3.Timeout(connect=min(_CONNECT_SECONDS, timeout), read=timeout)
        self._size = concurrency
        self.pause = pause
        self._patience = Patience(
            total=4,
            connect=3,
            read=3,
            other=0,
            redirect=False,
            backoff_factor=pause,
            backoff_jitter=pause / 2,
            backoff_max=LONGEST_WAIT,
            status_forcelist=TRANSIENT,
            raise_on_status=False,
            allowed_methods=None,
        )
        self._once = Patience(  # once at most: what was not connected was not sent
            total=2,
            connect=2,
            read=0,
            other=0,
            redirect=False,
            backoff_factor=pause,
            respect_retry_after_header=False,
            raise_on_status=False,
            allowed_methods=None,
        )
        self._lock = threading.Lock()
        self._tls: ssl.SSLContext | None = None
        self._pools: dict[tuple[str, bool], urllib3.PoolManager] = {}
        self._dead: dict[str, tuple[float, UnreachableError]] = {}

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            for pool in self._pools.values():
                pool.clear()
            self._pools.clear()

    def send(self, request: Request) -> urllib3.BaseHTTPResponse:
        """Send a request and return the answer, whatever its status is.

        :raises UnreachableError: if there is none.
        :raises UsageError: if the environment or a setting is wrong.
        """
        for _ in range(_MOST_REDIRECTS + 1):
            response = self._send_once(request)
            target = response.headers.get("Location")
            if not target or response.status not in _REDIRECTS or not request.is_followed:
                return response
            if request.method not in {"GET", "HEAD"}:
                return response
            finish(response)
            request = _redirected(request, urljoin(request.url, target))
        host = urlsplit(request.url).netloc
        raise RegistryError(
            f"{host} redirects again and again", hint="look after the registry's storage settings"
        )

    def _send_once(self, request: Request) -> urllib3.BaseHTTPResponse:
        host = urlsplit(request.url).netloc.rpartition("@")[2]
        self._raise_if_dead(host)
        body = request.body() if callable(request.body) else request.body
        try:
            return self._pool(request.url).request(
                request.method,
                request.url,
                headers={"User-Agent": f"okplug/{okplug.__version__}", **request.headers},
                body=body,
                retries=self._patience if request.is_repeatable else self._once,
                redirect=False,
                preload_content=not request.is_streamed,
                decode_content=False,
                timeout=self._timeout,
            )
        except (broken.HTTPError, OSError) as error:
            failure = unreachable(host, error)
            if failure.is_dead:
                self._dead[host] = (time.monotonic() + _DEAD_SECONDS, failure)
            raise failure from None  # urllib3's own error names the URL

    def _raise_if_dead(self, host: str) -> None:
        """Spare a thousand images the wait for one host that is down."""
        until, failure = self._dead.get(host, (0.0, None))
        if failure and time.monotonic() < until:
            raise UnreachableError(failure.message, hint=failure.hint, is_dead=True)

    def _pool(self, url: str) -> urllib3.PoolManager:
        proxy = proxy_for(url, self._environ)
        is_tls = url.startswith("https:") or proxy.startswith("https:")
        with self._lock:
            if (proxy, is_tls) not in self._pools:
                if is_tls and self._tls is None:
                    self._tls = self._make_tls()
                self._pools[proxy, is_tls] = _make_pool(
                    proxy, self._tls if is_tls else None, self._size
                )
            return self._pools[proxy, is_tls]


def _make_pool(proxy: str, tls: ssl.SSLContext | None, size: int) -> urllib3.PoolManager:
    if not proxy:
        return urllib3.PoolManager(num_pools=20, maxsize=size, ssl_context=tls)
    parts = urlsplit(proxy)
    account = unquote(parts.netloc.rpartition("@")[0])
    headers = urllib3.make_headers(proxy_basic_auth=account) if account else None
    plain = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    return urllib3.ProxyManager(
        plain,
        num_pools=20,
        maxsize=size,
        ssl_context=tls,
        proxy_ssl_context=tls,
        proxy_headers=headers,
    )


def is_same_origin(url: str, other: str) -> bool:
    """Tell whether two URLs are of one scheme, host and port."""
    ports = {"http": 80, "https": 443}
    one, two = urlsplit(url), urlsplit(other)
    return (one.scheme, one.hostname, one.port or ports.get(one.scheme)) == (
        two.scheme,
        two.hostname,
        two.port or ports.get(two.scheme),
    )


def _redirected(request: Request, url: str) -> Request:
    """Return the request for where a redirect leads; another origin learns no credentials."""
    old, new = urlsplit(request.url), urlsplit(url)
    if new.scheme not in {"http", "https"} or (old.scheme == "https" and new.scheme != "https"):
        raise RegistryError(
            f"{old.netloc} redirects from {old.scheme} to {new.scheme}, which is not safe",
            hint="look after the registry's storage settings",
        )
    headers = dict(request.headers)
    if not is_same_origin(request.url, url):
        headers.pop(_AUTHORIZATION, None)
    return replace(request, url=url, headers=headers)


def finish(response: urllib3.BaseHTTPResponse) -> bytes:
    """Return an answer's body, what there is of it, and give its connection back."""
    try:
        return response.data
    except (broken.HTTPError, OSError):
        response.close()
        return b""
    finally:
        response.release_conn()
