"""What goes wrong between okplug and a registry: causes told apart, each with its remedy."""

from __future__ import annotations

import http.client
import json
import re
import socket
import ssl
from typing import TYPE_CHECKING

import urllib3.exceptions as broken  # noqa: TID253  # loaded when a registry is spoken to

from okplug import RegistryError

if TYPE_CHECKING:
    from collections.abc import Mapping

_LONGEST_SHOWN = 300
_UNAUTHORIZED, _FORBIDDEN, _SERVER_ERRORS = 401, 403, 500


class UnreachableError(RegistryError):
    """No answer came, or not all of it.

    :param is_dead: nobody can be spoken to there, so that further tries are of no use for a while.
    """

    def __init__(self, message: str, *, hint: str = "", is_dead: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.is_dead = is_dead


class StatusError(RegistryError):
    """The registry answers, and not what was hoped for.

    :param status: of HTTP.
    :param codes: what the body calls it, such as ``MANIFEST_UNKNOWN``.
    """

    #: seconds to wait before another try, 0 if the registry does not say
    wait = 0.0

    def __init__(self, message: str, *, status: int, codes: tuple[str, ...], hint: str) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.codes = codes


# ------------------------------------------------------------------------------------ no connection


def unreachable(host: str, error: broken.HTTPError | OSError) -> UnreachableError:
    """Return what to raise when a request to a host fails before there is an answer.

    The texts of the libraries' errors are left out: they name URLs, which may hold secrets.
    """
    cause = _cause(error)
    if isinstance(cause, broken.SSLError | ssl.SSLError):
        return _tls_failure(host, cause)
    for kind, text, hint in _UNCONNECTED:
        if isinstance(cause, kind):
            message = text.format(host=host, reason=_reason(cause))
            return UnreachableError(message, hint=hint, is_dead=True)
    if isinstance(cause, broken.ReadTimeoutError | TimeoutError):
        return UnreachableError(
            f"{host} takes too long to answer", hint="raise the setting registry_timeout"
        )
    return UnreachableError(
        f"the connection to {host} broke: {_reason(cause)}",
        hint="run again; what is stored already is not sent again",
    )


#: the first that fits counts: the later ones are bases of the earlier
_UNCONNECTED: tuple[tuple[type[Exception], str, str], ...] = (
    (
        broken.NameResolutionError,
        "there is no host {host}",
        "look for a typing error, or for a VPN",
    ),
    (
        broken.ProxyError,
        "the proxy on the way to {host} does not let it through",
        "look at HTTPS_PROXY and HTTP_PROXY, or name the host in NO_PROXY",
    ),
    (
        broken.NewConnectionError,
        "cannot connect to {host}: {reason}",
        "is the registry up, and this its port?",
    ),
    (
        broken.ConnectTimeoutError,
        "{host} does not answer",
        "is there a firewall or a proxy between?",
    ),
)


def _cause(error: BaseException) -> BaseException:
    """Return what is behind the wrappers of urllib3."""
    while True:
        inner: object = None
        if isinstance(error, broken.MaxRetryError):
            inner = error.reason
        elif type(error) in {broken.ProtocolError, broken.SSLError} and len(error.args):
            inner = error.args[-1]
        if not isinstance(inner, BaseException):
            return error
        error = inner


def _reason(cause: BaseException) -> str:
    """Return a few words about a cause, never a URL."""
    system = cause.__cause__ if isinstance(cause, broken.NewConnectionError) else cause
    if isinstance(system, socket.gaierror):
        return "its name is not known"
    if isinstance(system, OSError) and system.strerror:
        return system.strerror
    if isinstance(cause, broken.NewConnectionError):
        return "connection failed"
    if isinstance(cause, http.client.RemoteDisconnected):
        return "it was closed without an answer"
    if isinstance(cause, broken.IncompleteRead | http.client.IncompleteRead):
        return "the answer was cut off"
    return "the answer is no HTTP"


#: what servers call a missing certificate, one that they do not take, and one of a stranger
_ABOUT_THE_CLIENT = ("CERTIFICATE_REQUIRED", "ALERT_BAD_CERTIFICATE", "ALERT_UNKNOWN_CA")


def _tls_failure(host: str, cause: BaseException) -> UnreachableError:
    text = str(cause)
    if "CERTIFICATE_VERIFY_FAILED" in text or "certificate verify failed" in text:
        found = re.search(r"certificate verify failed: ([^(\[]+)", text)
        why = found[1].strip().rstrip(".") if found else "it is signed by nobody who is trusted"
        hint = "name the authority's certificate in the setting registry_ca"
    elif "WRONG_VERSION_NUMBER" in text or "record layer failure" in text.lower():
        return UnreachableError(
            f"{host} does not speak TLS",
            hint="if that is as it should be, add it to the setting insecure_registries",
            is_dead=True,
        )
    elif any(alert in text for alert in _ABOUT_THE_CLIENT):
        why = "it wants a certificate of yours that it trusts"
        hint = "set registry_cert and registry_key"
    else:
        found = re.search(r"\[SSL:? ?([A-Z0-9_]+)\]", text)
        why = found[1].lower().replace("_", " ") if found else "the handshake failed"
        hint = "compare what both sides take: certificates, versions and names"
    return UnreachableError(f"no TLS connection to {host}: {why}", hint=hint, is_dead=True)


# ------------------------------------------------------------------------------------- wrong answer


def refusal(
    host: str, repository: str, doing: str, status: int, body: bytes, *, is_known: bool
) -> StatusError:
    """Return what to raise for an answer that ends a request.

    :param doing: what was asked for, such as ``read the tag 1.0``.
    :param is_known: credentials were sent along.
    """
    codes, text = _read_errors(body)
    said = f" ({status}{f' {text}' if text else ''})"
    place = f"{host}/{repository}"
    message, hint = _explained(status, host, place, doing, is_known=is_known)
    return StatusError(f"{message}{said}", status=status, codes=codes, hint=hint)


def _explained(
    status: int, host: str, place: str, doing: str, *, is_known: bool
) -> tuple[str, str]:
    """Return message and hint, without what the registry itself says."""
    login = f"log in with docker login {host}"
    if status in {_UNAUTHORIZED, _FORBIDDEN} and not is_known:
        return f"{host} asks who you are before you may {doing} in {place}", login
    if status == _UNAUTHORIZED:
        return (
            f"{host} does not take your credentials, which it wants to see to {doing} in {place}",
            f"{login} again",
        )
    if status == _FORBIDDEN:
        return (
            f"{host} does not allow you to {doing} in {place}",
            f"ask its owner for the right, set another namespace, or {login} as somebody else",
        )
    return _explained_status(status, host, place, doing)


def _explained_status(status: int, host: str, place: str, doing: str) -> tuple[str, str]:
    if status >= _SERVER_ERRORS:
        return f"{host} failed to {doing} in {place}", "look at its log, and run again"
    known: Mapping[int, tuple[str, str]] = {
        404: (
            f"{host} has nowhere to {doing} in {place}",
            "create the repository if the registry does not make them by itself, or set namespace",
        ),
        413: (
            f"{host} takes nothing that large: cannot {doing} in {place}",
            "raise the limit of the registry, or of a proxy before it, for the size of requests",
        ),
        429: (
            f"{host} has had too many requests of yours to {doing} in {place}",
            f"wait a while, or log in with docker login {host}, which raises limits",
        ),
    }
    return known.get(
        status,
        (f"{host} refuses to {doing} in {place}", "its answer says why; its log may say more"),
    )


def _read_errors(body: bytes) -> tuple[tuple[str, ...], str]:
    """Return the codes of an error's body, and its text in one line."""
    try:
        errors = json.loads(body)["errors"]
        found = [error for error in errors if isinstance(error, dict)]
    except (ValueError, KeyError, TypeError, RecursionError):
        return (), ""
    codes = tuple(str(error.get("code", "")) for error in found)
    texts = [
        ": ".join(str(error[name]) for name in ("code", "message") if error.get(name))
        for error in found
    ]
    line = "".join(c if c.isprintable() else " " for c in "; ".join(filter(None, texts)))
    return codes, line if len(line) <= _LONGEST_SHOWN else f"{line[:_LONGEST_SHOWN]}..."
