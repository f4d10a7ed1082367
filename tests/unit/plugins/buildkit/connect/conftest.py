"""Certificates and sockets for tests of connections."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.certificates import Authority

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Return an authority that has signed for ``server`` and ``client``."""
    authority = Authority.make(tmp_path_factory.mktemp("tls"))
    authority.sign("server")
    authority.sign("client")
    return authority


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """Return a folder whose path is short enough for sockets in it."""
    folder = Path(tempfile.mkdtemp(prefix="okp-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder)
