"""TLS files are read, checked and explained before gRPC sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from okplug import UsageError
from okplug_buildkit.connect.tls import TLS, TLSFiles, load_tls
from tests.certificates import Authority, encrypt_key

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ("builder_ca", "builder_cert", "builder_key")


def refused(ca: Path | None, cert: Path | None, key: Path | None) -> UsageError:
    with pytest.raises(UsageError) as caught:
        load_tls(TLSFiles(ca, cert, key), NAMES)
    return caught.value


def test_what_is_set_is_read(authority: Authority) -> None:
    cert, key = authority.folder / "client.pem", authority.folder / "client.key"
    files = TLSFiles(authority.ca, cert, key, "buildkit.test")
    assert load_tls(files, NAMES) == TLS(
        files, authority.ca.read_bytes(), cert.read_bytes(), key.read_bytes()
    )


def test_a_certificate_of_our_own_is_not_needed(authority: Authority) -> None:
    files = TLSFiles(ca=authority.ca)
    assert load_tls(files, NAMES) == TLS(files, authority.ca.read_bytes(), None, None)


def test_without_an_authority_the_system_says_whom_to_trust() -> None:
    roots = load_tls(TLSFiles(server_name="buildkit.test"), NAMES).roots
    assert roots is None or b"BEGIN CERTIFICATE" in roots


def test_the_key_is_not_shown(authority: Authority) -> None:
    cert, key = authority.folder / "client.pem", authority.folder / "client.key"
    tls = load_tls(TLSFiles(authority.ca, cert, key), NAMES)
    assert "PRIVATE KEY" not in repr(tls)


def test_nothing_set_is_no_tls(tmp_path: Path) -> None:
    assert not TLSFiles()
    assert TLSFiles(ca=tmp_path)
    assert TLSFiles(server_name="x")


@pytest.mark.parametrize(
    ("which", "there", "missing"), [(1, NAMES[1], NAMES[2]), (2, *NAMES[:0:-1])]
)
def test_certificate_and_key_go_together(
    authority: Authority, which: int, there: str, missing: str
) -> None:
    files: list[Path | None] = [authority.ca, None, None]
    files[which] = authority.folder / ("client.pem", "client.key")[which - 1]
    error = refused(*files)
    assert error.message == f"{there} is set and {missing} is not"
    assert error.hint == "a certificate and its key go together: set both, or neither"


@pytest.mark.parametrize("which", [0, 1, 2])
def test_a_file_that_cannot_be_read(authority: Authority, tmp_path: Path, which: int) -> None:
    files = [authority.ca, authority.folder / "client.pem", authority.folder / "client.key"]
    files[which] = tmp_path / "gone"
    error = refused(*files)
    assert (
        error.message == f"{NAMES[which]}: cannot read {tmp_path}/gone: No such file or directory"
    )
    assert error.hint == f"set {NAMES[which]} to a PEM file"


@pytest.mark.parametrize("content", [b"", b"text", b"\x30\x82\0\0", b"-----BEGIN CERTIFICATE-----"])
def test_an_authority_without_a_certificate(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "ca.pem"
    path.write_bytes(content)
    assert refused(path, None, None).message == f"builder_ca: {path} holds no certificate"


def test_a_key_in_the_place_of_a_certificate(authority: Authority) -> None:
    key = authority.folder / "client.key"
    error = refused(authority.ca, key, key)
    assert error.message == f"builder_cert: {key} holds no certificate"
    assert error.hint == "a PEM file has lines such as -----BEGIN CERTIFICATE-----"


def test_a_certificate_in_the_place_of_a_key(authority: Authority) -> None:
    cert = authority.folder / "client.pem"
    error = refused(authority.ca, cert, cert)
    assert (
        error.message == f"builder_key: {cert} holds no key that can be read without a passphrase"
    )


def test_a_key_with_a_passphrase_asks_for_none(authority: Authority, tmp_path: Path) -> None:
    key = encrypt_key(authority.folder / "client.key", tmp_path / "locked.key")
    error = refused(authority.ca, authority.folder / "client.pem", key)
    assert error.message == f"builder_key: {key} holds no key that can be read without a passphrase"
    assert error.hint.endswith("openssl pkey takes a passphrase off")


def test_a_key_of_another_certificate(authority: Authority) -> None:
    cert, key = authority.folder / "client.pem", authority.folder / "server.key"
    error = refused(authority.ca, cert, key)
    assert error.message == f"builder_key: {key} is not the key of the certificate {cert}"
    assert error.hint == "set builder_cert and builder_key to files that belong together"


def test_pythons_own_connections_get_the_same(authority: Authority) -> None:
    cert, key = authority.folder / "client.pem", authority.folder / "client.key"
    context = load_tls(TLSFiles(authority.ca, cert, key), NAMES).context("h2")
    assert context.check_hostname
    subjects = [held["subject"] for held in context.get_ca_certs()]
    assert subjects == [((("commonName", "authority"),),)]
