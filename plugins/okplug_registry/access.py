"""Who asks: basic authentication and bearer tokens, one token per scope.

Tokens come from the server that the registry names in its challenge, after the distribution
project's "Token Authentication Specification" and its OAuth2 variant. A token counts from when it
was received, so that it does not matter what time it is elsewhere.
"""

from __future__ import annotations

import base64
import json
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from okplug import RegistryError
from okplug_registry.challenges import Challenge, read_challenges
from okplug_registry.failures import refusal
from okplug_registry.proxies import is_loopback
from okplug_registry.transport import Request, finish

if TYPE_CHECKING:
    from collections.abc import Sequence

    from okplug.credentials import Credentials, Login
    from okplug_registry.transport import Transport

_OK = 200
_SHORTEST_LIFE = 60  # seconds, which the specification has every token live at least
_MARGIN = 0.9  # of its life, after which a token is not used any more


@dataclass(frozen=True, slots=True)
class _Token:
    """A token, and until when of this machine's monotonic clock it is used."""

    text: str = field(repr=False)
    until: float


@dataclass(slots=True)
class _Scope:
    """What is known of one scope; whoever holds the lock fetches its token for all."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    token: _Token | None = None


class Access:
    """How one registry lets its user in; usable from several threads.

    :param host: as references have it, which is what credentials are found by.
    :param is_plain: the registry is spoken to without TLS, and may name such a token server.
    """

    def __init__(
        self, host: str, transport: Transport, credentials: Credentials, *, is_plain: bool
    ) -> None:
        self._host = host
        self._transport = transport
        self._credentials = credentials
        self._is_plain = is_plain
        self._lock = threading.Lock()
        self._challenge: Challenge | None = None
        self._scopes: dict[str, _Scope] = {}

    def is_known(self, repository: str) -> bool:
        """Tell whether the user has credentials for the repository."""
        return self._credentials.find(self._host, repository) is not None

    def authorization(self, repository: str, scope: str) -> str:
        """Return the value of the Authorization header, ``""`` for none.

        Before the registry has asked for anything, nothing is sent.

        :param scope: what a token must allow, such as ``repository:okteto/api:pull``; several are
            separated by spaces.
        :raises RegistryError: if no token can be had.
        """
        challenge = self._challenge
        if challenge is None:
            return ""
        login = self._credentials.find(self._host, repository)
        if challenge.scheme == "basic":
            return _basic(login) if login and login.username else ""
        if login and login.registry_token:
            return f"Bearer {login.registry_token}"
        return f"Bearer {self._token(challenge, repository, scope, login)}"

    def learn(self, headers: Sequence[str], scope: str, used: str) -> None:
        """Take in what the registry asks for; ``authorization`` may then have something better.

        :param headers: the values of ``WWW-Authenticate`` of an answer with status 401.
        :param used: the Authorization header of the request that was answered so.
        :raises RegistryError: if it asks for what okplug cannot do.
        """
        challenges = read_challenges(headers)
        usable = [c for c in challenges if c.scheme == "basic" or _is_token_server(c)]
        if not usable and challenges:
            raise RegistryError(
                f"{self._host} asks for {challenges[0].scheme} authentication",
                hint="okplug knows basic authentication and bearer tokens",
            )
        for challenge in sorted(usable, key=_preference)[:1]:
            if challenge.scheme == "bearer":
                self._refuse_exposure(challenge.parameters["realm"])
            self._challenge = challenge
        self._forget(scope, used)

    def _forget(self, scope: str, used: str) -> None:
        """Drop the token that was not taken, unless another thread has a newer one by now."""
        with self._lock:
            known = self._scopes.setdefault(scope, _Scope())
        with known.lock:
            if known.token and used == f"Bearer {known.token.text}":
                known.token = None

    def _refuse_exposure(self, realm: str) -> None:
        """Refuse to tell credentials to a token server over an open line."""
        url = urlsplit(realm)
        if url.scheme == "https" or self._is_plain or is_loopback(url.hostname or ""):
            return
        raise RegistryError(
            f"{self._host} wants credentials sent without TLS, to {url.hostname}",
            hint="its operator is to give the token server an https address",
        )

    # -------------------------------------------------------------------------------------- tokens

    def _token(self, challenge: Challenge, repository: str, scope: str, login: Login | None) -> str:
        with self._lock:
            known = self._scopes.setdefault(scope, _Scope())
        with known.lock:
            if known.token is None or time.monotonic() >= known.token.until:
                known.token = None  # should the next line fail
                known.token = self._fetch(challenge, repository, scope, login)
            return known.token.text

    def _fetch(
        self, challenge: Challenge, repository: str, scope: str, login: Login | None
    ) -> _Token:
        response = self._transport.send(_token_request(challenge, scope, login))
        received = time.monotonic()
        body = finish(response)
        if response.status != _OK:
            doing = "get a token to use anything"
            raise refusal(
                self._host, repository, doing, response.status, body, is_known=login is not None
            )
        try:
            answer = json.loads(body)
            text = answer.get("token") or answer.get("access_token")
            life = max(float(answer.get("expires_in") or 0), _SHORTEST_LIFE)
        except (ValueError, TypeError, AttributeError, RecursionError):
            text, life = None, 0.0
        if not isinstance(text, str) or not text or not text.isprintable():
            raise RegistryError(
                f"the token server of {self._host} gave no token",
                hint="is the address that the registry names for it right?",
            )
        return _Token(text, received + life * _MARGIN)


def _is_token_server(challenge: Challenge) -> bool:
    realm = challenge.parameters.get("realm", "")
    return challenge.scheme == "bearer" and realm.startswith(("https://", "http://"))


def _preference(challenge: Challenge) -> int:
    """Sort tokens before passwords."""
    return 0 if challenge.scheme == "bearer" else 1


def _basic(login: Login) -> str:
    account = f"{login.username}:{login.secret}".encode()
    return f"Basic {base64.b64encode(account).decode()}"


def _token_request(challenge: Challenge, scope: str, login: Login | None) -> Request:
    """Return the request for a token: by password or anonymously, or with an identity token."""
    realm, service = challenge.parameters["realm"], challenge.parameters.get("service", "")
    if login and login.identity_token:
        form = {
            "grant_type": "refresh_token",
            "service": service,
            "client_id": "okplug",
            "scope": scope,
            "refresh_token": login.identity_token,
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return Request("POST", realm, headers, urlencode(form).encode())
    query = [("service", service)] if service else []
    query += [("scope", part) for part in scope.split()]
    headers = {}
    if login and login.username:
        headers["Authorization"] = _basic(login)
        query.append(("account", login.username))
    separator = "&" if urlsplit(realm).query else "?"
    return Request("GET", f"{realm}{separator}{urlencode(query)}", headers)
