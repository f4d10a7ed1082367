"""Contents of many files: those of one at a time, wherever they are read."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

import pytest
import xxhash

from okplug import contextreading, forking
from okplug.contextreading import read_contents
from okplug.folderstats import get_stat

if TYPE_CHECKING:
    from pathlib import Path

    from okplug.contextreading import File


@pytest.fixture
def files(tmp_path: Path) -> list[File]:
    """Return twenty files, some of them empty."""
    found = []
    for number in range(20):
        path = tmp_path / f"f{number}"
        path.write_bytes(bytes([number]) * (number % 7) * 9)
        found.append(described(path))
    return found


def described(path: Path) -> File:
    mode, size, *_ = get_stat(path.lstat())
    return os.fsencode(path), mode, size


def digests(file: File) -> bytes:
    with open(file[0], "rb") as stream:  # noqa: PTH123  # of bytes
        data = stream.read()
    return xxhash.xxh3_128_digest(data) + hashlib.sha256(data).digest()


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have processes pay from the first file on."""
    monkeypatch.setattr(contextreading, "_MANY", 1)
    monkeypatch.setattr(forking, "has_one_thread", lambda: True)


@pytest.mark.usefixtures("eager")
def test_processes_read_what_one_would(files: list[File]) -> None:
    assert read_contents(files) == [digests(file) for file in files]
    assert read_contents(files[:3]) == [digests(file) for file in files[:3]]


@pytest.mark.usefixtures("eager")
def test_what_cannot_be_read_is_left_to_whoever_can_tell_why(
    files: list[File], tmp_path: Path
) -> None:
    """A file that changed, one that is gone, one that is something else now."""
    (tmp_path / "f1").write_text("longer than it was")
    (tmp_path / "f2").unlink()
    (tmp_path / "f3").unlink()
    (tmp_path / "f3").symlink_to("f4")
    found = read_contents(files)
    assert [number for number, content in enumerate(found) if not content] == [1, 2, 3]
    assert found[4:] == [digests(file) for file in files[4:]]


@pytest.mark.usefixtures("eager")
def test_without_processes_nothing_is_read(
    files: list[File], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forking, "has_one_thread", lambda: False)
    assert read_contents(files) == [b""] * 20


def test_a_few_small_files_are_not_worth_a_process(
    files: list[File], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fork", lambda: pytest.fail("forked"))
    assert read_contents(files) == [b""] * 20
    assert read_contents([]) == []


def test_a_few_large_files_are(files: list[File], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contextreading, "_LARGE", 100)
    monkeypatch.setattr(forking, "has_one_thread", lambda: True)
    assert read_contents(files) == [digests(file) for file in files]
