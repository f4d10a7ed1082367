"""What gRPC says of a connection is turned into a cause and a remedy."""

from __future__ import annotations

import socket
import ssl
import threading
from typing import TYPE_CHECKING

import grpc  # noqa: TID253  # its errors are what is explained
import pytest

from okplug import BuildError
from okplug_buildkit.connect.addresses import parse_address
from okplug_buildkit.connect.failures import (
    Contact,
    DaemonError,
    DaemonLostError,
    Fault,
    explain,
    is_connection_fault,
)
from okplug_buildkit.connect.probes import speaks_tls
from okplug_buildkit.connect.relay import DialError

if TYPE_CHECKING:
    from tests.certificates import Authority

UNIX = Contact(parse_address("unix:///run/kit.sock"))


class Failed(grpc.RpcError):
    """An error as gRPC raises it."""

    def __init__(self, code: grpc.StatusCode, details: str | None) -> None:
        self._code = code
        self._details = details

    def code(self) -> grpc.StatusCode:
        """Return the status."""
        return self._code

    def details(self) -> str | None:
        """Return the text."""
        return self._details


def unavailable(details: str, contact: Contact = UNIX) -> DaemonError:
    return explain(Failed(grpc.StatusCode.UNAVAILABLE, details), contact)


FAILED = "failed to connect to all addresses; last error: "


@pytest.mark.parametrize(
    ("details", "fault", "reason", "hint"),
    [
        (
            (
                f"{FAILED}UNKNOWN: ipv4:127.0.0.1:1: Failed to connect to remote host: "
                "Connection refused"
            ),
            Fault.NO_DAEMON,
            "connection refused",
            "start a buildkitd there, or name another builder with --builder or BUILDKIT_HOST",
        ),
        (
            (
                f"{FAILED}FAILED_PRECONDITION: unix:/s: connect failed: addr: unix:/s error: "
                "No such file or directory"
            ),
            Fault.NO_DAEMON,
            "there is no such socket",
            "start a buildkitd there",
        ),
        (
            (
                f"{FAILED}FAILED_PRECONDITION: unix:/s: connect failed: addr: unix:/s error: "
                "Permission denied"
            ),
            Fault.NO_DAEMON,
            "permission denied",
            "run as a user who may use the socket",
        ),
        (
            (
                "errors resolving nosuch.invalid:1234: [field:hostname lookup error:address lookup "
                "failed for nosuch.invalid:1234: Domain name not found]"
            ),
            Fault.NO_DAEMON,
            "no such host",
            "start a buildkitd there",
        ),
        ("connect: Network is unreachable", Fault.NO_DAEMON, "the network does not reach it", ""),
        ("connect: No route to host", Fault.NO_DAEMON, "the network does not reach it", ""),
        ("Stream removed (Socket closed)", Fault.LOST, "the connection was closed", "see whether"),
        ("recvmsg:Connection reset by peer", Fault.LOST, "the connection was closed", ""),
        ("Broken\n  pipes.", Fault.LOST, "Broken pipes", "see whether the daemon still runs"),
        (
            'Stream removed (GOAWAY received; debug data: "too_many_pings")',
            Fault.LOST,
            "the daemon takes our keep-alive pings for too many",
            "set keepalive_time to 300000 or more",
        ),
    ],
)
def test_what_another_try_may_mend(details: str, fault: Fault, reason: str, hint: str) -> None:
    error = unavailable(details)
    assert isinstance(error, DaemonLostError)
    assert error.message == f"no BuildKit at unix:///run/kit.sock: {reason}"
    assert error.fault is fault
    assert error.hint.startswith(hint)
    assert error.hint


@pytest.mark.parametrize(
    ("details", "fault", "reason", "hint"),
    [
        (
            (
                f"{FAILED}INTERNAL: Failed parsing HTTP/2 (Expected SETTINGS frame as the first "
                "frame, got frame type 80) (Trying to connect an http1.x server (HTTP status 400))"
            ),
            Fault.NOT_BUILDKIT,
            "a server that speaks HTTP/1.1 only, and is no BuildKit",
            "a Docker engine is reached by docker://",
        ),
        (
            (
                f"{FAILED}UNKNOWN: Custom verification check failed with error: UNAUTHENTICATED: "
                "Hostname Verification Check failed."
            ),
            Fault.TLS,
            "its certificate is for another name",
            "set builder_server_name to a name that is in the certificate",
        ),
        (
            (
                f"{FAILED}UNKNOWN: Tls handshake failed (TSI_PROTOCOL_FAILURE): SSL_ERROR_SSL: "
                "error:1000007d:SSL routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED: "
                "unable to get local issuer certificate: OK"
            ),
            Fault.TLS,
            "its certificate is not trusted: unable to get local issuer certificate",
            "set builder_ca to the certificate of the authority",
        ),
        (
            (
                f"{FAILED}UNKNOWN: Tls handshake failed (TSI_PROTOCOL_FAILURE): SSL_ERROR_SSL: "
                "error:100000f7:SSL routines:OPENSSL_internal:WRONG_VERSION_NUMBER: Invalid"
            ),
            Fault.TLS,
            "the daemon speaks no TLS there",
            "set none of builder_ca, ",
        ),
        (
            f"{FAILED}UNAVAILABLE: ipv4:127.0.0.1:1: Unwrap failed (TSI_DATA_CORRUPTED)",
            Fault.TLS,
            "the daemon refuses our certificate, or wants one",
            "set builder_cert and builder_key",
        ),
        (
            f"{FAILED}UNKNOWN: Tls handshake failed (TSI_PROTOCOL_FAILURE): new words",
            Fault.TLS,
            "TLS cannot be agreed on",
            "see the daemon's log",
        ),
    ],
)
def test_what_no_other_try_mends(details: str, fault: Fault, reason: str, hint: str) -> None:
    error = unavailable(details)
    assert not isinstance(error, DaemonLostError)
    assert error.message == f"cannot use BuildKit at unix:///run/kit.sock: {reason}"
    assert error.fault is fault
    assert error.hint.startswith(hint)


