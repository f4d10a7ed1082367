"""Where a daemon is, as ``--builder`` and ``BUILDKIT_HOST`` say it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from okplug import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from urllib.parse import SplitResult

    from okplug import Location

#: bytes that fit into the kernel's ``sockaddr_un`` before the closing zero
SOCKET_PATH_LIMIT = 107

#: scheme -> an address of it, for messages
EXAMPLES = {
    "tcp": "tcp://buildkit.example.com:1234",
    "unix": "unix:///run/buildkit/buildkitd.sock",
    "docker-container": "docker-container://buildkitd",
    "podman-container": "podman-container://buildkitd",
    "nerdctl-container": "nerdctl-container://buildkitd",
    "kube-pod": "kube-pod://buildkitd-0?namespace=build",
    "ssh": "ssh://me@build.example.com",
    "docker": "docker://",
    "buildkitd": "buildkitd://",
}

#: scheme -> the options that it takes after ``?``
_OPTIONS = {
    "docker-container": ("context",),
    "nerdctl-container": ("namespace",),
    "kube-pod": ("context", "namespace", "container"),
    "buildkitd": ("root",),
}

# none of them begins with a dash, so that no program takes one for an option
_HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_IPV6 = re.compile(r"[0-9A-Fa-f:.]+(?:%[A-Za-z0-9_.-]+)?")
_CONTAINER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_POD = re.compile(r"[a-z0-9.][-a-z0-9.]*")
_USER = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.@\\+-]*")
_HOST_AND_PORT = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*:[0-9]+")
#: of a socket beyond ssh, which hands it to a shell over there
_REMOTE_PATH = re.compile(r"/[A-Za-z0-9_./@%+=:,-]*")
_CONTROL = re.compile(r"[\0-\x1f\x7f]")
_PASSWORD = re.compile(r"(?<=//)([^/@:]*):.*@")


@dataclass(frozen=True, slots=True)
class Address:
    """Where a daemon is.

    :param text: as the user wrote it; two addresses with the same text are one daemon.
    :param host: of ``tcp``, ``ssh`` and ``docker``; ``""`` for the engine that Docker's
        variables and contexts name.
    :param port: 0 if there is none.
    :param user: of ``ssh``.
    :param path: of a socket: of ``unix`` and ``docker`` here, of ``ssh`` over there.
    :param name: of a container or pod.
    :param options: what stands after ``?``.
    """

    text: str
    scheme: str
    host: str = ""
    port: int = 0
    user: str = ""
    path: str = ""
    name: str = ""
    options: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        return self.text

    def option(self, name: str) -> str:
        """Return what the address says for an option, ``""`` if nothing."""
        return dict(self.options).get(name, "")

    @property
    def netloc(self) -> str:
        """Host and port as gRPC and HTTP have them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}" if self.port else host


class _AddressError(ValueError):
    """What is wrong with an address; the second argument is the remedy."""


def parse_address(text: str, origin: str = "", location: Location | None = None) -> Address:
    """Return the address that a text means.

    :param origin: what to name in messages, such as ``BUILDKIT_HOST``.
    :param location: of the text in a file.
    :raises UsageError: if it is none; passwords in it are not repeated.
    """
    try:
        return _parse(text)
    except ValueError as error:
        message, hint = error.args if isinstance(error, _AddressError) else (str(error), "")
        scheme = text.partition("://")[0]
        raise UsageError(
            f"{origin or 'builder'}: {_without_password(text)!r}: {message}",
            location=location,
            hint=hint or f"write it such as {EXAMPLES[scheme]}",
        ) from None


def _without_password(text: str) -> str:
    return _PASSWORD.sub(r"\1:***@", text)


def _parse(text: str) -> Address:
    scheme, separator, rest = text.partition("://")
    if not separator or scheme not in EXAMPLES:
        raise _AddressError(*_unknown(text, scheme if separator else ""))
    if _CONTROL.search(text):
        raise ValueError("it has a control character")
    if scheme == "unix":
        return Address(text, scheme, path=_socket_path(rest))
    parts = urlsplit(text)
    if parts.fragment:
        raise ValueError("an address has no part after #")
    parse = _PARSERS.get(scheme, _parse_container)
    return parse(text, parts, _options(scheme, parts.query))


def _unknown(text: str, scheme: str) -> tuple[str, str]:
    """Return what is wrong with a text of no known scheme, and the remedy."""
    import difflib

    message = f"there is no scheme {scheme!r}" if scheme else "expected SCHEME://..."
    word = scheme or text.partition(":")[0]
    guess = difflib.get_close_matches(word.lower(), EXAMPLES, n=1, cutoff=0.6)
    if guess:
        message += f", did you mean {guess[0]}://?"
    if text.startswith("/"):
        return message, f"write unix://{text} for a socket"
    if _HOST_AND_PORT.fullmatch(text):
        return message, f"write tcp://{text} for a port"
    return message, f"the schemes are {', '.join(f'{name}://' for name in EXAMPLES)}"


