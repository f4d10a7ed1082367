"""Why a daemon cannot be used, in words that help.

gRPC has one status for all that keeps it from a daemon, and tells the causes apart in its text
only. What is not recognised in it is shown as it is.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from okplug import BuildError

if TYPE_CHECKING:
    import grpc

    from okplug_buildkit.connect.addresses import Address
    from okplug_buildkit.connect.relay import DialError


class Fault(enum.StrEnum):
    """What is wrong between us and a daemon."""

    NO_DAEMON = "no daemon"
    SILENT = "silent"
    LOST = "lost"
    NOT_BUILDKIT = "not BuildKit"
    TLS = "TLS"
    AUTHENTICATION = "authentication"
    TOO_OLD = "too old"
    OTHER = "other"


class DaemonError(BuildError):
    """A daemon cannot be used."""

    def __init__(self, message: str, fault: Fault, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.fault = fault


class DaemonLostError(DaemonError):
    """A daemon cannot be reached, or no longer; another try, there or elsewhere, may succeed."""


_ELSEWHERE = "name another builder with --builder or BUILDKIT_HOST"
_START = f"start a buildkitd there, or {_ELSEWHERE}"
_LOOK = f"see whether the daemon still runs and what its log says, or {_ELSEWHERE}"
_WANTS_TLS = (
    "set builder_ca to the certificate of the authority that signed the daemon's, "
    "and builder_cert and builder_key if it asks for them"
)
_CLIENT_CERT = "set builder_cert and builder_key to what an authority that the daemon trusts signed"
_RIGHT = "run as a user who may use the socket, or give its group to yours with buildkitd --group"
_NO_ROOM = "its disk is full to the last byte: free a little there by hand, then prune again"

#: what gRPC's text has in it -> what is wrong, how to say it, the remedy; the first counts
_CAUSES: tuple[tuple[str, Fault, str, str], ...] = (
    ("Connection refused", Fault.NO_DAEMON, "connection refused", _START),
    ("No such file or directory", Fault.NO_DAEMON, "there is no such socket", _START),
    ("Permission denied", Fault.NO_DAEMON, "permission denied", _RIGHT),
    ("lookup failed|resolution failed|resolving", Fault.NO_DAEMON, "no such host", _START),
    ("unreachable|No route to host", Fault.NO_DAEMON, "the network does not reach it", _START),
    (
        "http1.x server",
        Fault.NOT_BUILDKIT,
        "a server that speaks HTTP/1.1 only, and is no BuildKit",
        f"a Docker engine is reached by docker://; else {_ELSEWHERE}",
    ),
    (
        "Hostname Verification",
        Fault.TLS,
        "its certificate is for another name",
        "set builder_server_name to a name that is in the certificate",
    ),
    (
        r"CERTIFICATE_VERIFY_FAILED: (?P<reason>[^:]+)",
        Fault.TLS,
        "its certificate is not trusted: {reason}",
        "set builder_ca to the certificate of the authority that signed the daemon's",
    ),
    (
        "WRONG_VERSION_NUMBER",
        Fault.TLS,
        "the daemon speaks no TLS there",
        "set none of builder_ca, builder_cert, builder_key and builder_server_name",
    ),
    (
        r"TSI_DATA_CORRUPTED|ALERT_\w*CERTIFICATE|ALERT_UNKNOWN_CA",
        Fault.TLS,
        "the daemon refuses our certificate, or wants one",
        _CLIENT_CERT,
    ),
    (
        "TSI_PROTOCOL_FAILURE|[Hh]andshake|SSL_ERROR",
        Fault.TLS,
        "TLS cannot be agreed on",
        "see the daemon's log for what it offers",
    ),
    (
        "too_many_pings",
        Fault.LOST,
        "the daemon takes our keep-alive pings for too many",
        "set keepalive_time to 300000 or more, or keepalive_permit_without_stream to false",
    ),
)

_LOST = re.compile("[Ss]ocket closed|Connection reset|Broken pipe|End of TCP|GOAWAY|EOF")
_TRANSIENT = frozenset({Fault.NO_DAEMON, Fault.SILENT, Fault.LOST})
_Said: TypeAlias = tuple[Fault, str, str]


@dataclass(frozen=True, slots=True)
class Contact:
    """What is known of the way to a daemon when a call fails.

    :param was_made: whether the daemon has answered before.
    :param is_encrypted: whether the connection is.
    :param failure: what the relay in between has to say.
    """

    address: Address
    was_made: bool = False
    is_encrypted: bool = False
    failure: DialError | None = None


def explain(error: grpc.RpcError, contact: Contact) -> DaemonError:
    """Return what to raise for a call that failed for the sake of the connection.

    :return: a ``DaemonLostError`` if another try may succeed.
    """
    code, details = error.code().name, error.details() or ""
    fault, reason, hint = _by_code(code, details, contact)
    kind = DaemonLostError if fault in _TRANSIENT else DaemonError
    intro = "lost BuildKit" if contact.was_made and fault in _TRANSIENT else "no BuildKit"
    if fault not in _TRANSIENT:
        intro = "cannot use BuildKit"
    return kind(f"{intro} at {contact.address}: {reason}", fault, hint=hint)


def is_connection_fault(error: grpc.RpcError) -> bool:
    """Tell whether a call failed for the connection, and not for what was asked."""
    return error.code().name == "UNAVAILABLE"


def _by_code(code: str, details: str, contact: Contact) -> _Said:
    match code:
        case "UNAVAILABLE":
            return _unavailable(details, contact)
        case "DEADLINE_EXCEEDED":
            return _deadline(contact)
        case "UNAUTHENTICATED" | "PERMISSION_DENIED":
            return (
                Fault.AUTHENTICATION,
                f"it does not let us in: {_one_line(details)}",
                "set builder_token to a token that is still valid",
            )
        case "UNIMPLEMENTED":
            return (
                Fault.TOO_OLD,
                "it does not know a call that okplug needs",
                f"update the daemon to BuildKit 0.13 or later, or {_ELSEWHERE}",
            )
        case _:
            hint = _NO_ROOM if "no space left on device" in details else ""
            return Fault.OTHER, _one_line(details) or code, hint


def _deadline(contact: Contact) -> _Said:
    if contact.failure is not None:
        return Fault.NO_DAEMON, contact.failure.message, contact.failure.hint or _LOOK
    hint = _LOOK
    if contact.address.scheme == "tcp" and not contact.was_made:
        hint = f"see whether the port is right and no firewall is in between, or {_ELSEWHERE}"
    return Fault.SILENT, "it does not answer", hint


def _unavailable(details: str, contact: Contact) -> _Said:
    if contact.failure is not None:
        return Fault.NO_DAEMON, contact.failure.message, contact.failure.hint or _LOOK
    for pattern, fault, reason, hint in _CAUSES:
        found = re.search(pattern, details)
        if found:
            return fault, reason.format(**found.groupdict()), hint
    if not _LOST.search(details):
        return Fault.LOST, _one_line(details), _LOOK
    if _wants_tls(contact):
        return Fault.TLS, "the daemon speaks only TLS there", _WANTS_TLS
    return Fault.LOST, "the connection was closed", _LOOK


def _wants_tls(contact: Contact) -> bool:
    address = contact.address
    if address.scheme != "tcp" or contact.was_made or contact.is_encrypted:
        return False
    from okplug_buildkit.connect.probes import speaks_tls

    return speaks_tls(address.host, address.port)


def _one_line(text: str) -> str:
    return " ".join(text.split()).rstrip(".")
