"""Tar archives as streams: compressed in every way, damaged in every way."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import sys
import tarfile
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug_embedded.failures import InstructionError
from okplug_embedded.tarstreams import (
    BLOCK,
    CHUNK,
    Decompressed,
    UnknownCompressionError,
    begins_archive,
    member_path,
    members,
)

if TYPE_CHECKING:
    from collections.abc import Callable

_COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
}
_COMPRESSED = [name for name in _COMPRESSORS if name != "plain"]
_ZSTD = b"\x28\xb5\x2f\xfd and the rest"


def archive_of(files: dict[str, bytes], archive_format: int = tarfile.PAX_FORMAT) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=archive_format) as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def read_all(data: bytes, size: int = CHUNK) -> bytes:
    with Decompressed(io.BytesIO(data)) as stream:
        return b"".join(iter(lambda: stream.read(size), b""))


# -------------------------------------------------------------------------------------- compression


@pytest.mark.parametrize("size", [1, 5, 7, CHUNK])
@pytest.mark.parametrize("kind", _COMPRESSORS)
def test_what_was_compressed_is_read(kind: str, size: int) -> None:
    data = b"0123456789" * 20
    assert read_all(_COMPRESSORS[kind](data), size) == data


@pytest.mark.parametrize("kind", ["gzip", "bzip2", "xz"])
def test_several_streams_behind_one_another_are_one(kind: str) -> None:
    compress = _COMPRESSORS[kind]
    assert read_all(compress(b"one, ") + compress(b"two")) == b"one, two"


@pytest.mark.parametrize("data", [b"", b"B", b"\x1f\x8b", b"BZ", b"plain text"])
def test_what_only_begins_like_it_is_read_as_it_is(data: bytes) -> None:
    assert read_all(data) == data


@given(data=st.binary(max_size=300), size=st.integers(1, 50))
def test_plain_bytes_come_through_whole(data: bytes, size: int) -> None:
    """Unless their first bytes happen to announce a compression."""
    data = b"x" + data
    assert read_all(data, size) == data


@pytest.mark.parametrize("kind", _COMPRESSED)
def test_a_compressed_stream_that_ends_early(kind: str) -> None:
    data = _COMPRESSORS[kind](bytes(range(256)) * 64)
    with pytest.raises(InstructionError, match=r"^it cannot be decompressed: "):
        read_all(data[:-20])


@pytest.mark.parametrize("kind", _COMPRESSED)
def test_a_compressed_stream_with_wrong_bytes(kind: str) -> None:
    data = bytearray(_COMPRESSORS[kind](bytes(range(256)) * 64))
    data[-12] ^= 0xFF
    data[len(data) // 2] ^= 0xFF
    with pytest.raises(InstructionError, match=r"^it cannot be decompressed: "):
        read_all(bytes(data))


def test_zstd_is_refused_where_the_library_cannot_read_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "compression.zstd", None)
    stream = io.BytesIO(_ZSTD)
    message = r"^it is compressed with zstd, which this Python cannot read$"
    with pytest.raises(UnknownCompressionError, match=message) as error:
        Decompressed(stream)
    assert error.value.hint == "compress it with gzip or xz, or use Python 3.14 or a BuildKit"
    assert stream.closed


def test_zstd_is_read_where_the_library_can(monkeypatch: pytest.MonkeyPatch) -> None:
    class Module:
        """In the place of Python 3.14's module."""

        @staticmethod
        def ZstdFile(stream: io.BytesIO) -> io.BytesIO:  # noqa: N802  # the library's name
            return io.BytesIO(stream.read().replace(_ZSTD[:4], b"read"))

    monkeypatch.setitem(sys.modules, "compression.zstd", Module)
    assert read_all(_ZSTD) == b"read and the rest"


def test_a_stream_that_cannot_be_read_is_closed() -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            del size
            raise OSError("the disk is broken")

    stream = Broken()
    with pytest.raises(OSError, match="the disk is broken"):
        Decompressed(stream)
    assert stream.closed


# ------------------------------------------------------------------------------------------ reading


def test_position_counts_decompressed_bytes() -> None:
    with Decompressed(io.BytesIO(gzip.compress(b"0123456789"))) as stream:
        assert stream.position == 0
        stream.skip(3)
        assert stream.position == 3
        assert stream.read_exactly(4) == b"3456"
        assert stream.position == 7
        stream.finish()
        assert stream.position == 10