def _socket_path(path: str) -> str:
    """Return the path if a Unix socket can have it.

    :raises ValueError: if not.
    """
    if not path.startswith("/"):
        raise ValueError("the path of a socket is absolute")
    size = len(path.encode("utf-8", "surrogateescape"))
    if size > SOCKET_PATH_LIMIT:
        raise _AddressError(
            f"the path has {size} bytes, and that of a socket at most {SOCKET_PATH_LIMIT}",
            "let the daemon listen on a shorter path, or reach it through a link to its folder",
        )
    return path


def _options(scheme: str, query: str) -> tuple[tuple[str, str], ...]:
    pairs = tuple(parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query)))
    known = _OPTIONS.get(scheme, ())
    for name, value in pairs:
        if name not in known:
            raise ValueError(
                f"{scheme}:// has no option {name!r}; it has "
                + (" and ".join(known) if known else "none")
            )
        if value.startswith("-") or _CONTROL.search(value):
            raise ValueError(f"the option {name} has no valid value")
    return pairs


def _host_of(parts: SplitResult) -> str:
    host = parts.hostname or ""
    if not host:
        raise ValueError("it names no host")
    if not (_IPV6 if ":" in host else _HOST).fullmatch(host):
        raise ValueError(f"there can be no host {host!r}")
    return host


def _port_of(parts: SplitResult) -> int:
    try:
        port = parts.port
    except ValueError:
        raise ValueError("a port is a number from 1 to 65535") from None
    if port == 0:
        raise ValueError("a port is a number from 1 to 65535")
    return port or 0


def _refuse_user(parts: SplitResult) -> None:
    if "@" in parts.netloc:
        raise _AddressError(
            "it has a user or a password, which this scheme does not take",
            "give a token by the setting builder_token, and a certificate by builder_cert",
        )


def _parse_tcp(text: str, parts: SplitResult, options: tuple[tuple[str, str], ...]) -> Address:
    _refuse_user(parts)
    if parts.path not in ("", "/"):
        raise ValueError("it has a path, which TCP does not know")
    host, port = _host_of(parts), _port_of(parts)
    if not port:
        raise ValueError("it has no port")
    return Address(text, "tcp", host=host, port=port, options=options)


def _parse_ssh(text: str, parts: SplitResult, options: tuple[tuple[str, str], ...]) -> Address:
    user, colon, _ = (parts.netloc.rpartition("@")[0]).partition(":")
    if colon:
        raise _AddressError("it has a password", "let an agent or a key speak for you")
    if user and not _USER.fullmatch(user):
        raise ValueError(f"there can be no user {user!r}")
    path = "" if parts.path == "/" else parts.path
    if path and not _REMOTE_PATH.fullmatch(path):
        raise ValueError(f"the path {path!r} has a character that a shell would not leave alone")
    host, port = _host_of(parts), _port_of(parts)
    return Address(text, "ssh", host, port, user, path, options=options)


def _parse_engine(text: str, parts: SplitResult, options: tuple[tuple[str, str], ...]) -> Address:
    _refuse_user(parts)
    if not parts.netloc:
        path = "" if parts.path == "/" else parts.path
        return Address(text, "docker", path=_socket_path(path) if path else "", options=options)
    if parts.path not in ("", "/"):
        raise ValueError("it has both a host and a path")
    return Address(text, "docker", host=_host_of(parts), port=_port_of(parts), options=options)


def _parse_managed(text: str, parts: SplitResult, options: tuple[tuple[str, str], ...]) -> Address:
    if parts.netloc or parts.path not in ("", "/"):
        raise ValueError("a daemon of okplug's own has no name")
    return Address(text, "buildkitd", options=options)


def _parse_container(
    text: str, parts: SplitResult, options: tuple[tuple[str, str], ...]
) -> Address:
    kind, rule = ("pod", _POD) if parts.scheme == "kube-pod" else ("container", _CONTAINER)
    if not parts.netloc:
        raise ValueError(f"it names no {kind}")
    if parts.path not in ("", "/") or not rule.fullmatch(parts.netloc):
        raise ValueError(f"there can be no {kind} {parts.netloc + parts.path!r}")
    return Address(text, parts.scheme, name=parts.netloc, options=options)


_PARSERS: Mapping[str, Callable[[str, SplitResult, tuple[tuple[str, str], ...]], Address]] = {
    "tcp": _parse_tcp,
    "ssh": _parse_ssh,
    "docker": _parse_engine,
    "buildkitd": _parse_managed,
}
