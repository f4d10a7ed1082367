"""A random name for this user on this machine, kept from run to run."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_NAME = "buildkit-identity"


def identity(folder: Path) -> str:
    """Return the name, made if need be; a new one each time if it cannot be kept.

    :param folder: okplug's in the user's cache.
    """
    path = folder / _NAME
    try:
        return _kept(path) or _make(path)
    except OSError:
        return secrets.token_hex(16)


def _kept(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except (FileNotFoundError, UnicodeDecodeError):
        return ""


def _make(path: Path) -> str:
    """Write a new one beside it and link it into its place, so that of two runs one wins."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(16))
        with suppress(FileExistsError):
            path.hardlink_to(draft)
    finally:
        draft.unlink()
    return _kept(path)
