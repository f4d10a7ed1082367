"""Why there is no connection, told from the errors of the libraries."""

from __future__ import annotations

import errno
import os
import ssl

import pytest
import urllib3.exceptions as broken  # noqa: TID253  # what the tests are about

from okplug_registry.failures import unreachable


def tls(reason: str, text: str = "") -> broken.SSLError:
    return broken.SSLError(ssl.SSLError(1, f"[SSL: {reason}] {text} (_ssl.c:1000)"))


def last_try(error: Exception) -> broken.MaxRetryError:
    pool: object = None
    return broken.MaxRetryError(pool, "/v2/x?token=hunter2", error)  # type: ignore[arg-type]  # unused


@pytest.mark.parametrize(
    ("error", "message", "hint"),
    [
        (
            tls("CERTIFICATE_VERIFY_FAILED", "certificate verify failed: self-signed certificate"),
            "no TLS connection to r.test: self-signed certificate",
            "name the authority's certificate in the setting registry_ca",
        ),
        (
            tls(
                "CERTIFICATE_VERIFY_FAILED",
                "certificate verify failed: Hostname mismatch, certificate is not valid for 'r'.",
            ),
            "no TLS connection to r.test: Hostname mismatch, certificate is not valid for 'r'",
            "name the authority's certificate in the setting registry_ca",
        ),
        (
            tls("CERTIFICATE_VERIFY_FAILED"),
            "no TLS connection to r.test: it is signed by nobody who is trusted",
            "name the authority's certificate in the setting registry_ca",
        ),
        (
            tls("WRONG_VERSION_NUMBER", "wrong version number"),
            "r.test does not speak TLS",
            "if that is as it should be, add it to the setting insecure_registries",
        ),
        (
            tls("TLSV13_ALERT_CERTIFICATE_REQUIRED", "alert"),
            "no TLS connection to r.test: it wants a certificate of yours that it trusts",
            "set registry_cert and registry_key",
        ),
        (
            tls("SSLV3_ALERT_BAD_CERTIFICATE", "alert"),
            "no TLS connection to r.test: it wants a certificate of yours that it trusts",
            "set registry_cert and registry_key",
        ),
        (
            tls("TLSV1_ALERT_UNKNOWN_CA", "alert"),
            "no TLS connection to r.test: it wants a certificate of yours that it trusts",
            "set registry_cert and registry_key",
        ),
        (
            tls("UNSUPPORTED_PROTOCOL"),
            "no TLS connection to r.test: unsupported protocol",
            "compare what both sides take: certificates, versions and names",
        ),
        (
            ssl.SSLError("odd"),
            "no TLS connection to r.test: the handshake failed",
            "compare what both sides take: certificates, versions and names",
        ),
    ],
)
def test_tls(error: broken.HTTPError | OSError, message: str, hint: str) -> None:
    for raised in (error, last_try(error)):
        failure = unreachable("r.test", raised)
        assert (failure.message, failure.hint) == (message, hint)
        assert failure.is_dead


def reset() -> OSError:
    return OSError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            broken.ProtocolError("Connection aborted.", reset()),
            "the connection to r.test broke: Connection reset by peer",
        ),
        (reset(), "the connection to r.test broke: Connection reset by peer"),
        (
            broken.IncompleteRead(5, 10),
            "the connection to r.test broke: the answer was cut off",
        ),
        (TimeoutError(), "r.test takes too long to answer"),
        (broken.ProtocolError("odd"), "the connection to r.test broke: the answer is no HTTP"),
        (broken.HTTPError("odd"), "the connection to r.test broke: the answer is no HTTP"),
    ],
)
def test_what_breaks_on_the_way(error: broken.HTTPError | OSError, message: str) -> None:
    for raised in (error, last_try(error)):
        failure = unreachable("r.test", raised)
        assert failure.message == message
        assert not failure.is_dead
        assert "hunter2" not in str(failure)


def test_a_firewall() -> None:
    failure = unreachable("r.test", last_try(broken.ConnectTimeoutError("x")))
    assert failure.message == "r.test does not answer"
    assert failure.hint == "is there a firewall or a proxy between?"
    assert failure.is_dead


def test_a_proxy() -> None:
    error = broken.ProxyError("Unable to connect to http://cindy:hunter2@proxy", reset())
    failure = unreachable("r.test", last_try(error))
    assert failure.message == "the proxy on the way to r.test does not let it through"
    assert "hunter2" not in str(failure)
    assert failure.is_dead