def test_reading_more_than_there_is() -> None:
    with Decompressed(io.BytesIO(b"0123456789")) as stream:
        assert stream.read_exactly(0) == b""
        with pytest.raises(InstructionError, match=r"^the archive ends too early$"):
            stream.read_exactly(11)
    with (
        Decompressed(io.BytesIO(b"0123456789")) as stream,
        pytest.raises(InstructionError, match=r"^the archive ends too early$"),
    ):
        stream.skip(11)


@pytest.mark.parametrize(
    "data",
    [
        gzip.compress(b"data") + bytes(4096),
        bz2.compress(b"data") + b"behind it " * 4096,
        lzma.compress(b"data") + b"behind it " * 4096,
        b"data" * 4096,
    ],
    ids=["gzip", "bzip2", "xz", "plain"],
)
def test_finish_reads_what_lies_behind_the_compressed_part(data: bytes) -> None:
    """Who checks the whole stream must see all of it."""
    raw = io.BytesIO(data)
    with Decompressed(raw) as stream:
        stream.read(1)
        stream.finish()
        assert raw.tell() == len(raw.getvalue())
    assert raw.closed


# ------------------------------------------------------------------------------------------ members


@pytest.mark.parametrize("kind", _COMPRESSORS)
@pytest.mark.parametrize(
    "archive_format", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]
)
def test_members_and_where_their_bytes_are(kind: str, archive_format: int) -> None:
    files = {"a": b"1", "b/c": b"x" * 600, "empty": b""}
    plain = archive_of(files, archive_format)
    with Decompressed(io.BytesIO(_COMPRESSORS[kind](plain))) as stream:
        found = {m.name: plain[m.offset_data : m.offset_data + m.size] for m in members(stream)}
    assert found == files


def test_names_that_are_no_text() -> None:
    buffer = io.BytesIO()
    name = b"caf\xe9".decode("utf-8", "surrogateescape")
    with tarfile.open(
        fileobj=buffer,
        mode="w",
        format=tarfile.GNU_FORMAT,
        encoding="utf-8",
        errors="surrogateescape",
    ) as archive:
        archive.addfile(tarfile.TarInfo(name))
    with Decompressed(io.BytesIO(buffer.getvalue())) as stream:
        assert [member.name for member in members(stream)] == [name]


def test_an_archive_is_read_to_its_end() -> None:
    raw = io.BytesIO(archive_of({"a": b"1"}) + bytes(40_000))
    with Decompressed(raw) as stream:
        assert [member.name for member in members(stream)] == ["a"]
        assert raw.tell() == len(raw.getvalue())


def test_an_archive_without_the_blocks_at_its_end() -> None:
    """Some tools leave them out, and everybody reads it."""
    data = archive_of({"a": b"1"})[: 2 * BLOCK]
    with Decompressed(io.BytesIO(data)) as stream:
        assert [member.name for member in members(stream)] == ["a"]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        pytest.param(lambda data: data[:3] * 500, "", id="other"),
        pytest.param(lambda data: data[:900], "unexpected end of data", id="ends within a member"),
        pytest.param(
            lambda data: data[: 1024 + 100], "truncated header", id="ends within a header"
        ),
        pytest.param(
            lambda data: data[:1034] + b"!" + data[1035:],
            "",
            id="second header",
        ),
    ],
)
def test_damaged_archives(spoil: Callable[[bytes], bytes], message: str) -> None:
    data = spoil(archive_of({"a": b"1" * 500, "b": b"2" * 500}))
    with (
        Decompressed(io.BytesIO(data)) as stream,
        pytest.raises(InstructionError, match=rf"^the tar archive is damaged: {message}"),
    ):
        list(members(stream))


def test_what_begins_an_archive() -> None:
    assert begins_archive(archive_of({"a": b"1"})[:BLOCK])
    assert not begins_archive(bytes(BLOCK))
    assert not begins_archive(b"#!/bin/sh\n".ljust(BLOCK, b" "))


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("a/b", ("a", "b")),
        ("./a//b/", ("a", "b")),
        ("/a", ("a",)),
        (".", ()),
        ("a/../b", ("a", "..", "b")),
        ("...", ("...",)),
    ],
)
def test_paths_of_members(name: str, path: tuple[str, ...]) -> None:
    assert member_path(name) == path
