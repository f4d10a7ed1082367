"""A certificate authority that is thrown away, for tests of TLS."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


@dataclass(frozen=True)
class Authority:
    """An authority in a folder of its own, which signs for ``buildkit.test`` and 127.0.0.1."""

    folder: Path

    @classmethod
    def make(cls, folder: Path, name: str = "authority") -> Authority:
        """Make its key and certificate."""
        authority = cls(folder)
        folder.mkdir(exist_ok=True)
        _openssl(
            *("req", "-x509", *_NEW_KEY, "-days", "30", "-subj", f"/CN={name}"),
            *("-keyout", folder / "ca.key", "-out", authority.ca),
        )
        return authority

    @property
    def ca(self) -> Path:
        """Its certificate."""
        return self.folder / "ca.pem"

    def sign(self, name: str) -> tuple[Path, Path]:
        """Make a certificate with its key, and return both files."""
        cert, key, request, extensions = (
            self.folder / f"{name}.{suffix}" for suffix in ("pem", "key", "csr", "ext")
        )
        extensions.write_text("subjectAltName=DNS:buildkit.test,IP:127.0.0.1\n")
        _openssl("req", *_NEW_KEY, "-subj", f"/CN={name}", "-keyout", key, "-out", request)
        _openssl(
            *("x509", "-req", "-in", request, "-days", "30", "-extfile", extensions),
            *("-CA", self.ca, "-CAkey", self.folder / "ca.key", "-CAcreateserial", "-out", cert),
        )
        return cert, key


def encrypt_key(key: Path, target: Path) -> Path:
    """Write a key that needs a passphrase."""
    _openssl("pkey", "-in", key, "-aes256", "-passout", "pass:open sesame", "-out", target)
    return target


def _openssl(*arguments: object) -> None:
    program = shutil.which("openssl")
    if program is None:
        pytest.fail("openssl is not installed; tests/run installs it")
    subprocess.run([program, *map(str, arguments)], check=True, capture_output=True)
