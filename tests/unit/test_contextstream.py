"""Streams that cannot end as something else than what was hashed."""

from __future__ import annotations

import gc
import io
import os
import tarfile
from typing import TYPE_CHECKING

import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from okplug.context import ContextFile
from okplug.contextstream import open_verified
from okplug.errors import ContextChangedError

if TYPE_CHECKING:
    from pathlib import Path


def described(data: bytes, name: str = "x") -> ContextFile:
    return ContextFile(name, "file", False, "", len(data), xxhash.xxh3_128_hexdigest(data))  # noqa: FBT003 - by place


def handles() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - as quick as can be


needs_proc = pytest.mark.skipif(
    not os.path.isdir("/proc/self/fd"),  # noqa: PTH112 - evaluated on import
    reason="counts open files through /proc",
)


@given(st.binary(max_size=200), st.lists(st.integers(1, 60), min_size=1, max_size=8))
def test_any_way_of_reading_gives_the_content(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, sizes: list[int]
) -> None:
    """And whoever reads on after the end gets nothing."""
    root = tmp_path_factory.mktemp("ctx")
    (root / "x").write_bytes(data)
    with open_verified(root, described(data)) as stream:
        pieces = [stream.read(size) for size in sizes]
        pieces.append(stream.read())
        assert b"".join(pieces) == data
        assert stream.read() == b""


@given(st.binary(min_size=1, max_size=200), st.data())
def test_the_last_byte_is_only_given_out_if_all_are_right(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, draw: st.DataObject
) -> None:
    """So a reader who stops at the known size has not been fooled."""
    root = tmp_path_factory.mktemp("ctx")
    changed = bytearray(data)
    changed[draw.draw(st.integers(0, len(data) - 1))] ^= draw.draw(st.integers(1, 255))
    (root / "x").write_bytes(changed)
    with (
        open_verified(root, described(data)) as stream,
        pytest.raises(ContextChangedError, match="its content is another"),
    ):
        stream.read(len(data))


def test_a_tar_archive_of_a_changed_file_is_never_finished(tmp_path: Path) -> None:
    """``tarfile`` reads exactly as many bytes as it was told."""
    (tmp_path / "x").write_bytes(b"new" * 40_000)
    file = described(b"old" * 40_000)
    info = tarfile.TarInfo("x")
    info.size = file.size
    with (
        tarfile.open(fileobj=io.BytesIO(), mode="w") as archive,
        open_verified(tmp_path, file) as stream,
        pytest.raises(ContextChangedError),
    ):
        archive.addfile(info, stream)


def test_an_empty_read_is_no_end(tmp_path: Path) -> None:
    """Nothing was asked for, so nothing is checked."""
    (tmp_path / "x").write_bytes(b"data")
    with open_verified(tmp_path, described(b"data")) as stream:
        assert stream.raw.readinto(bytearray()) == 0  # type: ignore[attr-defined]  # - the raw stream
        assert stream.read() == b"data"


def test_a_file_that_grew_after_it_was_opened_is_an_error(tmp_path: Path) -> None:
    """The size is looked at again at the end."""
    (tmp_path / "x").write_bytes(b"data")
    with open_verified(tmp_path, described(b"data")) as stream:
        with (tmp_path / "x").open("ab") as file:
            file.write(b"more")
        with pytest.raises(ContextChangedError, match="its size is another"):
            stream.read(4)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    """Not even one to the very same content."""
    (tmp_path / "y").write_bytes(b"data")
    (tmp_path / "x").symlink_to("y")
    with pytest.raises(ContextChangedError) as caught:
        open_verified(tmp_path, described(b"data"))
    assert caught.value.location is not None
    assert caught.value.location.path == tmp_path / "x"
    assert caught.value.hint


@needs_proc
def test_no_file_stays_open(tmp_path: Path) -> None:
    """Neither after an error nor after closing twice."""
    (tmp_path / "x").write_bytes(b"data")
    gc.collect()  # what other tests have left
    before = handles()
    with pytest.raises(ContextChangedError):
        open_verified(tmp_path, described(b"other size"))
    stream = open_verified(tmp_path, described(b"data"))
    assert handles() == before + 1
    stream.close()
    stream.close()
    with pytest.raises(ContextChangedError):
        open_verified(tmp_path, described(b"data", "missing"))
    gc.collect()
    assert handles() == before


def test_a_stream_is_readable_and_nothing_else(tmp_path: Path) -> None:
    """It can be neither written nor wound back, or the check would mean nothing."""
    (tmp_path / "x").write_bytes(b"data")
    with open_verified(tmp_path, described(b"data")) as stream:
        assert (stream.readable(), stream.writable(), stream.seekable()) == (True, False, False)