@pytest.mark.parametrize(
    ("code", "fault", "reason"),
    [
        ("UNAUTHENTICATED", Fault.AUTHENTICATION, "it does not let us in: token is expired"),
        ("PERMISSION_DENIED", Fault.AUTHENTICATION, "it does not let us in: token is expired"),
        ("UNIMPLEMENTED", Fault.TOO_OLD, "it does not know a call that okplug needs"),
        ("RESOURCE_EXHAUSTED", Fault.OTHER, "token is expired"),
    ],
)
def test_other_causes(code: str, fault: Fault, reason: str) -> None:
    error = explain(Failed(grpc.StatusCode[code], "token\nis expired."), UNIX)
    assert error.message == f"cannot use BuildKit at unix:///run/kit.sock: {reason}"
    assert error.fault is fault
    assert isinstance(error, BuildError)


def test_a_status_without_a_text_is_named() -> None:
    error = explain(Failed(grpc.StatusCode.DATA_LOSS, None), UNIX)
    assert error.message.endswith(": DATA_LOSS")


def test_a_disk_without_room_even_for_a_removal() -> None:
    words = "failed to delete metadata of x: write /m.db: no space left on device"
    error = explain(Failed(grpc.StatusCode.UNKNOWN, words), UNIX)
    assert str(error) == (
        f"cannot use BuildKit at unix:///run/kit.sock: {words}\n"
        "  hint: its disk is full to the last byte: free a little there by hand, then prune again"
    )


def test_a_daemon_that_had_answered_is_lost() -> None:
    contact = Contact(UNIX.address, was_made=True)
    assert unavailable("Socket closed", contact).message == (
        "lost BuildKit at unix:///run/kit.sock: the connection was closed"
    )


def test_silence_depends_on_where_it_comes_from() -> None:
    late = Failed(grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded")
    far = Contact(parse_address("tcp://h:1"))
    assert explain(late, UNIX).message == "no BuildKit at unix:///run/kit.sock: it does not answer"
    assert explain(late, UNIX).fault is Fault.SILENT
    assert "daemon still runs" in explain(late, UNIX).hint
    assert "firewall" in explain(late, far).hint
    assert "firewall" not in explain(late, Contact(far.address, was_made=True)).hint


@pytest.mark.parametrize("code", ["UNAVAILABLE", "DEADLINE_EXCEEDED"])
def test_what_the_relay_has_to_say_says_more(code: str) -> None:
    failed = Failed(grpc.StatusCode[code], "recvmsg:Connection reset by peer")
    kit = parse_address("docker-container://kit")
    error = explain(failed, Contact(kit, failure=DialError("No such container: kit")))
    assert error.message == "no BuildKit at docker-container://kit: No such container: kit"
    assert error.fault is Fault.NO_DAEMON
    assert "daemon still runs" in error.hint
    error = explain(failed, Contact(kit, failure=DialError("there is no docker", "install it")))
    assert error.hint == "install it"


def test_which_statuses_are_about_the_connection() -> None:
    faults = [code.name for code in grpc.StatusCode if is_connection_fault(Failed(code, ""))]
    assert faults == ["UNAVAILABLE"]


@pytest.fixture
def tls_port(authority: Authority) -> int:
    """A port where one connection gets TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.folder / "server.pem", authority.folder / "server.key")
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with listener:
            stream, _ = listener.accept()
            with context.wrap_socket(stream, server_side=True):
                pass

    threading.Thread(target=serve, daemon=True).start()
    port: int = listener.getsockname()[1]
    return port


def test_a_port_that_speaks_only_tls_is_found_out(tls_port: int) -> None:
    error = unavailable("Socket closed", Contact(parse_address(f"tcp://127.0.0.1:{tls_port}")))
    assert error.fault is Fault.TLS
    assert error.message.endswith(": the daemon speaks only TLS there")
    assert error.hint.startswith("set builder_ca to ")


def test_a_port_where_nothing_is_speaks_no_tls() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert not speaks_tls("127.0.0.1", port)


@pytest.mark.parametrize(
    "contact",
    [
        Contact(parse_address("tcp://127.0.0.1:1")),
        Contact(parse_address("tcp://127.0.0.1:1"), was_made=True),
        Contact(parse_address("tcp://127.0.0.1:1"), is_encrypted=True),
    ],
)
def test_a_connection_that_is_closed_is_lost(contact: Contact) -> None:
    assert unavailable("Socket closed", contact).fault is Fault.LOST
