"""Layouts keep the contract of registries, with hard links and without."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

from okplug.reference import Reference
from okplug.testing import RegistryContract
from okplug_layout.registry import LayoutRegistry

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class LayoutContract(RegistryContract):
    """The contract with layouts."""

    @pytest.fixture
    def registry(self, folder: Path) -> LayoutRegistry:
        """Return a registry in a folder that is not there yet."""
        return LayoutRegistry(folder)


class TestLayout(LayoutContract):
    """As it is."""

    @pytest.fixture
    def written(self, folder: Path) -> Callable[[], object]:
        """Return the state of all files."""
        return lambda: {
            path: (path.stat().st_ino, path.stat().st_mtime_ns, path.stat().st_ctime_ns)
            for path in folder.rglob("*")
        }


class TestLayoutWithPort(LayoutContract):
    """As another host, with characters that a folder's name must not have."""

    @pytest.fixture
    def repository(self) -> Callable[[str], Reference]:
        """Return references of that host."""
        return lambda name: Reference("[::1]:5000", name)


class TestLayoutWithoutLinks(LayoutContract):
    """In a file system without hard links."""

    @pytest.fixture(autouse=True)
    def _no_links(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def link(source: object, target: object) -> None:
            raise OSError(errno.EPERM, os.strerror(errno.EPERM), str(source), None, str(target))

        monkeypatch.setattr(os, "link", link)
