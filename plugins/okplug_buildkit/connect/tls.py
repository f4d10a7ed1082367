"""TLS: whom to trust, and who we are.

The files are read and checked here, because gRPC ends the whole process over a key without a
certificate and tells nothing of a file that it cannot parse.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from okplug import UsageError

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class TLSFiles:
    """What the user says about TLS.

    :param ca: the certificates to trust, None for those that the system trusts.
    :param cert: our certificate with what signed it, None if we have none.
    :param key: the key of that certificate.
    :param server_name: what the daemon's certificate is for, ``""`` for the host of its address.
    """

    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    server_name: str = ""

    def __bool__(self) -> bool:
        return bool(self.ca or self.cert or self.key or self.server_name)


@dataclass(frozen=True, slots=True)
class TLS:
    """Checked TLS material, PEM.

    :param roots: None for those that come with gRPC, where the system has none.
    :param files: where it comes from.
    """

    files: TLSFiles
    roots: bytes | None
    cert: bytes | None = None
    key: bytes | None = field(default=None, repr=False)

    def context(self, protocol: str) -> ssl.SSLContext:
        """Return what Python's own connections need of it.

        :param protocol: what the connection is for, as ALPN names it.
        """
        context = ssl.create_default_context(cafile=self.files.ca)
        context.set_alpn_protocols([protocol])
        if self.files.cert is not None:
            context.load_cert_chain(self.files.cert, self.files.key)
        return context


def load_tls(files: TLSFiles, names: tuple[str, str, str]) -> TLS:
    """Read and check the files.

    :param names: what to call CA, certificate and key in messages.
    :raises UsageError: if a file cannot be read or parsed, or certificate and key do not belong
        together.
    """
    ca, cert, key = names
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if files.ca is None:
        roots = _system_roots()
    else:
        roots = _read(files.ca, ca)
        _check_roots(context, files.ca, ca)
    if files.cert is None and files.key is None:
        return TLS(files, roots)
    if files.cert is None or files.key is None:
        there, missing = (cert, key) if files.key is None else (key, cert)
        raise UsageError(
            f"{there} is set and {missing} is not",
            hint="a certificate and its key go together: set both, or neither",
        )
    tls = TLS(files, roots, _read(files.cert, cert), _read(files.key, key))
    _check_pair(context, files.cert, files.key, (cert, key))
    return tls


def _system_roots() -> bytes | None:
    from pathlib import Path

    path = ssl.get_default_verify_paths().cafile
    try:
        return Path(path).read_bytes() if path else None
    except OSError:
        return None


def _read(path: Path, name: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"{name}: cannot read {path}: {error.strerror}", hint=f"set {name} to a PEM file"
        ) from error


def _check_roots(context: ssl.SSLContext, path: Path, name: str) -> None:
    try:
        context.load_verify_locations(path)
    except ssl.SSLError as error:
        raise _no_certificate(path, name) from error


def _no_certificate(path: Path, name: str) -> UsageError:
    return UsageError(
        f"{name}: {path} holds no certificate",
        hint="a PEM file has lines such as -----BEGIN CERTIFICATE-----",
    )


def _check_pair(context: ssl.SSLContext, cert: Path, key: Path, names: tuple[str, str]) -> None:
    try:
        # a passphrase, which would be asked for on the terminal, is taken to be empty
        context.load_cert_chain(cert, key, password=lambda: b"")
    except ssl.SSLError as error:
        if "KEY_VALUES_MISMATCH" in str(error):
            raise UsageError(
                f"{names[1]}: {key} is not the key of the certificate {cert}",
                hint=f"set {names[0]} and {names[1]} to files that belong together",
            ) from error
        if not _holds_certificate(cert):
            raise _no_certificate(cert, names[0]) from error
        raise UsageError(
            f"{names[1]}: {key} holds no key that can be read without a passphrase",
            hint="a PEM file has lines such as -----BEGIN PRIVATE KEY-----; "
            "openssl pkey takes a passphrase off",
        ) from error


def _holds_certificate(path: Path) -> bool:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(path)
    except ssl.SSLError:
        return False
    return True
