"""Streams that check what they read."""

from __future__ import annotations

import hashlib
import io
import tarfile
from typing import TYPE_CHECKING

import pytest

from okplug.errors import RegistryError
from okplug_layout.verified import VerifiedFile, damaged

if TYPE_CHECKING:
    from pathlib import Path

DATA = bytes(range(256)) * 1000


def blob(folder: Path, data: bytes, stored: bytes | None = None) -> Path:
    """Write a blob under the name of *data*, with *stored* in it instead if that is given."""
    path = folder / hashlib.sha256(data).hexdigest()
    path.write_bytes(data if stored is None else stored)
    return path


@pytest.mark.parametrize("data", [b"", b"x", DATA], ids=len)
@pytest.mark.parametrize("piece", [1000, 4096, 1_000_000, -1])
def test_right_bytes(tmp_path: Path, data: bytes, piece: int) -> None:
    with io.BufferedReader(VerifiedFile(blob(tmp_path, data)), 5000) as stream:
        assert b"".join(iter(lambda: stream.read(piece), b"")) == data
        assert stream.read() == b""


@pytest.mark.parametrize(
    "stored", [b"", DATA[:-1], DATA[:100], DATA + b"x", b"y" + DATA[1:], DATA[:-1] + b"z"]
)
@pytest.mark.parametrize("piece", [1000, 1_000_000, -1])
def test_wrong_bytes(tmp_path: Path, stored: bytes, piece: int) -> None:
    path = blob(tmp_path, DATA, stored)
    with (
        io.BufferedReader(VerifiedFile(path), 5000) as stream,
        pytest.raises(RegistryError) as caught,
    ):
        list(iter(lambda: stream.read(piece), b""))
    assert str(caught.value) == str(damaged(path))


def test_damage_has_its_remedy(tmp_path: Path) -> None:
    assert str(damaged(tmp_path / "f")) == (
        f"{tmp_path}/f is damaged: its bytes do not have the digest that it is named after\n"
        f"  hint: remove it and build the image again: rm '{tmp_path}/f'; okplug build --no-cache"
    )


def test_who_reads_as_many_bytes_as_there_should_be_is_told(tmp_path: Path) -> None:
    path = blob(tmp_path, DATA, DATA[:-1] + b"z")
    with io.BufferedReader(VerifiedFile(path), 4096) as stream, pytest.raises(RegistryError):
        stream.read(len(DATA))


def test_it_feeds_tarfile(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo("a"))
    path = blob(tmp_path, buffer.getvalue())
    with (
        io.BufferedReader(VerifiedFile(path)) as stream,
        tarfile.open(fileobj=stream, mode="r|*") as archive,
    ):
        assert archive.getnames() == ["a"]


def test_a_disk_that_fails(tmp_path: Path) -> None:
    stream = VerifiedFile(blob(tmp_path, DATA))
    assert stream._file is not None
    stream._file.close()
    with stream:
        stream._file = FailingFile()  # type: ignore[assignment]  # a stand-in
        with pytest.raises(RegistryError, match=r"^cannot read .*: Input/output error"):
            stream.read(10)


class FailingFile(io.BytesIO):
    """A file on a bad disk."""

    def readinto(self, buffer: object, /) -> int:
        """Fail."""
        del buffer
        raise OSError(5, "Input/output error")


def test_closed_early(tmp_path: Path) -> None:
    stream = VerifiedFile(blob(tmp_path, DATA, DATA[:-1]))
    assert stream.readable()
    assert stream.read(10) == DATA[:10]
    stream.close()
    assert stream.closed


def test_what_could_not_be_opened_can_be_closed(tmp_path: Path) -> None:
    """Python does so, and 3.13 tells of it if that fails."""
    stream = VerifiedFile.__new__(VerifiedFile)
    with pytest.raises(FileNotFoundError):
        VerifiedFile.__init__(stream, tmp_path / "none")
    stream.close()
    assert stream.closed
