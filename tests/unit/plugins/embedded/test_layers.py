"""Layers are written byte for byte the same, and read back as what they were."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
import tempfile
from typing import IO, TYPE_CHECKING, Any, BinaryIO, cast

import pytest

from okplug import CancelledError
from okplug_embedded.contents import InArchive, Text
from okplug_embedded.filesystem import (
    DIRECTORY,
    FILE,
    LINK,
    PLAIN_DIRECTORY,
    Changes,
    Entry,
    FileSystem,
    Owner,
)
from okplug_embedded.layers import is_whiteout, write_layer
from okplug_embedded.tarstreams import Decompressed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from okplug_embedded.contents import Content
    from okplug_embedded.filesystem import Path as Names


def go_on() -> None:
    pass


def file(text: str | bytes, mode: int = 0o644, **fields: Any) -> Entry:
    data = text.encode() if isinstance(text, str) else text
    return Entry(FILE, mode, content=Text(data), **fields)


def layer_of(*entries: tuple[str, Entry], emptied: Sequence[Names] = (), time: int = 0) -> bytes:
    """Write a layer and return its bytes; its digest is checked."""
    parted = tuple((tuple(path.split("/")), entry) for path, entry in entries)
    layer = write_layer(Changes(parted, frozenset(emptied)), time, go_on)
    with layer.file:
        data = layer.file.read()
    assert layer.digest == f"sha256:{hashlib.sha256(data).hexdigest()}"
    return data


def members_of(data: bytes) -> list[tarfile.TarInfo]:
    with tarfile.open(
        fileobj=io.BytesIO(data), encoding="utf-8", errors="surrogateescape"
    ) as archive:
        return archive.getmembers()


SAMPLE = (
    ("etc", PLAIN_DIRECTORY),
    ("etc/shop.conf", file("port = 80\n", 0o640, owner=Owner(7, 8))),
    ("etc/shop.link", Entry(LINK, 0o777, target="shop.conf")),
    ("run", file("#!/bin/sh\n", 0o4755)),
    ("tmp", Entry(DIRECTORY, 0o1777)),
    ("ü" * 120, file("long and not ASCII")),
)


# ---------------------------------------------------------------------------------------- golden


def test_the_bytes_of_a_layer_never_change() -> None:
    """The digests of users' images depend on them: a new one is a new release's decision."""
    data = layer_of(*SAMPLE, emptied=[("etc",)], time=1_700_000_000)
    assert len(data) == 7168
    assert hashlib.sha256(data).hexdigest() == (
        "38fb81d1838d6bbdd471b3acda55e5e647e6c9e39c3bf9ac01892d1814f9fb48"
    )


def test_the_header_of_a_file_field_by_field() -> None:
    """As POSIX has it for ustar, written here without the library that the builder uses."""
    fields = (
        b"etc/shop.conf".ljust(100, b"\0"),
        b"0000640\0",  # mode
        b"0000007\0",  # user
        b"0000010\0",  # group
        b"00000000012\0",  # size
        b"14524770400\0",  # time
        b" " * 8,  # checksum
        b"0".ljust(101, b"\0"),  # a file; no link
        b"ustar\00000",
        bytes(64),  # names of user and group
        bytes(16),  # devices: none
        bytes(167),  # prefix, padding
    )
    header = b"".join(fields)
    checksum = b"%06o\0 " % sum(header)
    entry = file("port = 80\n", 0o640, owner=Owner(7, 8))
    data = layer_of(("etc/shop.conf", entry), time=1_700_000_000)
    found = data[:512]
    assert found.hex(" ", 8) == header.replace(b" " * 8, checksum).hex(" ", 8)
    assert data[512:] == b"port = 80\n" + bytes(502 + 1024)


def test_an_empty_layer() -> None:
    assert layer_of() == bytes(1024)


def test_a_header_says_nothing_of_the_machine() -> None:
    (member,) = members_of(layer_of(("a", file("1", 0o600, owner=Owner(3, 4))), time=5))
    assert (member.uid, member.gid, member.uname, member.gname) == (3, 4, "", "")
    assert (member.mode, member.mtime, member.size, member.type) == (0o600, 5, 1, tarfile.REGTYPE)
    assert (member.devmajor, member.devminor, member.pax_headers) == (0, 0, {})


def test_kinds_are_written_and_read() -> None:
    found = {member.name: member for member in members_of(layer_of(*SAMPLE))}
    assert list(found) == [path for path, _ in SAMPLE]
    assert found["etc"].isdir()
    assert found["etc/shop.link"].issym()
    assert found["etc/shop.link"].linkname == "shop.conf"
    assert found["run"].mode == 0o4755
    assert found["tmp"].mode == 0o1777


def test_layers_end_with_the_two_blocks_that_end_archives_and_no_more() -> None:
    data = layer_of(("a", file("x" * 513)))
    assert len(data) == 512 + 1024 + 1024
    assert data[-1024:] == bytes(1024)


@pytest.mark.parametrize("environment", ["umask", "folder", "TMPDIR", "zone", "user"])
def test_the_surroundings_do_not_count(
    environment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = layer_of(*SAMPLE)
    before = os.umask(0o077 if environment == "umask" else 0o022)
    try:
        if environment == "folder":
            monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path) if environment == "TMPDIR" else None)
        monkeypatch.setenv("TZ", "Asia/Tokyo" if environment == "zone" else "UTC")
        monkeypatch.setattr(os, "getuid", lambda: 4711)
        assert layer_of(*SAMPLE) == expected
    finally:
        os.umask(before)


def test_the_order_of_writing_does_not_count() -> None:
    digests = set()
    for order in (SAMPLE, (*SAMPLE[:1], *SAMPLE[:0:-1])):
        tree = FileSystem()
        for path, entry in order:
            tree.put(tuple(path.split("/")), entry)
        layer = write_layer(tree.take_changes(), 0, go_on)
        layer.file.close()
        digests.add(layer.digest)
    assert len(digests) == 1


# ----------------------------------------------------------------------------------------- names


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("n" * 101, id="longer than the field"),
        pytest.param("/".join(["d" * 50] * 4), id="fits with a prefix"),
        pytest.param("/".join(["d" * 200] * 8), id="longer than field and prefix"),
        pytest.param("ü" * 99, id="longer in bytes"),
        pytest.param("漢字/\U0001f600", id="scripts"),
        pytest.param("a b\tc\nd", id="blanks"),
        pytest.param("-rf", id="an option"),
        pytest.param("back\\slash", id="a backslash"),
    ],
)
def test_names(name: str) -> None:
    assert [member.name for member in members_of(layer_of((name, file("1"))))] == [name]


def test_names_that_are_no_text() -> None:
    """Bytes that are not UTF-8 come out as they went in."""
    name = b"caf\xe9".decode("utf-8", "surrogateescape")
    target = b"/\xff/x".decode("utf-8", "surrogateescape")
    data = layer_of((name, Entry(LINK, 0o777, target=target)))
    (member,) = members_of(data)
    assert (member.name, member.linkname) == (name, target)
    assert b"caf\xe9" in data
    assert b"/\xff/x" in data


def test_long_targets_of_links() -> None:
    target = "/".join(["t" * 60] * 5)
    (member,) = members_of(layer_of(("a", Entry(LINK, 0o777, target=target))))
    assert member.linkname == target


def test_owners_of_large_numbers() -> None:
    (member,) = members_of(layer_of(("a", file("", owner=Owner(2**31 - 1, 2**31 - 2)))))
    assert (member.uid, member.gid) == (2**31 - 1, 2**31 - 2)


def test_extended_attributes_are_kept() -> None:
    attributes = (("SCHILY.xattr.security.capability", "\x01\x00"),)
    (member,) = members_of(layer_of(("a", file("1", attributes=attributes))))
    assert member.pax_headers == dict(attributes)


# ------------------------------------------------------------------------------- several names


def test_hard_links() -> None:
    """The first name has the content, the others point to it."""
    inode = object()
    shared = file("shared", inode=inode)
    data = layer_of(("a", shared), ("b", file("own")), ("c", shared), ("d", shared))
    found = members_of(data)
    assert [(member.name, member.islnk(), member.linkname) for member in found] == [
        ("a", False, ""),
        ("b", False, ""),
        ("c", True, "a"),
        ("d", True, "a"),
    ]
    assert [member.size for member in found] == [6, 3, 0, 0]
    assert data.count(b"shared") == 1


def test_a_name_that_was_changed_is_a_file_of_its_own() -> None:
    """One inode has one mode; who differs is written in full."""
    inode = object()
    data = layer_of(
        ("a", file("x", 0o644, inode=inode)),
        ("b", file("x", 0o755, inode=inode)),
        ("c", file("x", 0o644, inode=inode)),
    )
    assert [(m.name, m.mode, m.islnk()) for m in members_of(data)] == [
        ("a", 0o644, False),
        ("b", 0o755, False),
        ("c", 0o644, True),
    ]


def test_equal_files_are_no_hard_links() -> None:
    assert not any(m.islnk() for m in members_of(layer_of(("a", file("x")), ("b", file("x")))))


# ------------------------------------------------------------------------------------- whiteouts


def test_an_emptied_directory_hides_what_was_below() -> None:
    data = layer_of(
        ("a", PLAIN_DIRECTORY),
        ("a/new", file("1")),
        ("b", PLAIN_DIRECTORY),
        emptied=[("a",)],
    )
    found = members_of(data)
    assert [member.name for member in found] == ["a", "a/.wh..wh..opq", "a/new", "b"]
    assert (found[1].type, found[1].size, found[1].mode) == (tarfile.REGTYPE, 0, 0o644)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (("a", "b"), False),
        ((), False),
        (("wh.a",), False),
        (("a.wh.b",), False),
        ((".wh.a",), True),
        ((".wh.", "b"), True),
        (("a", ".wh..wh..opq"), True),
    ],
)
def test_names_that_layers_take_for_absence(path: Names, expected: bool) -> None:  # noqa: FBT001  # a column
    assert is_whiteout(path) is expected


# --------------------------------------------------------------------------------------- contents


def test_parts_of_an_archive_are_read_in_one_pass() -> None:
    """However the layer orders them, and however often one is wanted."""
    opened = []

    def open_archive() -> Decompressed:
        opened.append(1)
        return Decompressed(io.BytesIO(b"0123456789"))

    parts = [InArchive(open_archive, offset, 2) for offset in (6, 0, 3)]
    entries = [
        (name, Entry(FILE, 0o644, content=part)) for name, part in zip("abc", parts, strict=True)
    ]
    data = layer_of(*entries, ("d", Entry(FILE, 0o600, content=parts[1])))
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        found = {}
        for member in archive:
            stream = archive.extractfile(member)
            assert stream is not None
            found[member.name] = stream.read()
    assert found == {"a": b"67", "b": b"01", "c": b"34", "d": b"01"}
    assert opened == [1]


class Failing:
    """A content that fails while it is read."""

    size = 10

    def __init__(self, error: Exception) -> None:
        self.error = error

    def open(self) -> BinaryIO:
        """Open what fails at its end."""
        stream = io.BytesIO(b"12345")
        read = stream.read
        error = self.error

        class Stream(io.BytesIO):
            def read(self, size: int | None = -1) -> bytes:
                data = read(size)
                if not data:
                    raise error
                return data

        return Stream()


class Closing:
    """Makes temporary files and remembers them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.files: list[IO[bytes]] = []
        self._make = tempfile.TemporaryFile
        monkeypatch.setattr(tempfile, "TemporaryFile", self)

    def __call__(self) -> IO[bytes]:
        """Make one."""
        made = cast("IO[bytes]", self._make())
        self.files.append(made)
        return made


def test_an_error_while_reading_closes_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    closing = Closing(monkeypatch)
    content: Content = Failing(OSError("the disk is broken"))
    changes = Changes(((("a",), Entry(FILE, 0o644, content=content)),))
    with pytest.raises(OSError, match="the disk is broken"):
        write_layer(changes, 0, go_on)
    assert [each.closed for each in closing.files] == [True, True]


def test_cancelling_stops_within_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not only between files: one of them may be large."""
    closing = Closing(monkeypatch)
    asked = []

    def check() -> None:
        asked.append(1)
        if len(asked) == 3:
            raise CancelledError

    content = Text(bytes(5 << 20))
    changes = Changes(((("a",), Entry(FILE, 0o644, content=content)),))
    with pytest.raises(CancelledError):
        write_layer(changes, 0, check)
    assert [each.closed for each in closing.files] == [True, True]
