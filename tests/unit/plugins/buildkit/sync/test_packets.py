"""Packets that are written by hand are those that the schema gives, and are read like them."""

from __future__ import annotations

import os
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug_buildkit.proto import filesync_pb2
from okplug_buildkit.sync import packets
from okplug_buildkit.sync.entries import Entry
from okplug_buildkit.sync.modes import to_go
from okplug_buildkit.sync.packets import Packet, PacketError

INT64 = st.integers(-(1 << 63), (1 << 63) - 1)
KINDS = (stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK)


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    kind = draw(st.sampled_from(KINDS))
    is_device = kind in (stat.S_IFCHR, stat.S_IFBLK)
    device = os.makedev(draw(st.integers(0, 4095)), draw(st.integers(0, 255)))
    return Entry(
        draw(st.binary(min_size=1, max_size=300)),
        kind | draw(st.integers(0, 0o7777)),
        draw(st.integers(0, (1 << 63) - 1)),
        draw(INT64),
        draw(st.binary(max_size=300)),
        device if is_device else 0,
    )


def of_schema(entry: Entry) -> filesync_pb2.Packet:
    return filesync_pb2.Packet(
        stat=filesync_pb2.Stat(
            path=entry.path,
            mode=to_go(entry.mode),
            size=entry.size,
            mod_time=entry.mtime_ns,
            linkname=entry.linkname,
            devmajor=os.major(entry.device),
            devminor=os.minor(entry.device),
        )
    )


def parsed(message: bytes) -> filesync_pb2.Packet:
    return filesync_pb2.Packet.FromString(message)


# --------------------------------------------------------------------------------------- writing


@given(entries())
def test_an_entry_is_written_as_the_schema_says(entry: Entry) -> None:
    assert packets.stat_packet(entry) == of_schema(entry).SerializeToString(deterministic=True)


def test_an_entry_is_golden() -> None:
    """What one is made of, byte by byte."""
    entry = Entry(b"a/b", stat.S_IFREG | 0o644, 300, 1)
    assert packets.stat_packet(entry).hex(" ") == "12 0d 0a 03 61 2f 62 10 a4 03 28 ac 02 30 01"


@given(st.integers(0, (1 << 32) - 1))
def test_a_request_is_written_as_the_schema_says(number: int) -> None:
    expected = filesync_pb2.Packet(type=packets.REQ, id=number)  # type: ignore[arg-type]  # the number of the enum
    assert packets.request_packet(number) == expected.SerializeToString()


@given(st.integers(0, (1 << 32) - 1), st.binary(max_size=500))
def test_a_piece_of_a_file_is_written_as_the_schema_says(number: int, data: bytes) -> None:
    header, same = packets.data_packet(number, data)
    packet = parsed(bytes(header) + bytes(same))
    assert (packet.type, packet.id, packet.data) == (packets.DATA, number, data)
    assert bytes(header) + data == packet.SerializeToString()


def test_content_is_not_copied_on_its_way() -> None:
    """A part is the very object that was read."""
    data = b"x" * 100
    assert packets.data_packet(3, data)[1] is data


def test_the_end_of_the_list_is_the_schema_s_empty_packet() -> None:
    packet = parsed(packets.END_OF_LIST)
    assert packet == filesync_pb2.Packet()
    assert not packet.HasField("stat")


def test_what_ends_a_transfer_is_written_as_the_schema_says() -> None:
    assert parsed(packets.FINISHED).type == packets.FIN
    failed = parsed(packets.error_packet("grün " * 50))
    assert (failed.type, failed.data.decode()) == (packets.ERR, "grün " * 50)


def test_the_types_are_those_of_the_schema() -> None:
    names = ("STAT", "REQ", "DATA", "FIN", "ERR")
    for name in names:
        assert getattr(packets, name) == filesync_pb2.PacketType.Value(name)


def test_a_socket_cannot_be_listed() -> None:
    with pytest.raises(ValueError, match=r"^mode 140644 is of no kind that can be sent$"):
        packets.stat_packet(Entry(b"s", stat.S_IFSOCK | 0o644))


# --------------------------------------------------------------------------------------- reading


@given(entries())
def test_an_entry_is_read_as_it_was_written(entry: Entry) -> None:
    packet = packets.read_packet(of_schema(entry).SerializeToString())
    assert packet == Packet(packets.STAT, entry)


def test_attributes_and_owners_are_read_over() -> None:
    """They have no meaning here."""
    message = of_schema(Entry(b"a", stat.S_IFREG | 0o600))
    message.stat.uid, message.stat.gid = 7, 8
    message.stat.xattrs["user.x"] = b"value"
    packet = packets.read_packet(message.SerializeToString())
    assert packet.entry == Entry(b"a", stat.S_IFREG | 0o600)


@given(st.integers(0, (1 << 32) - 1), st.binary(max_size=300), st.sampled_from(range(5)))
def test_a_packet_is_read_as_the_schema_says(number: int, data: bytes, kind: int) -> None:
    message = filesync_pb2.Packet(type=kind, id=number, data=data)  # type: ignore[arg-type]  # the number of the enum
    packet = packets.read_packet(message.SerializeToString())
    assert (packet.kind, packet.entry, packet.number) == (kind, None, number)
    assert bytes(packet.data) == data


def test_an_empty_packet_ends_the_list() -> None:
    assert packets.read_packet(b"") == Packet(packets.STAT)


def test_fields_that_nobody_knows_are_passed_over() -> None:
    """Numbers, words of four and eight bytes, and bytes: what a later version may add."""
    unknown = bytes.fromhex("78ff01 7d31323334 793132333435363738 7a03616263")
    packet = packets.read_packet(unknown + packets.request_packet(5) + unknown)
    assert (packet.kind, packet.number) == (packets.REQ, 5)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"\x08", "cut short"),
        (b"\x22\x05abc", "cut short"),
        (b"\x79123", "cut short"),
        (b"\x18" + b"\xff" * 11, "cut short"),
        (b"\x0b", "has a field of the unknown kind 3"),
        (b"\x0f", "has a field of the unknown kind 7"),
        (b"\x0a\x01a", "expected a number in a packet"),
        (b"\x10\x05", "expected bytes in a packet"),
        (b"\x12\x03\x10\x81", "cut short"),
        (b"\x12\x02\x08\x01", "expected bytes in a packet"),
        (b"\x12\x05\x10\x80\x80\x80\x08", "file mode 0x1000000 is of no kind"),
        (b"\x12\x0b\x40" + b"\xff" * 9 + b"\x01", "int"),
    ],
)
def test_what_is_no_packet_is_refused(message: bytes, reason: str) -> None:
    with pytest.raises(PacketError, match=reason):
        packets.read_packet(message)


@given(st.binary(max_size=40))
def test_any_bytes_are_a_packet_or_an_error(message: bytes) -> None:
    """Nothing else is raised, whatever comes in."""
    try:
        packet = packets.read_packet(message)
    except PacketError:
        return
    assert packet.kind >= 0
    assert len(packet.data) <= len(message)
