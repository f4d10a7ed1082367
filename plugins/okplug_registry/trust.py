"""TLS: whom to trust, and how to prove who asks."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from okplug import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def make_tls(settings: Mapping[str, str], root: Path, environ: Mapping[str, str]) -> ssl.SSLContext:
    """Return what every TLS connection of a run is made with.

    :param settings: ``registry_ca``, ``registry_cert`` and ``registry_key``, ``""`` if unset.
    :param root: what relative paths are below.
    :param environ: ``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` stand for the system's authorities.
    :raises UsageError: if a file cannot be read; it says which setting or variable names it.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _trust_system(context, environ)
    authorities = settings["registry_ca"]
    if authorities:
        path = root / authorities
        with _Reading("registry_ca", path):
            context.load_verify_locations(path)
    certificate, key = settings["registry_cert"], settings["registry_key"]
    if certificate:
        path = root / certificate
        with _Reading("registry_cert", path):
            context.load_cert_chain(path, root / key if key else None, password=_no_password)
    elif key:
        raise UsageError("registry_key is set without registry_cert", hint="set both, or neither")
    return context


def _trust_system(context: ssl.SSLContext, environ: Mapping[str, str]) -> None:
    file, folder = environ.get("SSL_CERT_FILE"), environ.get("SSL_CERT_DIR")
    if not file and not folder:
        context.load_default_certs()
        return
    with _Reading("SSL_CERT_FILE" if file else "SSL_CERT_DIR", file or folder):
        context.load_verify_locations(file or None, folder or None)


def _no_password() -> str:
    """Refuse a key that is encrypted, where OpenSSL would ask on the terminal."""
    raise ssl.SSLError("the key is encrypted")


class _Reading:
    """Tells which file is wrong if one is."""

    def __init__(self, name: str, path: Path | str | None) -> None:
        self._name = name
        self._path = path

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if isinstance(error, OSError):  # ssl.SSLError is one
            reason = error.strerror or str(error)
            raise UsageError(
                f"{self._name}: cannot use {self._path}: {reason}",
                hint="it is a PEM file; a key is not encrypted and belongs to the certificate",
            ) from error
