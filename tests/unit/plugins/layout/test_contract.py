"""Layouts keep the contract of registries, with hard links and without."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest
from okplug_layout.registry import LayoutRegistry

from okplug.reference import Reference
from okplug.testing import RegistryContract

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class LayoutContract(RegistryContract):
    @pytest.fixture
    def registry(self, folder: Path) -> LayoutRegistry:
        return LayoutRegistry(folder)


class TestLayout(LayoutContract):
    @pytest.fixture
    def written(self, folder: Path) -> Callable[[], object]:
        return lambda: {
            path: (path.stat().st_ino, path.stat().st_mtime_ns, path.stat().st_ctime_ns)
            for path in folder.rglob("*")
        }


class TestLayoutWithPort(LayoutContract):
    @pytest.fixture
    def repository(self) -> Callable[[str], Reference]:
        return lambda name: Reference("[::1]:5000", name)


class TestLayoutWithoutLinks(LayoutContract):
    @pytest.fixture(autouse=True)
    def _no_links(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def link(source: object, target: object) -> None:
            raise OSError(errno.EPERM, os.strerror(errno.EPERM), str(source), None, str(target))

        monkeypatch.setattr(os, "link", link)
