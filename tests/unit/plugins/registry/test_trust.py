"""TLS: whom to trust, and files that cannot be used."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path
from typing import Any

import pytest

from okplug.errors import UsageError
from okplug_registry.trust import make_tls

NONE = {"registry_ca": "", "registry_cert": "", "registry_key": ""}


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a certificate, its key, the key encrypted, and another key."""
    folder = tmp_path_factory.mktemp("pem")

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    new = ("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    for name in ("own", "other"):
        openssl(*new, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.crt")
    openssl("ec", "-in", "own.key", "-aes256", "-passout", "pass:hunter2", "-out", "locked.key")
    (folder / "both.pem").write_bytes(
        (folder / "own.crt").read_bytes() + (folder / "own.key").read_bytes()
    )
    return folder


def names(context: ssl.SSLContext) -> set[str]:
    """Return the common names of those who are trusted."""
    subjects: list[Any] = [certificate["subject"] for certificate in context.get_ca_certs()]
    return {value for subject in subjects for part in subject for _, value in part}


def make(folder: Path, settings: dict[str, str] | None = None, **environ: str) -> ssl.SSLContext:
    return make_tls({**NONE, **(settings or {})}, folder, environ)


def test_certificates_and_names_are_checked(pem: Path) -> None:
    context = make(pem)
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2


def test_an_authority_is_trusted_besides_the_systems(pem: Path) -> None:
    alone = make(pem, SSL_CERT_FILE=str(pem / "other.crt"))
    assert names(alone) == {"other"}
    both = make(pem, {"registry_ca": "own.crt"}, SSL_CERT_FILE=str(pem / "other.crt"))
    assert names(both) == {"other", "own"}


def test_a_folder_of_authorities(pem: Path, tmp_path: Path) -> None:
    context = make(pem, SSL_CERT_DIR=str(tmp_path))
    assert names(context) == set()  # one that is there is only read when it is needed


def test_absolute_paths(pem: Path) -> None:
    context = make(Path("/nowhere"), {"registry_ca": str(pem / "own.crt")}, SSL_CERT_DIR="/")
    assert names(context) == {"own"}


@pytest.mark.parametrize(
    "settings",
    [
        {"registry_cert": "own.crt", "registry_key": "own.key"},
        {"registry_cert": "both.pem"},
    ],
    ids=["two files", "one file"],
)
def test_a_certificate_of_the_client(pem: Path, settings: dict[str, str]) -> None:
    assert make(pem, settings)


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"registry_ca": "missing.crt"}, "registry_ca: cannot use {}/missing.crt: No such file"),
        ({"registry_ca": "own.key"}, "registry_ca: cannot use {}/own.key: "),
        ({"registry_cert": "missing.crt"}, "registry_cert: cannot use {}/missing.crt: No such"),
        ({"registry_cert": "own.crt"}, "registry_cert: cannot use {}/own.crt: "),
        (
            {"registry_cert": "own.crt", "registry_key": "other.key"},
            "registry_cert: cannot use {}/own.crt: ",
        ),
    ],
)
def test_a_file_that_cannot_be_used(pem: Path, settings: dict[str, str], name: str) -> None:
    with pytest.raises(UsageError) as raised:
        make(pem, settings)
    assert raised.value.message.startswith(name.format(pem))
    assert raised.value.hint == (
        "it is a PEM file; a key is not encrypted and belongs to the certificate"
    )


def test_an_encrypted_key_asks_nobody(pem: Path) -> None:
    with pytest.raises(UsageError, match=r"the key is encrypted"):
        make(pem, {"registry_cert": "own.crt", "registry_key": "locked.key"})


def test_a_key_without_certificate(pem: Path) -> None:
    with pytest.raises(UsageError, match=r"^registry_key is set without registry_cert"):
        make(pem, {"registry_key": "own.key"})


def test_a_variable_that_is_wrong_is_named(pem: Path) -> None:
    with pytest.raises(UsageError, match=r"^SSL_CERT_FILE: cannot use /missing: No such file"):
        make(pem, SSL_CERT_FILE="/missing")
